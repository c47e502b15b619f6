"""The OpenAPI document, and a page that shows it without anything from outside."""

import json
import re
from collections.abc import Mapping
from html import escape
from itertools import chain
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse

from app.api.body import REFERENCE
from app.api.problems import INTERNAL, KINDS, Problem
from app.api.security import allow_docs

router = APIRouter(tags=["documents"], dependencies=[allow_docs()])

DESCRIPTION = """\
Recommendations for new users and new items, from the first click.

Keys travel as `Authorization: Bearer KEY` or `X-API-Key: KEY`. *Publishable* keys may be shown to
browsers: they record events of guests and read recommendations for guests, and of the user whom a
token in `X-User-Token` proves. *Server* keys speak for users and change the
catalogue. *Admin* keys manage meta-weights and keys. Each route lists the scopes that open it.
Errors are problems (RFC 9457).
"""
STYLE = (
    ":root{color-scheme:light dark}body{max-width:50rem;margin:auto;padding:1.5rem;"
    "font:1rem/1.5 system-ui,sans-serif}pre{padding:.75rem;overflow:auto;"
    "background:#8882;border-radius:.4rem}td{padding-right:1rem}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": f"{REFERENCE}Problem"}}},
    }
}
"""What every route may answer besides its own."""


@router.get("/v1/openapi.json", summary="This document", response_model=None)
async def openapi_json(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


@router.get("/docs", summary="A page about the API", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    return HTMLResponse(page(request.app.openapi()), headers={"Content-Security-Policy": POLICY})


class DocumentedApi(FastAPI):
    """FastAPI whose document knows the bodies that routes read by themselves."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = self._document()
        return self.openapi_schema

    def _document(self) -> dict[str, Any]:
        document = get_openapi(
            title=self.title, version=self.version, description=DESCRIPTION, routes=self.routes
        )
        schemas = document["components"]["schemas"]
        schemas |= _by_name(Problem.model_json_schema(ref_template=REFERENCE + "{model}"))
        for path in document["paths"].values():
            for operation in path.values():
                if "x-schema" in operation:
                    schemas |= _by_name(operation.pop("x-schema"))
        return document


def _by_name(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A model's schema and those it refers to, by name."""
    own = {name: value for name, value in schema.items() if name != "$defs"}
    return {**schema.get("$defs", {}), schema["title"]: own}


def page(document: Mapping[str, Any]) -> str:
    """The document as plain HTML: routes with scopes and examples, then the kinds of problems."""
    routes = "".join(
        _route(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    kinds = "".join(
        f'<tr id="{kind.slug}"><td>{kind.status}</td><td>{escape(kind.title)}</td></tr>'
        for kind in sorted({*KINDS.values(), INTERNAL})
    )
    paragraphs = "".join(f"<p>{_marked(text)}</p>" for text in DESCRIPTION.split("\n\n"))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(document['info']['title'])} API</title><style>{STYLE}</style>"
        f"<h1>{escape(document['info']['title'])} API</h1>{paragraphs}"
        '<p><a href="/v1/openapi.json">OpenAPI document</a></p>'
        f"<h2>Routes</h2>{routes}<h2>Problems</h2><table>{kinds}</table></html>"
    )


def _marked(text: str) -> str:
    """Markdown's code and emphasis as HTML, all else as it is."""
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", coded)


def _route(path: str, method: str, operation: Mapping[str, Any]) -> str:
    scopes = sorted(
        {scope for way in operation.get("security", []) for scope in chain(*way.values())}
    )
    examples = [
        example["value"]
        for media in list(operation.get("requestBody", {}).get("content", {}).values())[:1]
        for example in media.get("examples", {}).values()
    ]
    shown = "".join(f"<pre>{escape(json.dumps(one, indent=2))}</pre>" for one in examples)
    return (
        f"<h3><code>{method.upper()} {escape(path)}</code></h3>"
        f"<p>{_marked(operation['summary'])}. {_marked(operation.get('description', ''))}</p>"
        f"<p>Keys: {', '.join(scopes) or 'none needed'}</p>{shown}"
    )

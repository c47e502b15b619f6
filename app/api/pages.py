"""The demo: one page of our own, served only where the settings ask for it."""

import json
from asyncio import to_thread
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from app.api.deps import RuntimeDep
from app.errors import NotFound

PAGES = Path(__file__).parent.parent / "pages"
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def only_in_demo(runtime: RuntimeDep) -> None:
    if not runtime.settings.demo:
        raise NotFound("page", "demo")


router = APIRouter(include_in_schema=False, dependencies=[Depends(only_in_demo)])


class TitleOut(BaseModel):
    item_id: str
    title: str


@router.get("/")
async def page() -> Response:
    return await _file("index.html")


@router.get("/demo/assets/{name}")
async def asset(name: str) -> Response:
    return await _file(name)


@router.get("/demo/key")
async def key(runtime: RuntimeDep) -> dict[str, str]:
    """The publishable key, which is public by nature."""
    path = runtime.settings.state / "dev-keys.json"
    if not path.exists():
        raise NotFound("file", path.name)
    return {"key": json.loads(await to_thread(path.read_text))["publishable"]}


@router.get("/demo/titles")
async def titles(
    request: Request, runtime: RuntimeDep, q: Annotated[str, Query(max_length=100)] = ""
) -> list[TitleOut]:
    """Films whose title holds every word of `q`."""
    found = await request.app.state.titles.search(runtime.parts, q, limit=12)
    return [TitleOut(item_id=item_id, title=title) for item_id, title in found]


async def _file(name: str) -> Response:
    names = {path.name for path in PAGES.iterdir()}
    kind = KINDS.get(name.rpartition(".")[2])
    if name not in names or kind is None:
        raise NotFound("file", name)
    return Response(
        await to_thread((PAGES / name).read_bytes),
        media_type=kind,
        headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"},
    )

"""Files of our own pages: they hold no secret and need no key; what they call does."""

from asyncio import to_thread
from pathlib import Path

from fastapi import APIRouter, Response

from app.errors import NotFound

PAGES = Path(__file__).parent.parent / "pages"
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    return await page_file(name)


async def page_file(name: str) -> Response:
    """The file `name` of the pages, which may load from the service alone. Raises `NotFound`."""
    names = {path.name for path in PAGES.iterdir()}
    kind = KINDS.get(name.rpartition(".")[2])
    if name not in names or kind is None:
        raise NotFound("file", name)
    return Response(
        await to_thread((PAGES / name).read_bytes),
        media_type=kind,
        headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"},
    )

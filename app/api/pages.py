"""Pages of our own: the demo, served only where the settings ask for it, and the console.

The files hold no secret and need no key; what they ask of the service does.
"""

from asyncio import to_thread
from pathlib import Path

from fastapi import APIRouter, Response

from app.api import demo, demo_items
from app.api.deps import RuntimeDep
from app.errors import NotFound

PAGES = Path(__file__).parent.parent / "pages"
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)
router.include_router(demo.router)
router.include_router(demo_items.router)


@router.get("/")
async def storefront(runtime: RuntimeDep) -> Response:
    if not runtime.settings.demo:
        raise NotFound("page", "demo")
    return await _file("index.html")


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    return await _file(name)


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

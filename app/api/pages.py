"""Pages of our own: the demo, served only where the settings ask for it, and the console."""

from fastapi import APIRouter, Response

from app.api import assets, console, demo, demo_items
from app.api.assets import page_file
from app.api.deps import RuntimeDep
from app.errors import NotFound

router = APIRouter(include_in_schema=False)
for part in (assets, console, demo, demo_items):
    router.include_router(part.router)


@router.get("/")
async def storefront(runtime: RuntimeDep) -> Response:
    if not runtime.settings.demo:
        raise NotFound("page", "demo")
    return await page_file("index.html")

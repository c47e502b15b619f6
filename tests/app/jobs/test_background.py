"""What runs beside the requests, in the running service."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs import background
from app.runtime import now_ms
from app.services.purge import GRACE_MS
from app.settings import EventSettings
from tests.app.api.conftest import make_settings, serve
from tests.app.stores.given import ANN, click
from tests.generated import save_generated

DAY = 86_400_000


async def test_what_grows_too_old_is_deleted_while_the_service_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "PURGE_SECONDS", 0.05)
    save_generated(tmp_path / "weights")
    async with serve(make_settings(tmp_path, events=EventSettings(retention_days=1))) as service:
        log = service.runtime.parts.log
        growing_old = now_ms() - DAY - GRACE_MS + 1_000
        told = replace(click(ANN, 1), timestamp=growing_old)
        young = replace(click(ANN, 2), timestamp=growing_old + DAY)
        await log.append([told, young])
        async with asyncio.timeout(60):
            while (await log.scan(None, 10)).events != (young,):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

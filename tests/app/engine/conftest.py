from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.engine.device import Device
from app.engine.engine import Engine
from models.weights import MetaWeights
from tests.generated import save_generated


@pytest.fixture
def weights(tmp_path: Path) -> MetaWeights:
    return save_generated(tmp_path)


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    device = Device("cpu")
    yield device
    device.close()


@pytest.fixture
async def engine(weights: MetaWeights) -> AsyncIterator[Engine]:
    engine = Engine(device="cpu", batch_limit=16, queue_limit=64)
    engine.start()
    await engine.swap(await engine.prepare(weights, now=0), now=0)
    yield engine
    await engine.close()

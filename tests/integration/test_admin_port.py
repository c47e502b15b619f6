"""`thaw serve` on two ports, with several workers on both."""

import httpx
import pytest

from tests.app.client.conftest import environment, new_keys
from tests.integration.served import Served, free_port


@pytest.mark.parametrize("workers", [1, 2])
async def test_operators_have_their_own_port(
    tmp_path_factory: pytest.TempPathFactory, workers: int
) -> None:
    state = tmp_path_factory.mktemp("var")
    admin_port = free_port()
    settings = {**environment(state), "THAW_SERVER__ADMIN_PORT": str(admin_port)}
    served = Served(settings, await new_keys(state), state / "log", workers=workers)
    await served.start(until="/livez")
    try:
        async with served.client("admin") as client:
            for path in ("/v1/admin/keys", "/metrics"):
                assert (await client.get(path)).status_code == httpx.codes.NOT_FOUND
                there = await client.get(f"http://127.0.0.1:{admin_port}{path}")
                assert there.status_code == httpx.codes.OK
    finally:
        served.stop()
    assert f"for admins on http://127.0.0.1:{admin_port}" in served.log.read_text()

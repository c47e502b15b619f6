import pytest

from app.domain import Scope
from tests.app.api.conftest import Service
from tests.generated import save_generated

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def reload(service: Service, body: object = None) -> tuple[int, dict[str, object]]:
    response = await service.send("POST", "/v1/admin/weights/reload", body, scope=Scope.ADMIN)
    return response.status_code, response.json()


async def test_weights_are_swapped_and_listed(service: Service) -> None:
    directory = service.runtime.settings.weights.directory
    first = (await service.recommendations())["personalization"]["weights_version"]
    second = save_generated(directory, seed=7).version

    status, tried = await reload(service, {"version": second, "dry_run": True})
    assert (status, tried["version"], tried["previous"]) == (200, second, first)
    assert (await service.recommendations())["personalization"]["weights_version"] == first

    status, swapped = await reload(service, {"version": second})
    assert (status, swapped["version"], swapped["previous"]) == (200, second, first)
    assert "checksum" in str(swapped["checks"])
    assert (await service.recommendations())["personalization"]["weights_version"] == second

    listed = (await service.send("GET", "/v1/admin/weights", scope=Scope.ADMIN)).json()
    assert listed["active"] == second
    assert {one["version"] for one in listed["versions"]} == {first, second}
    assert all(one["sha256"] for one in listed["versions"])


async def test_the_status_is_found_by_any_request_id(service: Service) -> None:
    started = await service.send(
        *("POST", "/v1/admin/weights/reload", {"dry_run": True}),
        scope=Scope.ADMIN,
        request_id="deploy:42",
    )
    assert started.json()["reload_id"] == "deploy:42"
    for name in ("deploy:42", "deploy%3A42"):
        path = f"/v1/admin/weights/reload/{name}"
        assert (await service.send("GET", path, scope=Scope.ADMIN)).json()["stage"] == "done"


async def test_no_body_means_the_newest(service: Service) -> None:
    newest = save_generated(service.runtime.settings.weights.directory, seed=9).version
    assert (await reload(service))[1]["version"] == newest


async def test_broken_weights_change_nothing(service: Service) -> None:
    directory = service.runtime.settings.weights.directory
    before = (await service.recommendations())["personalization"]["weights_version"]
    broken = save_generated(directory, seed=11).version
    file = directory / broken / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    status, problem = await reload(service, {"version": broken})
    assert status == 422
    assert problem["title"] == "Meta-weights refused"
    assert broken in str(problem["detail"])
    assert (await service.recommendations())["personalization"]["weights_version"] == before


@pytest.mark.parametrize("version", ["0" * 12, "../../etc", "a/b", "🎬"])
async def test_unknown_weights_are_not_found(service: Service, version: str) -> None:
    status, problem = await reload(service, {"version": version})
    assert status in {404, 422}
    assert "weights" in str(problem["detail"])


@pytest.mark.parametrize("body", [{"version": 7}, {"version": ""}, {"dry_run": "no"}, []])
async def test_wrong_bodies_are_refused(service: Service, body: object) -> None:
    assert (await reload(service, body))[0] == 422


async def test_without_any_weights_a_reload_says_how_to_make_them(unready: Service) -> None:
    status, problem = await reload(unready, {})
    assert status == 503
    assert "thaw train" in str(problem["detail"])


async def test_a_roll_back_serves_what_was_before_and_back_again(service: Service) -> None:
    async def serves() -> str:
        return str((await service.recommendations())["personalization"]["weights_version"])

    before = await serves()
    other = save_generated(service.runtime.settings.weights.directory, seed=13).version
    await reload(service, {"version": other})
    for expected, previous in ((before, other), (other, before)):
        response = await service.send("POST", "/v1/admin/weights/rollback", scope=Scope.ADMIN)
        assert response.json()["version"] == expected == await serves()
        assert response.json()["previous"] == previous


async def test_weights_that_rank_users_for_items_are_not_served(service: Service) -> None:
    directory = service.runtime.settings.weights.directory
    before = (await service.recommendations())["personalization"]["weights_version"]
    other = save_generated(directory, seed=19, side="item").version
    status, problem = await reload(service, {"version": other})
    assert (status, problem["title"]) == (422, "Meta-weights refused")
    assert (await reload(service))[1]["version"] != other
    await reload(service, {"version": before})


async def test_there_may_be_nothing_to_roll_back_to(unready: Service) -> None:
    response = await unready.send("POST", "/v1/admin/weights/rollback", scope=Scope.ADMIN)
    assert response.status_code == 409
    assert "reload" in response.json()["detail"]


async def test_a_dry_run_tells_how_lists_would_move(service: Service, someone: str) -> None:
    await service.events({"type": "like", "user_id": someone, "item_id": "i003"})
    serving = (await service.recommendations())["personalization"]["weights_version"]
    _, same = await reload(service, {"version": serving, "dry_run": True})
    unmoved = {"mean_distance": 0.0, "largest_distance": 0.0, "first_changed": 0.0}
    assert isinstance(same["shadow"], dict)
    assert same["shadow"].items() >= unmoved.items()
    assert same["shadow"]["people"] >= 1
    other = save_generated(service.runtime.settings.weights.directory, seed=17).version
    _, moved = await reload(service, {"version": other, "dry_run": True})
    assert isinstance(moved["shadow"], dict)
    assert 0 < moved["shadow"]["mean_distance"] <= moved["shadow"]["largest_distance"] <= 1


async def test_how_far_a_reload_has_come_can_be_asked(service: Service) -> None:
    version = save_generated(service.runtime.settings.weights.directory, seed=13).version
    headers = {**service.by(Scope.ADMIN), "X-Request-Id": "reload-13"}
    done = await service.client.post(
        "/v1/admin/weights/reload", json={"version": version}, headers=headers
    )
    assert done.json()["reload_id"] == "reload-13"
    told = await state(service, "reload-13")
    assert told["stage"] == "done"
    assert told["replicas"] == done.json()["replicas"] != []
    headers["X-Request-Id"] = "reload-none"
    await service.client.post(
        "/v1/admin/weights/reload", json={"version": "0" * 12}, headers=headers
    )
    failed = await state(service, "reload-none")
    assert failed["stage"] == "failed"
    assert "0" * 12 in str(failed["error"])
    path = "/v1/admin/weights/reload/unheard-of"
    assert (await service.send("GET", path, scope=Scope.ADMIN)).status_code == 404


async def state(service: Service, reload_id: str) -> dict[str, object]:
    path = f"/v1/admin/weights/reload/{reload_id}"
    response = await service.send("GET", path, scope=Scope.ADMIN)
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found

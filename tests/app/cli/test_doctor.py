import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.cli.conftest import Ended
from tests.generated import save_generated

Thaw = Callable[..., Ended]


def findings(ended: Ended) -> dict[str, tuple[str, str]]:
    return {one["what"]: (one["verdict"], one["next_step"]) for one in json.loads(ended.out)}


def test_an_empty_place_is_told_what_it_lacks(thaw: Thaw) -> None:
    ended = thaw("doctor", "--json")
    assert ended.code == 2
    found = findings(ended)
    assert found["database"] == ("fault", "thaw db upgrade")
    assert found["meta-weights"] == ("fault", "thaw train --data DIR --out var/weights")
    assert {what for what, (verdict, _) in found.items() if verdict == "ok"} == {
        "settings",
        "redis",
        "device",
        "disk",
    }


def test_what_is_whole_needs_nothing(thaw: Thaw) -> None:
    thaw("db", "upgrade")
    save_generated(Path("var/weights"))
    assert findings(thaw("doctor", "--json"))["keys"][0] == "warning"
    thaw("keys", "create", "--scope", "server")
    ended = thaw("doctor", "--json")
    assert ended.code == 0
    assert {verdict for verdict, _ in findings(ended).values()} == {"ok"}
    assert "it answers, and has its tables" in thaw("doctor").out


def test_broken_weights_and_servers_that_are_down_are_found(
    thaw: Thaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = save_generated(Path("var/weights")).version
    file = Path("var/weights") / version / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    monkeypatch.setenv("THAW_REDIS__URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("THAW_DATABASE__URL", "postgresql+asyncpg://nobody:x@127.0.0.1:1/none")
    ended = thaw("doctor", "--json")
    assert ended.code == 2
    found = findings(ended)
    assert [found[what][0] for what in ("database", "redis", "meta-weights")] == [
        "fault",
        "warning",
        "fault",
    ]


def test_what_others_could_reach_is_named(thaw: Thaw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "THAW_SERVER", '{"host": "0.0.0.0", "open_docs": true, "allow_origins": ["*"]}'
    )
    monkeypatch.setenv("THAW_DEMO", "1")
    found = findings(thaw("doctor", "--json"))
    assert {what for what in ("demo", "documents", "cors") if found[what][0] == "warning"} == {
        "demo",
        "documents",
        "cors",
    }
    assert "metrics" not in found


def test_a_scenario_that_cannot_be_is_named_before_anything_starts(
    thaw: Thaw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_SCENARIOS", '{"news": {"filter": {"field": "kind", "like": "a"}}}')
    assert findings(thaw("doctor", "--json"))["settings"][0] == "fault"
    ended = thaw("serve", "--port", "0")
    assert ended.code == 2
    assert "/scenarios/news/filter/like: expected one of" in ended.err
    monkeypatch.setenv("THAW_SCENARIOS", '{"news": {"filter": {"field": "kind", "eq": "a"}}}')
    assert "1 scenarios" in thaw("doctor", "--json").out

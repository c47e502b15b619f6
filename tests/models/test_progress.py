"""Parts of a whole, told to whoever waits."""

import pytest

from models.progress import part, seldom, stages


def test_parts_of_parts_end_where_the_next_begin() -> None:
    told: list[tuple[str, float]] = []
    first = part(lambda *step: told.append(step), 0, 0.5, "fold 1")
    inner = stages(first, {"ours": 1, "ease": 3})
    for name, tell in inner.items():
        tell("", 0.0)
        tell(f"half of {name}", 0.5)
        tell("", 1.0)
    assert told == [
        ("fold 1, ours", 0.0),
        ("fold 1, ours, half of ours", 0.0625),
        ("fold 1, ours", 0.125),
        ("fold 1, ease", 0.125),
        ("fold 1, ease, half of ease", 0.3125),
        ("fold 1, ease", 0.5),
    ]


def test_logs_hear_of_what_is_new_and_of_the_rest_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 1.0, 2.0, 59.0, 60.5, 61.0, 62.0])
    monkeypatch.setattr("models.progress.monotonic", lambda: next(clock))
    told: list[str] = []
    tell = seldom(lambda what, _: told.append(what), seconds=60)
    for what in ("a, 1", "a, 2", "b, 1", "b, 2", "b, 3", "b, 62", "a, 3"):
        tell(what, 0.0)
    assert told == ["a, 1", "b, 1", "a, 3"]
    clock = iter([0.0, 59.0, 60.0, 61.0])
    for what in ("b, 1", "b, 2", "b, 3", "b, 4"):
        tell(what, 0.0)
    assert told[3:] == ["b, 1", "b, 3"]

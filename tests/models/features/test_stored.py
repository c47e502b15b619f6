import pytest

from models.errors import DataError
from models.features import Encoder
from tests.models.features.given import FILMS


@pytest.mark.parametrize(
    "change",
    [
        {"columns": None},
        {"columns": [None]},
        {"columns": [{"kind": "colour", "name": "a", "missing": False}]},
        {"columns": [{"kind": "category", "name": "a", "missing": False, "values": ["b", "b"]}]},
        {"columns": [{"kind": "category", "name": "a", "missing": 0, "values": ["b"]}]},
        {"columns": [{"kind": "text", "name": "a", "missing": False}] * 2},
        {"text": {"hashes": [1, 2], "idf": [1.0]}},
        {"text": {"hashes": [1, 1], "idf": [1.0, 1.0]}},
        {"text": {"hashes": [2**32], "idf": [1.0]}},
        {"text": {"hashes": [1], "idf": [0.0]}},
        {"text": []},
        {"notes": "none"},
        {"notes": [1]},
    ],
)
def test_nonsense_is_refused(change: dict[str, object]) -> None:
    stored = Encoder.fit(FILMS, "item_id", min_count=2).to_json()
    with pytest.raises(DataError):
        Encoder.from_json(stored | change)


@pytest.mark.parametrize(
    "change",
    [
        {"mean": None},
        {"mean": float("nan")},
        {"deviation": 0},
        {"deviation": -1.0},
        {"edges": [2, 1]},
        {"edges": [10**400]},
        {"edges": "12"},
    ],
)
def test_nonsense_about_numbers_is_refused(change: dict[str, object]) -> None:
    column = {"kind": "number", "name": "a", "missing": False, "mean": 1, "deviation": 2}
    stored: dict[str, object] = {"columns": [column | {"edges": [1, 2]}], "text": None, "notes": []}
    assert Encoder.from_json(stored).size == 4
    with pytest.raises(DataError):
        Encoder.from_json(stored | {"columns": [column | {"edges": [1, 2]} | change]})

"""The benchmark of new items end to end on generated data, and the rows it makes."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from benchmarks import new_items
from models.evidence import Estimate
from models.new_items_report import MEASURES, InLists, NewItemsReport
from tests.models.generated_data import generated_dataset


def in_lists(askers: int) -> InLists:
    """Recall .3 beside .2, old NDCG .49 beside .5."""
    means = dict(zip(MEASURES, (0.3, 0.2, 0.49, 0.48, 0.5, 0.4, 0.4, 0.4), strict=True))
    return InLists(
        users=askers + 10,
        askers=askers,
        measures={name: Estimate(mean) for name, mean in means.items()},
        gain=Estimate(0.1),
        ratio=Estimate(1.5),
        kept=Estimate(0.98),
        similarity_kept=Estimate(0.96),
    )


def test_rows_rest_on_enough_users() -> None:
    report = NewItemsReport(
        dataset="generated",
        order="random",
        seed=0,
        versions=("0" * 12,),
        new_items=30,
        shots={0: in_lists(300), 50: in_lists(199)},
        chosen={0: (), 50: ()},
    )
    new, old = new_items.rows_of_lists(report)
    assert (new.ours, new.rival, new.ratio, new.bar, new.users) == (0.3, 0.2, 1.5, 1.5, 300)
    assert (old.ours, old.rival, old.ratio, old.bar, old.users) == (0.49, 0.5, 0.98, 0.99, 310)
    assert new.what == "new in lists, generated, random order, 0 shots"


def test_both_parts_are_kept_and_shown(tmp_path: Path) -> None:
    generated_dataset(tmp_path / "shop", users=150, items=200)
    rows = "".join(f"i{number:03d},kind {number % 4}\n" for number in range(200))
    (tmp_path / "shop" / "items.csv").write_text("item_id,kind\n" + rows)
    printed = StringIO()
    with redirect_stdout(printed):
        new_items.main(
            [
                *(str(tmp_path / "shop"), "--budget", "0.1", "--cache", str(tmp_path / "cache")),
                *("--results", str(tmp_path / "results")),
            ]
        )
    kept = json.loads((tmp_path / "results" / "new_items" / "shop.json").read_text())
    assert kept["audience"]["side"] == "item"
    assert kept["lists"]["new_items"] == kept["audience"]["n"]["0"]
    assert kept["lists"]["weights"] != kept["audience"]["weights"]
    assert "hybrid" in kept["audience"]["methods"]
    assert kept["rows"] == []
    assert "items that training never saw" in printed.getvalue()
    assert json.loads((tmp_path / "results" / "new_items.json").read_text())["rows"] == []

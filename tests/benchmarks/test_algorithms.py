"""The benchmark on generated data: every algorithm, every number of users, a table and a figure."""

import json
from pathlib import Path

import matplotlib as mpl
import pytest

from benchmarks import algorithms as benchmark
from benchmarks.algorithms_figure import draw
from benchmarks.algorithms_measured import Cost, Measured, ranked, rows_of, table_of
from models import algorithms
from models.evidence import Estimate
from tests.models.generated_data import generated_dataset


def test_trains_on_parts_of_the_users_and_says_what_each_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(algorithms, "names", lambda: ("meta-sgd",))
    generated_dataset(tmp_path / "generated", users=200)
    places = [
        part
        for name in ("cache", "results", "docs")
        for part in (f"--{name}", str(tmp_path / name))
    ]
    asked = [str(tmp_path / "generated"), "--users", "30", "--shots", "3", "--budget", "0.1"]
    benchmark.main([*asked, *places])
    printed = capsys.readouterr().out
    content = json.loads((tmp_path / "results" / "algorithms.json").read_text())
    sizes = list(content["quality"]["meta-sgd"])
    assert sizes == list(content["quality"]["popularity"])
    assert sizes[0] == "30"
    assert 150 < int(sizes[1]) < 190
    costs = content["costs"]["meta-sgd"]
    assert costs["parameters"] > 60 * costs["per_item"] > 0
    assert costs["megabytes"] * 1e6 >= costs["parameters"]
    assert costs["milliseconds"] > 0
    assert {row["unit"] for row in content["rows"]} == {"NDCG@10, 3 shots"}
    assert printed.count("| meta-sgd |") == 1
    assert (tmp_path / "docs" / "images" / "algorithms.svg").stat().st_size > 10_000

    def refuse(*_: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("models.evaluate.train", refuse)
    benchmark.main([*asked, *places])
    assert capsys.readouterr().out.splitlines()[0] == printed.splitlines()[0]


def measured() -> Measured:
    def line(start: float) -> dict[int, Estimate]:
        return {
            users: Estimate(start + users / 1e4, start, start + users / 5e3)
            for users in (60, 250, 800)
        }

    return Measured(
        "shop",
        5,
        {"slow": line(0.3), "popularity": line(0.35), "quick": line(0.32), "third": line(0.31)},
        {
            "slow": Cost(900_000, 70, 3.6, 64, 0.4),
            "quick": Cost(1_000, 2, 0.1, 8, 0.02),
            "third": Cost(950_000, 70, 3.8, 64, 7.0),
        },
    )


def test_algorithms_are_ranked_and_popularity_comes_last() -> None:
    assert ranked(measured()) == ["quick", "third", "slow", "popularity"]
    lines = table_of(measured()).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "| 0.400 [0.320, 0.480] | 1,000 | 2 | 0.1 | 8 | 0.02 |" in lines[2]
    ratios = {row["what"]: row["ratio"] for row in rows_of(measured())}
    assert len(ratios) == 9
    assert ratios["quick, shop, 800 training users"] == pytest.approx(0.4 / 0.43)


def test_the_figure_names_every_algorithm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    draw(measured(), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    for name in ("slow", "quick", "popularity", "parameters", "MB of", "ms to adapt"):
        assert f">{name}" in text

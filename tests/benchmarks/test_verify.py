import json
from pathlib import Path
from typing import Literal

import pytest
import torch

from benchmarks.verify.__main__ import main
from benchmarks.verify.parts import PARTS
from benchmarks.verify.row import VerifyRow, mean_and_margin
from benchmarks.verify.sines import META_SGD_FAMILY, REACH, draw_tasks


@pytest.mark.parametrize(
    ("ours", "better", "passed"),
    [(2.3, "lower", False), (2.1, "lower", True), (2.3, "higher", True), (2.1, "higher", False)],
)
def test_a_row_passes_on_the_good_side_of_its_bar(
    ours: float, better: Literal["higher", "lower"], passed: bool
) -> None:
    row = VerifyRow(
        what="an algorithm",
        setting="anyhow",
        ours=ours,
        rival=2.0,
        rival_name="published",
        bar=1.1,
        better=better,
        unit="MSE",
    )
    assert row.passed is passed
    assert row.to_json()["ratio"] == pytest.approx(ours / 2)


def test_the_margin_is_half_of_the_95_percent_interval() -> None:
    mean, margin = mean_and_margin(torch.tensor([1.0, 3.0] * 50))
    assert mean == pytest.approx(2)
    assert margin == pytest.approx(1.96 * 0.1, rel=0.01)


def test_tasks_are_waves_within_their_ranges() -> None:
    tasks = draw_tasks(META_SGD_FAMILY, 300, 20, torch.Generator().manual_seed(0))
    inputs, values = tasks.support
    assert inputs.shape == values.shape == (300, 20, 1)
    assert not torch.equal(inputs, tasks.query[0])
    assert 0.99 * REACH < inputs.abs().max() <= REACH
    heights = values.abs().amax((1, 2))
    assert 4 < heights.max() <= 5
    assert heights.min() < 0.5


def test_the_figure_comes_out_the_same_each_time(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.svg", "other.svg")]
    for file in files:
        figure = PARTS["sinusoid-10"].figure
        assert figure
        figure(file, True)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert b"true wave" in files[0].read_bytes()


def test_measures_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--results", str(tmp_path), "--figure", str(tmp_path / "figure.svg")])
    content = json.loads((tmp_path / "verify-quick.json").read_text())
    assert content["machine"]["cores"] >= 1
    assert content["quick"] is True
    rows = content["rows"]
    assert {
        "sinusoid: predicting zero",
        "sinusoid K=5: MAML, 1 step",
        "sinusoid K=10: Reptile, 32 steps",
        "wider sinusoid K=20: Meta-SGD, 1 step",
        "digits 5 to 9, 1-shot: prototypical",
    } <= {row["what"] for row in rows}
    for row in rows:
        assert row["ratio"] == pytest.approx(row["ours"] / row["rival"])
    zero = rows[0]
    assert abs(zero["ours"] - zero["published"]) < 2 * zero["margin"]
    assert (tmp_path / "figure.svg").read_text().startswith("<?xml")
    assert f"{rows[-1]['ours']:.3f}" in capsys.readouterr().out

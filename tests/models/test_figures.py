"""Pictures: every method is named, and the same report is the same file."""

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest

from models.errors import ExtraMissing, needing
from models.evidence import Difference, Estimate
from models.figures import draw
from models.report import Report


def some_report() -> Report:
    def curve(height: float) -> dict[int, dict[str, Estimate]]:
        return {
            k: {
                "ndcg@10": Estimate(height + k / 50, height + k / 50 - 0.03, height + k / 50 + 0.02)
            }
            for k in (0, 1, 5)
        }

    worse = Difference(-0.01, -0.02, 0.01, 0.3, 0.9, "open")
    return Report(
        dataset="shop",
        order="random",
        seed=0,
        versions=("0123456789ab",),
        users={0: 900, 1: 400, 5: 30},
        methods={"ours": curve(0.3), "prior": curve(0.2), "ease": curve(0.3), "lift": curve(0.25)},
        rivals={0: "ease", 1: "ease", 5: "lift"},
        against={k: dict.fromkeys(("prior", "ease", "lift"), worse) for k in (0, 1, 5)},
        chosen={},
        facts={},
    )


def test_the_same_report_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.svg", "deep/b.svg"):
        draw(some_report(), tmp_path / name)
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "deep" / "b.svg").read_bytes()
    draw(replace(some_report(), dataset="other"), tmp_path / "a.svg")
    assert first != (tmp_path / "a.svg").read_bytes()


def test_every_method_and_column_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    draw(some_report(), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    for name in ("ours", "prior", "ease", "lift", "(few)", "gain over the", "shop: NDCG@10"):
        assert f">{name}" in text


def test_without_rivals_there_is_no_gain_to_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    alone = some_report()
    methods = {name: alone.methods[name] for name in ("ours", "prior")}
    draw(replace(alone, rivals={}, methods=methods), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert ">ours" in text
    assert "gain over the" not in text


def test_other_formats_follow_the_suffix(tmp_path: Path) -> None:
    draw(some_report(), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_missing_extra_is_named() -> None:
    def absent(name: str, *_: object) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    expected = pytest.raises(ExtraMissing, match=r"matplotlib is not .* 'thaw\[plots\]'")
    with expected, needing("plots"):
        absent("matplotlib")

"""The benchmark end to end on generated data: a set is run once, the page tells of all."""

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from benchmarks import quality
from models.report import Report
from tests.models.generated_data import generated_dataset


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the benchmark wrote, and its printed table as printed.txt."""
    folder, printed = tmp_path_factory.mktemp("quality"), StringIO()
    generated_dataset(folder / "generated", users=300)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setattr("models.report.CLAIMABLE_USERS", 20)
        patch.setattr("benchmarks.quality_page.CLAIMABLE_USERS", 20)
        quality.main([str(folder / "generated"), "--budget", "0.1", *places(folder)])
        (folder / "printed.txt").write_text(printed.getvalue())
        yield folder


def places(folder: Path) -> list[str]:
    names = ("cache", "results", "docs")
    return [part for name in names for part in (f"--{name}", str(folder / name))]


def test_trains_judges_prints_and_writes(ran: Path) -> None:
    content = json.loads((ran / "results" / "quality.json").read_text())
    assert content["machine"]["cores"] >= 1
    assert content["reports"][0]["dataset"] == "generated"
    first = content["rows"][0]
    assert first["what"] == "generated, random order, 0 shots"
    assert first["rival_name"] == "popularity"
    assert (first["ratio"], first["better"], first["unit"]) == (1.0, "higher", "NDCG@10")
    for row in content["rows"]:
        assert row["ratio"] == pytest.approx(row["ours"] / row["rival"])
        assert row["users"] >= 20
    assert f"{content['rows'][-1]['ours']:.4f}" in (ran / "printed.txt").read_text()


def test_the_page_shows_every_method_and_the_figure(ran: Path) -> None:
    page = (ran / "docs" / "quality.md").read_text()
    report = Report.of_json(
        json.loads((ran / "results" / "quality.json").read_text())["reports"][0]
    )
    for name in report.methods:
        assert f"\n| {name} | " in page
    assert "| generated | 1.000 = | " in page
    assert "older state" not in page
    for line in page.splitlines():
        if line.startswith("|"):
            assert line.count("|") == len(report.users) + 2
    assert "(images/quality-generated.svg)" in page
    assert (ran / "docs" / "images" / "quality-generated.svg").stat().st_size > 10_000


def test_a_set_is_run_again_only_for_a_reason(ran: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class RunAgain(Exception):
        pass

    def run(*_: object, **__: object) -> None:
        raise RunAgain

    monkeypatch.setattr(quality, "evaluate_folds", run)
    page = (ran / "docs" / "quality.md").read_text()
    asked = [str(ran / "generated"), "--budget", "0.1", *places(ran)]
    quality.main(asked)
    assert (ran / "docs" / "quality.md").read_text() == page
    with pytest.raises(RunAgain):
        quality.main([*asked, "--seeds", "2"])
    monkeypatch.setattr(quality, "code_digest", lambda *_: "changed")
    quality.main(places(ran))
    assert "older state of the code" in (ran / "docs" / "quality.md").read_text()
    with pytest.raises(RunAgain):
        quality.main(asked)


def test_nothing_kept_is_an_empty_page(tmp_path: Path) -> None:
    quality.main(places(tmp_path))
    assert json.loads((tmp_path / "results" / "quality.json").read_text())["rows"] == []
    assert (tmp_path / "docs" / "quality.md").read_text().startswith("# Quality")

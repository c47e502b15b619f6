import json
from pathlib import Path

import pytest

from benchmarks import quality
from tests.models.generated_data import generated_dataset


def test_trains_judges_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("models.report.CLAIMABLE_USERS", 20)
    generated_dataset(tmp_path / "generated", users=300)
    places = ["--cache", str(tmp_path / "cache"), "--results", str(tmp_path / "results")]
    quality.main(["--data", str(tmp_path / "generated"), "--budget", "0.1", *places])
    content = json.loads((tmp_path / "results" / "quality.json").read_text())
    assert content["machine"]["cores"] >= 1
    assert content["reports"][0]["dataset"] == "generated"
    first = content["rows"][0]
    assert first["what"] == "generated, random order, 0 shots"
    assert first["rival_name"] == "popularity"
    assert (first["ratio"], first["better"], first["unit"]) == (1.0, "higher", "NDCG@10")
    for row in content["rows"]:
        assert row["ratio"] == pytest.approx(row["ours"] / row["rival"])
        assert row["users"] >= 20
    printed = capsys.readouterr().out
    assert f"{content['rows'][-1]['ours']:.4f}" in printed

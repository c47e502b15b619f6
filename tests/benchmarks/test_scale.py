"""Resampled catalogues are like those they come from; the benchmark runs end to end."""

import json
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import scale
from benchmarks.resampled import histories, on_shelves, resampled, shelf_name
from models.smoke import check
from models.weights import MetaWeights
from tests.generated import save_generated
from tests.models.generated_data import generated_dataset


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> MetaWeights:
    return save_generated(tmp_path_factory.mktemp("weights"))


def test_copies_keep_means_and_spreads(trained: MetaWeights) -> None:
    few, many = trained.slow, resampled(trained, 20_000).slow
    for name in ("item_vectors", "item_biases", "popularity"):
        scale_of = few[name].std(0)
        assert torch.all((many[name].mean(0) - few[name].mean(0)).abs() < 0.05 * scale_of)
        assert torch.all((many[name].std(0) / scale_of - 1).abs() < 0.05)
    assert len(np.unique(many["popularity"].numpy())) > 19_000


def test_copies_bring_copies_to_mind(trained: MetaWeights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every generated item brings the one before it to mind; its popularity tells which it is."""
    monkeypatch.setattr("benchmarks.resampled.JITTER", 0.0)
    many = resampled(trained, 240)
    steps = trained.slow["popularity"][0] - trained.slow["popularity"][1]
    of = ((trained.slow["popularity"][0] - many.slow["popularity"]) / steps).round().long()
    for name in ("cosine", "regression"):
        assert torch.equal(of[many.slow[f"{name}_items"][:, 0].long()], (of - 1) % 60)
        assert bool((many.slow[f"{name}_values"] == 1).all())
    assert len(many.item_ids) == len(set(many.item_ids)) == many.manifest.items == 240


def test_partners_that_have_no_copy_are_forgotten(trained: MetaWeights) -> None:
    few = resampled(trained, 20)
    values, items = few.slow["cosine_values"], few.slow["cosine_items"]
    assert int(items.max()) < 20
    assert 0 < int((values == 0).sum()) < 20


def test_copies_tell_scores_of_their_own(trained: MetaWeights) -> None:
    told = replace(trained.manifest, smoke={"support": [59], "items": [58], "scores": [0.0]})
    few = resampled(replace(trained, manifest=told), 20)
    assert few.manifest.smoke is not None
    check(few)


def test_shelves_are_of_equal_size_and_follow_the_vectors(trained: MetaWeights) -> None:
    many = resampled(trained, 2_000)
    items = on_shelves(many, (0.1, 0.01))
    names = [str(item.properties[shelf_name(0.1)]) for item in items]
    _, counts = np.unique(names, return_counts=True)
    assert counts.tolist() == [200] * 10
    vectors = many.slow["item_vectors"]
    whole = vectors.var(0).sum()
    within = torch.stack(
        [vectors[[name == shelf for name in names]].var(0).sum() for shelf in set(names)]
    ).mean()
    assert within < 0.97 * whole


def test_histories_are_of_different_items(trained: MetaWeights) -> None:
    for history in histories(resampled(trained, 500), 20, 10):
        assert len({shot.item_id for shot in history}) == 10


def test_the_table_is_about_what_was_measured(
    trained: MetaWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated_dataset(tmp_path / "data", users=30)
    monkeypatch.setattr(scale, "trained", lambda *asked: trained)  # noqa: ARG005
    printed = StringIO()
    with redirect_stdout(printed):
        scale.main(
            [
                *("--data", str(tmp_path / "data"), "--requests", "2"),
                *("--sizes", "2000,12000", "--entities", "512", "--seconds", "0.1"),
                *("--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")),
            ]
        )
    content = json.loads((tmp_path / "results" / "scale.json").read_text())
    rows = {row["what"]: row for row in content["rows"]}
    assert rows["best 100, 10.0% of 12,000 items"]["ours"] == 1.0
    for row in rows.values():
        assert row["ratio"] == pytest.approx(row["ours"] / row["rival"])
    sizes = {one["items"] for one in content["measured"]["latencies"]}
    assert sizes == {2_000, scale.SMALL, 12_000}
    assert "latency, 100.0% of 12,000 items against 10,000" in printed.getvalue()
    assert (tmp_path / "docs" / "images" / "scale.svg").stat().st_size > 1_000

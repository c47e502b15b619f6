"""Meta-training: learns, stops, resumes, repeats itself, and never reads a test user."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from models import algorithms
from models.config import RankerConfig, TrainConfig
from models.data import Dataset, split
from models.errors import DataError, UnknownAlgorithm
from models.shapes import Personal, Support
from models.train import Progress, train
from models.weights import Manifest, load
from tests.models.generated_data import generated_dataset

CONFIG = TrainConfig(
    steps=60, users=32, check_every=20, ranker=RankerConfig(dimension=8, negatives=32)
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def trained(
    dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Manifest, Path, list[Progress]]:
    out = tmp_path_factory.mktemp("weights")
    steps: list[Progress] = []
    return train(dataset, CONFIG, out, on_progress=steps.append), out, steps


def test_adapting_beats_the_prior(trained: tuple[Manifest, Path, list[Progress]]) -> None:
    manifest = trained[0]
    for shots in ("3", "5", "10"):
        marks = manifest.metrics[shots]
        assert marks["ndcg@10"] > marks["ndcg@10_prior"] + 0.02
    assert manifest.metrics["0"]["ndcg@10"] == manifest.metrics["0"]["ndcg@10_prior"]
    assert len(manifest.gate) == 51
    assert manifest.gate[0] == 0
    assert max(manifest.gate) > 0


def test_the_manifest_tells_what_was_done(
    dataset: Dataset, trained: tuple[Manifest, Path, list[Progress]]
) -> None:
    manifest, out, _ = trained
    parts = split(dataset, CONFIG.seed, CONFIG.fold)
    assert manifest.split == {
        "seed": 0,
        "fold": 0,
        "train": len(parts.train),
        "validation": len(parts.validation),
        "test": len(parts.test),
    }
    assert manifest.algorithm == "meta-sgd"
    assert manifest.retrieval == "dot"
    assert manifest.steps == CONFIG.ranker.steps
    assert manifest.items == len(dataset.item_ids)
    assert manifest.data["fingerprint"] == dataset.fingerprint
    assert manifest.data["interactions"] == len(dataset.user)
    assert manifest.config["ranker"]["dimension"] == 8
    loaded = load(out, manifest.version)
    assert loaded.item_ids == dataset.item_ids
    assert tuple(loaded.slow["gate"].double().tolist()) == pytest.approx(manifest.gate)


def test_progress_is_reported_step_by_step(
    trained: tuple[Manifest, Path, list[Progress]],
) -> None:
    steps = trained[2]
    assert [one.step for one in steps] == list(range(1, len(steps) + 1))
    assert {one.total_steps for one in steps} == {CONFIG.steps}
    checked = [one for one in steps if one.validation_ndcg is not None]
    assert [one.step for one in checked] == list(range(20, len(steps) + 1, 20))
    assert all(one.best is not None and 0 < one.best <= 1 for one in steps)
    assert all(np.isfinite(one.loss) for one in steps)
    assert [one.seconds for one in steps] == sorted(one.seconds for one in steps)


def test_the_same_call_gives_the_same_version_and_tells_what_it_chooses(
    dataset: Dataset, trained: tuple[Manifest, Path, list[Progress]], tmp_path: Path
) -> None:
    told: list[tuple[str, float]] = []
    again = train(dataset, CONFIG, tmp_path, on_choice=lambda *step: told.append(step))
    assert again.version == trained[0].version
    choices = list(dict.fromkeys(what.split(",")[0] for what, _ in told))
    assert choices == ["blends", "dislikes", "their first users"]  # it knows nothing of its items
    assert [done for _, done in told] == sorted(done for _, done in told)
    assert train(dataset, replace(CONFIG, seed=1), tmp_path).version != trained[0].version


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    dataset: Dataset, trained: tuple[Manifest, Path, list[Progress]], tmp_path: Path
) -> None:
    """Killed between two checks, and again after the second."""

    class Killed(Exception):
        pass

    for last in (33, 41):

        def kill(progress: Progress, last: int = last) -> None:
            if progress.step == last:
                raise Killed

        with pytest.raises(Killed):
            train(dataset, CONFIG, tmp_path, on_progress=kill)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".training-")
    seen: list[int] = []
    manifest = train(
        dataset, CONFIG, tmp_path, on_progress=lambda progress: seen.append(progress.step)
    )
    assert seen[0] == 41
    assert manifest.version == trained[0].version
    assert [entry.name for entry in tmp_path.iterdir()] == [manifest.version]


def test_another_purpose_does_not_resume(
    dataset: Dataset, trained: tuple[Manifest, Path, list[Progress]], tmp_path: Path
) -> None:
    stopped = train(dataset, replace(CONFIG, seed=1), tmp_path, stop=lambda: True)
    assert stopped.version != trained[0].version
    assert train(dataset, CONFIG, tmp_path).version == trained[0].version


def test_an_interrupted_run_is_not_resumed_with_other_columns(
    dataset: Dataset, tmp_path: Path
) -> None:
    table = pl.DataFrame({"item_id": dataset.item_ids, "stock": range(len(dataset.item_ids))})
    seen: list[int] = []

    class Killed(Exception):
        pass

    def kill(progress: Progress) -> None:
        seen.append(progress.step)
        if len(seen) == 41:
            raise Killed

    with pytest.raises(Killed):
        train(dataset, CONFIG, tmp_path, on_progress=kill)
    assert [entry.name[:10] for entry in tmp_path.iterdir()] == [".training-"]
    train(
        replace(dataset, items=table),
        CONFIG,
        tmp_path,
        on_progress=kill,
        stop=lambda: len(seen) > 41,
    )
    assert seen[41] == 1


def test_stopping_keeps_the_best_so_far_and_can_go_on(
    dataset: Dataset, trained: tuple[Manifest, Path, list[Progress]], tmp_path: Path
) -> None:
    steps: list[Progress] = []
    stopped = train(
        dataset, CONFIG, tmp_path, on_progress=steps.append, stop=lambda: len(steps) >= 25
    )
    assert len(steps) == 25
    assert load(tmp_path, stopped.version).manifest == stopped
    assert stopped.metrics["5"]["ndcg@10"] > 0
    assert train(dataset, CONFIG, tmp_path).version == trained[0].version


def test_the_budget_ends_training(dataset: Dataset, tmp_path: Path) -> None:
    seen: list[Progress] = []
    spent = train(dataset, replace(CONFIG, budget_seconds=0.0), tmp_path, on_progress=seen.append)
    assert seen == []
    assert load(tmp_path, spent.version).manifest == spent
    assert [entry.name for entry in tmp_path.iterdir()] == [spent.version]


def test_patience_ends_training(dataset: Dataset, tmp_path: Path) -> None:
    hopeless = replace(
        CONFIG, steps=10_000, check_every=1, patience=2, ranker=RankerConfig(dimension=1)
    )
    seen: list[Progress] = []
    train(dataset, hopeless, tmp_path, on_progress=seen.append)
    assert len(seen) < 10_000
    best = max(one.validation_ndcg or 0 for one in seen)
    assert all((one.validation_ndcg or 0) <= best for one in seen[-2:])


def test_test_users_are_never_read(
    dataset: Dataset, trained: tuple[Manifest, Path, list[Progress]], tmp_path: Path
) -> None:
    """Whatever they did, the weights are the same, bit for bit."""
    test_users = split(dataset, CONFIG.seed, CONFIG.fold).test
    theirs = np.isin(dataset.user, test_users)
    item = dataset.item.copy()
    item[theirs] = np.random.default_rng(0).permutation(item[theirs])
    other = replace(dataset, item=item)
    assert not np.array_equal(other.item, dataset.item)
    manifest = train(other, CONFIG, tmp_path)
    assert manifest.version == trained[0].version
    assert manifest.metrics == trained[0].metrics


def test_training_by_time_reads_prefixes(dataset: Dataset, tmp_path: Path) -> None:
    by_time = train(dataset, replace(CONFIG, order="time", steps=20), tmp_path)
    assert by_time.config["order"] == "time"
    with pytest.raises(DataError, match="no timestamps"):
        train(replace(dataset, timestamp=None), replace(CONFIG, order="time"), tmp_path)


def test_an_unknown_algorithm_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UnknownAlgorithm):
        train(dataset, replace(CONFIG, algorithm="mega"), tmp_path)


def test_without_validation_users_the_answer_is_popularity(tmp_path: Path) -> None:
    """Nobody can vouch for adapting, so it is not used."""
    tiny = generated_dataset(tmp_path / "data", users=3)
    seed = next(seed for seed in range(100) if not len(split(tiny, seed).validation))
    manifest = train(tiny, replace(CONFIG, seed=seed), tmp_path / "out")
    assert manifest.gate == (0.0,) * 51
    assert manifest.metrics == {}
    slow = load(tmp_path / "out", manifest.version).slow
    algorithm = algorithms.get("meta-sgd")
    fast = torch.ones(1, slow["initial_head"].shape[0])
    support = Support(torch.arange(5)[None], torch.ones(1, 5))
    personal = Personal(fast, fast, algorithm.gate(slow, fast, support), support.shots)
    scores = algorithm.score(slow, personal, algorithm.item_rows(slow))
    assert torch.equal(scores, slow["popularity"][None])

"""The protocol on generated data; weights are the untrained start of training."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from models import algorithms, weights
from models.config import EvaluateConfig, RankerConfig, TrainConfig
from models.data import Dataset, histories, read, split
from models.errors import DataError, ExtraMissing, WeightsError
from models.evaluate import evaluate, evaluate_folds
from models.fold import judge_fold
from models.metrics import CLAIMABLE_USERS, PER_USER
from models.progress import silent
from models.report import Report
from models.summary import summarise
from models.weights import Facts, Manifest, MetaWeights
from tests.models.generated_data import generated_dataset, generated_frame

ALONE = EvaluateConfig(baselines="none")
METHODS = ["ours", "prior", "popularity", "lift", "item-knn", "lmmse", "ease"]


def start_of_training(dataset: Dataset, directory: Path, fold: int = 0) -> MetaWeights:
    parts = split(dataset, 0, fold)
    ones = np.ones(len(dataset.user), np.float32)
    shape = len(dataset.user_ids), len(dataset.item_ids)
    interactions = csr_array((ones, (dataset.user, dataset.item)), shape=shape)[parts.train]
    ranker = RankerConfig(dimension=8, negatives=32)
    slow = algorithms.trainable("meta-sgd", ranker).initial(
        interactions, csr_array((len(parts.train), 0)), seed=0
    )
    sizes = {"train": len(parts.train), "validation": len(parts.validation)}
    facts = Facts(
        algorithm="meta-sgd",
        retrieval="dot",
        steps=2,
        split={"seed": 0, "fold": fold, **sizes, "test": len(parts.test)},
        data={"fingerprint": dataset.fingerprint},
        config={},
        metrics={},
    )
    return weights.load(directory, weights.save(directory, slow, dataset.item_ids, facts).version)


def changed(one: MetaWeights, **facts: object) -> MetaWeights:
    values = {name: getattr(one.manifest, name) for name in Manifest.__dataclass_fields__}
    return replace(one, manifest=Manifest(**{**values, **facts}))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"), users=2200)


@pytest.fixture(scope="module")
def untrained(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> MetaWeights:
    return start_of_training(dataset, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def report(dataset: Dataset, untrained: MetaWeights, cache: Path) -> Report:
    return evaluate(dataset, untrained, cache=cache)


def test_counts_the_held_out_users_of_every_column(dataset: Dataset, report: Report) -> None:
    held_out = split(dataset, 0).test
    pools = histories(dataset, "random", 0).lengths[held_out] // 2
    for k, users in report.users.items():
        assert users == (pools >= k).sum()
    assert list(report.users) == [0, 1, 2, 3, 5, 10]


def test_json_has_the_published_form(report: Report, untrained: MetaWeights) -> None:
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert content["side"] == "user"
    assert content["order"] == "random"
    assert content["weights"] == [untrained.version]
    assert list(content["methods"]) == METHODS
    for columns in content["methods"].values():
        assert list(columns) == list(content["n"])
        for metrics in columns.values():
            assert set(metrics) == {*PER_USER, "coverage@10"}
            assert metrics["ndcg@10"]["low"] <= metrics["ndcg@10"]["mean"]
            assert metrics["ndcg@10"]["mean"] <= metrics["ndcg@10"]["high"]
    for k, paired in content["paired"].items():
        assert paired["low"] <= paired["diff"] <= paired["high"]
        means = {name: content["methods"][name][k]["ndcg@10"]["mean"] for name in METHODS}
        assert paired["diff"] == pytest.approx(means["ours"] - means[paired["rival"]])
        assert set(content["against"][k]) == set(METHODS) - {"ours"}
    assert content["claimable"]["1"] is True
    assert content["claimable"]["10"] == (content["n"]["10"] >= CLAIMABLE_USERS)


def test_nothing_known_is_popularity_for_everybody(report: Report) -> None:
    first = {name: columns[0]["ndcg@10"] for name, columns in report.methods.items()}
    assert len({estimate.mean for estimate in first.values()}) == 1
    assert all(found.diff == 0 and found.p == 1 for found in report.against[0].values())
    assert all(found.verdict == "not worse" for found in report.against[0].values())


def test_knowing_more_helps_those_who_adapt(report: Report) -> None:
    for name in ("ours", "lift", "item-knn", "lmmse", "ease"):
        assert report.methods[name][5]["ndcg@10"].mean > report.methods[name][0]["ndcg@10"].mean
        assert (
            report.methods[name][5]["ndcg@10"].mean
            > report.methods["popularity"][5]["ndcg@10"].mean
        )
    assert report.against[5]["popularity"].verdict == "better"
    assert report.methods["ours"][5]["coverage@10"].mean > 0.5


def test_the_rival_is_whoever_validation_prefers(report: Report) -> None:
    for k, name in report.rivals.items():
        marks = {rival: chosen[k][0]["ndcg"] for rival, chosen in report.chosen.items()}
        assert marks[name] == max(marks.values())


def test_where_nobody_validates_the_number_of_shots_before_decides(
    dataset: Dataset, untrained: MetaWeights, cache: Path
) -> None:
    fold = judge_fold(dataset, untrained, EvaluateConfig(), cache, silent)
    few = {k: users if k < 5 else 0 for k, users in fold.validation.items()}
    found = summarise(dataset, [replace(fold, validation=few)], EvaluateConfig()).rivals
    assert {found[k] for k in found if k >= 5} == {found[3]}
    nobody = replace(fold, validation=dict.fromkeys(few, 0))
    assert summarise(dataset, [nobody], EvaluateConfig()).rivals == {}


def test_markdown_shows_every_method_and_column(report: Report) -> None:
    text = report.to_markdown()
    for name in METHODS:
        assert f"| {name} |" in text
    assert f"{report.methods['ours'][3]['ndcg@10'].mean:.4f}" in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.count("|") == len(report.users) + 2
    assert "| 10 (few) |" in text


def test_rivals_are_remembered_and_ours_is_not(
    dataset: Dataset,
    untrained: MetaWeights,
    report: Report,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a rival was judged again")

    monkeypatch.setattr("models.fold.judge_baseline", refuse)
    assert evaluate(dataset, untrained, cache=cache).to_json() == report.to_json()
    with pytest.raises(AssertionError, match="again"):
        evaluate(dataset, untrained, EvaluateConfig(seed=5), cache=cache)


def test_tells_of_progress(dataset: Dataset, untrained: MetaWeights, cache: Path) -> None:
    told: list[tuple[str, float]] = []
    evaluate(dataset, untrained, cache=cache, on_progress=lambda *step: told.append(step))
    assert [name for name, _ in told] == ["ours", *METHODS[2:]]
    assert [done for _, done in told] == sorted(done for _, done in told)
    assert told[0][1] == 0
    assert told[-1][1] < 1


def test_time_order_is_judged_too(dataset: Dataset, untrained: MetaWeights) -> None:
    timed = evaluate(dataset, untrained, EvaluateConfig(order="time", baselines="none"))
    assert timed.to_json()["order"] == "time"
    assert list(timed.methods) == ["ours", "prior"]
    assert timed.rivals == {}
    assert "| ours |" in timed.to_markdown()


def test_refuses_weights_that_may_have_seen_the_test_users(
    dataset: Dataset, untrained: MetaWeights, tmp_path: Path
) -> None:
    generated_frame(users=2199).write_parquet(tmp_path / "interactions.parquet")
    with pytest.raises(WeightsError, match="other data"):
        evaluate(read(tmp_path), untrained)
    sizes = untrained.manifest.split
    with pytest.raises(WeightsError, match="another split"):
        evaluate(dataset, changed(untrained, split={**sizes, "train": sizes["train"] + 1}))
    with pytest.raises(WeightsError, match="another catalogue"):
        evaluate(dataset, replace(untrained, item_ids=untrained.item_ids[::-1]))


def test_refuses_what_it_cannot_do(
    dataset: Dataset, untrained: MetaWeights, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="none, popularity, fast"):
        evaluate(dataset, untrained, EvaluateConfig(baselines="every"))
    with pytest.raises(ValueError, match=r"1\.\.10"):
        evaluate_folds(dataset, TrainConfig(), 0, tmp_path)
    frame = pl.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"]})
    frame.write_parquet(tmp_path / "interactions.parquet")
    tiny = read(tmp_path)
    fold = next(fold for fold in range(10) if not len(split(tiny, 0, fold).test))
    with pytest.raises(DataError, match="no user"):
        evaluate(tiny, start_of_training(tiny, tmp_path, fold), ALONE)


def test_what_is_known_of_users_and_items_is_told_apart(dataset: Dataset) -> None:
    people = pl.DataFrame({"user_id": ["u1", "u2"], "city": ["Bern", None]})
    things = pl.DataFrame({"item_id": ["i001"], "tags": [["a", "b"]]})
    known = [
        dataset,
        replace(dataset, users=people),
        replace(dataset, users=people.with_columns(city=pl.lit("Rome"))),
        replace(dataset, items=things),
        replace(dataset, users=people, items=things),
    ]
    assert len({one.tables_digest for one in known}) == len(known)
    assert replace(dataset, users=people.clone()).tables_digest == known[1].tables_digest


def test_what_is_not_installed_is_missed_at_once(
    dataset: Dataset, untrained: MetaWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.baselines.baseline.find_spec", lambda _: None)
    told: list[str] = []
    with pytest.raises(ExtraMissing, match="implicit"):
        evaluate(
            dataset,
            untrained,
            EvaluateConfig(baselines="all"),
            on_progress=lambda what, _: told.append(what),
        )
    assert told == []


def test_folds_train_anew_and_judge_all_held_out_users_together(tmp_path: Path) -> None:
    dataset = generated_dataset(tmp_path / "data", users=120)
    config = TrainConfig(steps=2, users=16, ranker=RankerConfig(dimension=4, negatives=16))
    pooled = evaluate_folds(dataset, config, 2, tmp_path / "weights", ALONE)
    held_out = [len(split(dataset, 0, fold).test) for fold in range(2)]
    assert pooled.users[0] == sum(held_out)
    assert len(set(pooled.versions)) == 2
    assert pooled.to_json()["split"] == {"seed": 0, "folds": [0, 1]}


def test_several_seeds_are_one_mean_for_each_user(
    dataset: Dataset, untrained: MetaWeights, cache: Path
) -> None:
    """The mean of the means, and an interval that is not that of three times the users."""
    seeds = (0, 1, 2)
    alone = [evaluate(dataset, untrained, replace(ALONE, seed=seed)) for seed in seeds]
    together = evaluate(dataset, untrained, replace(ALONE, seed=0, seeds=3))
    assert together.users == alone[0].users
    assert together.to_json()["seeds"] == list(seeds)
    for k in together.users:
        found = together.methods["ours"][k]["ndcg@10"]
        each = [one.methods["ours"][k]["ndcg@10"] for one in alone]
        assert found.mean == pytest.approx(np.mean([one.mean for one in each]))
        assert found.low is not None
        assert each[0].low is not None
        assert found.mean - found.low > 0.5 * (each[0].mean - each[0].low)


def test_more_than_fifty_shots_leave_the_other_columns_as_they_are(tmp_path: Path) -> None:
    """Users of 120 items each; at 55 shots the pool is 60 and ours adapts to the last 50."""
    dataset = read_long_histories(tmp_path / "long")
    weights_ = start_of_training(dataset, tmp_path / "weights")
    usual = evaluate(dataset, weights_, EvaluateConfig(shots=(0, 50)))
    more = evaluate(dataset, weights_, EvaluateConfig(shots=(0, 50, 55)))
    assert list(more.users) == [0, 50, 55]
    assert more.users[55] == more.users[50] > 0
    for name in METHODS:
        for k in usual.users:
            assert more.methods[name][k] == usual.methods[name][k]
    assert more.chosen["ease"][55][0]["ndcg"] > 0
    assert more.methods["prior"][55] != more.methods["prior"][50]


def read_long_histories(directory: Path) -> Dataset:
    directory.mkdir()
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "user_id": np.repeat(np.arange(80), 120),
            "item_id": np.concatenate([random.permutation(200)[:120] for _ in range(80)]),
        }
    )
    frame.write_parquet(directory / "interactions.parquet")
    return read(directory)


def test_an_interrupted_evaluation_judges_only_what_is_missing(
    dataset: Dataset, untrained: MetaWeights, report: Report, tmp_path: Path
) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(what: str, done: float) -> None:
        if what.startswith("item-knn"):
            raise Interrupted

    with pytest.raises(Interrupted):
        evaluate(dataset, untrained, cache=tmp_path, on_progress=interrupt)
    known = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(known) == len(["ours", "prior", "popularity", "lift"])
    assert evaluate(dataset, untrained, cache=tmp_path).to_json() == report.to_json()
    assert len([*tmp_path.iterdir()]) == len(METHODS)
    assert all(path.stat().st_mtime_ns == before for path, before in known.items())


def test_folds_trained_before_are_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, config = generated_dataset(tmp_path / "data", users=120), TrainConfig(steps=2)
    trained: list[int] = []

    def counting(dataset: Dataset, config: TrainConfig, out: Path, **more: object) -> Manifest:
        trained.append(config.fold)
        if trained == [0, 1]:
            raise KeyboardInterrupt
        return start_of_training(dataset, out, config.fold).manifest

    monkeypatch.setattr("models.evaluate.train", counting)
    places = tmp_path / "weights", ALONE
    with pytest.raises(KeyboardInterrupt):
        evaluate_folds(dataset, config, 2, *places, cache=tmp_path / "cache")
    first = evaluate_folds(dataset, config, 2, *places, cache=tmp_path / "cache")
    assert trained == [0, 1, 1]
    assert evaluate_folds(dataset, config, 2, *places).to_json() == first.to_json()
    assert trained == [0, 1, 1]
    evaluate_folds(dataset, replace(config, steps=3), 1, *places)
    assert trained == [0, 1, 1, 0]
    for path in (tmp_path / "weights").glob(f"*/{first.versions[0]}/weights.safetensors"):
        path.write_bytes(b"broken")
    assert evaluate_folds(dataset, config, 2, *places).versions == first.versions
    assert trained == [0, 1, 1, 0, 0]


def test_a_report_can_be_read_back(report: Report) -> None:
    content = json.loads(json.dumps(report.to_json()))
    again = Report.of_json(content)
    assert again.to_json() == content
    assert again.to_markdown() == report.to_markdown()

"""iALS, Mult-VAE and SASRec: by their formulas where they have one, else by what they must do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.baselines import SETS, Baseline, Crowd, tune
from models.baselines.baseline import Setting
from models.baselines.crowd import Scorer
from models.baselines.fast import FAST
from models.baselines.ials import IALS, fit_factors, fit_ials
from models.baselines.mult_vae import MULT_VAE, MultVAE
from models.baselines.sasrec import SASREC, SASRec
from models.baselines.stepwise import dropout, padded, stepwise
from models.data import Dataset, split
from models.errors import ExtraMissing
from models.progress import silent
from models.questions import ask_to_choose
from tests.models.generated_data import generated_dataset

SUPPORT = np.array([[0, 7, 3], [12, 1, 30]])
QUICK = {"beta": 0.2, "dropout": 0.2, "factors": 8, "alpha": 10, "lambda": 1, "steps": 150}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return generated_dataset(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def crowd(dataset: Dataset) -> Crowd:
    return Crowd(dataset, split(dataset, 0).train)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("mult_vae", "sasrec"):
        monkeypatch.setattr(f"models.baselines.{module}.USERS", 32)
        monkeypatch.setattr(f"models.baselines.{module}.RATE", 0.005)


def quick(baseline: Baseline) -> Baseline:
    """The same with one setting that is soon fitted."""
    return replace(baseline, settings=({name: QUICK[name] for name in baseline.settings[0]},))


def fitted(baseline: Baseline, crowd: Crowd) -> Scorer:
    ((_, scorer),) = baseline.scorers(crowd, quick(baseline).settings, silent)
    return scorer


def test_ials_by_its_formula(crowd: Crowd) -> None:
    setting: Setting = {"factors": 6, "alpha": 5, "lambda": 2}
    items = fit_factors(crowd, setting).item_factors.astype(float)
    for support, scores in zip(SUPPORT, fit_ials(crowd, setting)(SUPPORT), strict=True):
        met = items[support]
        ridge = items.T @ items + 4 * met.T @ met + 2 * np.eye(6)
        assert scores == pytest.approx(items @ np.linalg.solve(ridge, 5 * met.sum(0)), rel=1e-2)


@pytest.mark.parametrize("baseline", [IALS, MULT_VAE, SASREC], ids=lambda one: one.name)
def test_learns_tastes(crowd: Crowd, dataset: Dataset, baseline: Baseline) -> None:
    validation = ask_to_choose(dataset, split(dataset, 0).validation, "random", 0)
    chosen = tune(quick(baseline), crowd, validation, (10,))
    assert chosen[10].ndcg > tune(FAST[0], crowd, validation, (10,))[10].ndcg + 0.01


@pytest.mark.parametrize("baseline", [MULT_VAE, SASREC], ids=lambda one: one.name)
def test_beyond_the_head_nothing_is_known(
    dataset: Dataset, baseline: Baseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.baselines.crowd.DENSE_ITEMS", 20)
    crowd = Crowd(dataset, split(dataset, 0).train)
    tail = np.setdiff1d(np.arange(crowd.items), crowd.head)
    scores = fitted(baseline, crowd)(np.array([[tail[0], crowd.head[0]], [tail[1], crowd.head[0]]]))
    assert (scores[:, tail] == 0).all()
    assert (scores[:, crowd.head] >= 0).all()
    assert np.array_equal(scores[0], scores[1])


@pytest.mark.parametrize("baseline", [MULT_VAE, SASREC], ids=lambda one: one.name)
def test_long_supports_and_time_are_no_obstacle(dataset: Dataset, baseline: Baseline) -> None:
    crowd = Crowd(dataset, split(dataset, 0).train, "time")
    support = np.random.default_rng(0).permuted(np.tile(np.arange(60), (2, 1)), axis=1)
    assert np.isfinite(fitted(baseline, crowd)(support)).all()


def test_time_orders_what_is_learned_from(dataset: Dataset) -> None:
    users = split(dataset, 0).train
    shuffled, timed = (Crowd(dataset, users, order).sequences for order in ("random", "time"))
    assert dataset.timestamp is not None
    own = dataset.user == users[3]
    assert timed[3].tolist() == dataset.item[own][np.argsort(dataset.timestamp[own])].tolist()
    assert sorted(shuffled[3]) == sorted(timed[3])
    assert not np.array_equal(shuffled[3], timed[3])


def test_sets_do_not_depend_on_order_or_padding() -> None:
    net = MultVAE(30, torch.Generator().manual_seed(0))
    places, known = padded([np.array([3, 9]), np.array([9, 3]), np.array([1, 2, 3, 4])])
    assert known.sum(1).tolist() == [2, 2, 4]
    logits, divergence = net(places, known, None)
    alone, _ = net(places[:1, :2], known[:1, :2], None)
    assert torch.allclose(logits[0], logits[1], atol=1e-6)
    assert torch.allclose(logits[0], alone[0], atol=1e-6)
    assert (divergence > 0).all()


def test_sequences_depend_on_what_came_before_only() -> None:
    net = SASRec(30, torch.Generator().manual_seed(0))
    states = net(torch.tensor([[3, 9, 4, 1], [3, 9, 7, 2], [9, 3, 4, 1]]))
    assert torch.allclose(states[0, :2], states[1, :2], atol=1e-6)
    assert not torch.allclose(states[0, 2], states[1, 2], atol=1e-3)
    assert not torch.allclose(states[0, 1], states[2, 1], atol=1e-3)
    assert net.logits(states).shape == (3, 4, 30)


def test_dropout_keeps_the_mean_and_needs_a_generator() -> None:
    ones = torch.ones(100_000)
    dropped = dropout(ones, 0.3, torch.Generator().manual_seed(0))
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropout(ones, 0.3, None) is ones


def test_numbers_of_steps_are_stations_of_one_way(crowd: Crowd) -> None:
    taken: list[tuple[float | str, int]] = []

    class Walker:
        def __init__(self, crowd: Crowd, setting: Setting) -> None:
            self.name = setting["name"]

        def step(self, number: int) -> None:
            taken.append((self.name, number))

        def scorer(self) -> Scorer:
            return lambda support: np.full((len(support), 1), len(taken), np.float32)

    settings: list[Setting] = [{"name": n, "steps": s} for n in "ab" for s in (30, 5)]
    told: list[tuple[str, float]] = []
    walked = stepwise(Walker)(crowd, settings, lambda *step: told.append(step))
    lengths = [(one["name"], one["steps"], scorer(SUPPORT)[0, 0]) for one, scorer in walked]
    assert lengths == [("a", 5, 5), ("a", 30, 30), ("b", 5, 35), ("b", 30, 60)]
    assert taken == [(name, number) for name in "ab" for number in range(30)]
    assert [done for _, done in told] == sorted(done for _, done in told)
    assert told[-1] == ("step 50 of 60", 50 / 60)


@pytest.mark.parametrize("baseline", [IALS, MULT_VAE, SASREC], ids=lambda one: one.name)
def test_the_same_fit_gives_the_same_scores(crowd: Crowd, baseline: Baseline) -> None:
    first, again = (fitted(baseline, crowd)(SUPPORT) for _ in range(2))
    assert np.array_equal(first, again)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    IALS.check_installed()
    monkeypatch.setattr("models.baselines.baseline.find_spec", {"implicit": True}.get)
    with pytest.raises(ExtraMissing, match=r"threadpoolctl is not .*thaw\[baselines\]"):
        IALS.check_installed()
    SASREC.check_installed()


def test_all_adds_to_the_fast_ones() -> None:
    assert SETS["all"] == (*FAST, IALS, MULT_VAE, SASREC)
    assert len({baseline.name for baseline in SETS["all"]}) == 8

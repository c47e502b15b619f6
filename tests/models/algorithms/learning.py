"""Promises to meta-training, and of what it leaves on the disk."""

from pathlib import Path
from typing import get_args

import torch

from models import algorithms, weights
from models.algorithms.interface import Retrieval, Trainable
from models.data import Dataset, split
from models.shapes import MOST_SHOTS, Features
from models.validation import Exam
from models.weights import Facts, MetaWeights
from tests.models.algorithms.given import (
    CONFIG,
    ITEMS,
    Given,
    Slow,
    adaptation_alone,
    some_episode,
)


class DeclaresItself(Given):
    def test_is_found_by_its_name(self, name: str, algorithm: Trainable) -> None:
        assert algorithm.name == name == algorithms.get(name).name
        assert algorithm.retrieval in get_args(Retrieval)

    def test_declares_the_tensors_that_it_makes(self, algorithm: Trainable, start: Slow) -> None:
        assert start.keys() == algorithm.tensors
        assert algorithm.per_item | algorithm.rates().keys() <= algorithm.tensors
        for name, value in start.items():
            assert value.isfinite().all()
            assert not value.requires_grad
            if name in algorithm.per_item:
                assert len(value) == ITEMS

    def test_has_tables_by_shots_to_fill(self, algorithm: Trainable, start: Slow) -> None:
        assert not {"gate", "caution"} & set(algorithm.blended())
        assert "reach" in algorithm.blended()
        for name in ("gate", "caution", *algorithm.blended()):
            assert start[name].shape == (MOST_SHOTS + 1,)

    def test_weights_come_back_from_the_disk_bit_for_bit(
        self, algorithm: Trainable, anywhere: Slow, tmp_path: Path
    ) -> None:
        facts = Facts(
            algorithm=algorithm.name,
            retrieval=algorithm.retrieval,
            steps=CONFIG.steps,
            split={},
            data={},
            config={},
            metrics={},
        )
        ids = tuple(f"i{number}" for number in range(ITEMS))
        loaded = weights.load(tmp_path, weights.save(tmp_path, anywhere, ids, facts).version)
        assert loaded.slow.keys() == algorithm.tensors
        for name, value in loaded.slow.items():
            assert value.dtype == anywhere[name].dtype
            assert torch.equal(value, anywhere[name])


class CanBeTrained(Given):
    def test_what_is_drawn_follows_from_the_generator(
        self, algorithm: Trainable, start: Slow
    ) -> None:
        one, same = (algorithm.redraw(start, torch.Generator().manual_seed(3)) for _ in range(2))
        assert one.keys() == start.keys()
        assert all(torch.equal(one[name], same[name]) for name in one)
        for name in (
            *algorithm.per_item,
            *algorithm.rates(),
            *algorithm.blended(),
            "gate",
            "caution",
        ):
            assert torch.equal(one[name], start[name])

    def test_the_outer_loss_follows_from_its_generator(
        self, algorithm: Trainable, anywhere: Slow
    ) -> None:
        one, same = (
            algorithm.outer_loss(anywhere, some_episode(), torch.Generator().manual_seed(1))
            for _ in range(2)
        )
        assert one.shape == ()
        assert one.isfinite()
        assert one == same
        without_dropout = [algorithm.outer_loss(anywhere, some_episode(), None) for _ in range(2)]
        assert without_dropout[0] == without_dropout[1]

    def test_every_learned_tensor_gets_a_gradient(
        self, algorithm: Trainable, anywhere: Slow
    ) -> None:
        learned = {name: anywhere[name].clone().requires_grad_() for name in algorithm.rates()}
        loss = algorithm.outer_loss(
            anywhere | learned, some_episode(), torch.Generator().manual_seed(1)
        )
        torch.autograd.backward(loss)
        gradients = {name: tensor.grad for name, tensor in learned.items()}
        useful = {
            name
            for name, gradient in gradients.items()
            if gradient is not None and gradient.isfinite().all() and gradient.any()
        }
        assert useful == set(algorithm.rates())

    def test_a_short_training_beats_popularity(
        self, algorithm: Trainable, dataset: Dataset, trained: MetaWeights
    ) -> None:
        """Without the help of the memory, on validation users."""
        profiles = Features.none(len(dataset.user_ids))
        exam = Exam.of(dataset, split(dataset, 0).validation, profiles, "random", 0)
        for shots, margin in ((3, 0.01), (5, 0.03), (10, 0.06)):
            contest = exam.contest(algorithm, trained.slow, shots)
            assert contest is not None
            adapted, popular = (
                contest.marks(adaptation_alone(algorithm), gate).mean() for gate in (1.0, 0.0)
            )
            assert adapted > popular + margin

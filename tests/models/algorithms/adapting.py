"""Promises of the prior, the adaptation and the scores."""

import pytest
import torch

from models.algorithms.interface import Trainable
from models.algorithms.scoring import personalise
from models.shapes import Features, Support
from models.weights import MetaWeights
from tests.models.algorithms.given import (
    CLOSED,
    ENTITIES,
    ITEMS,
    OPEN,
    SLOTS,
    Given,
    Slow,
    adaptation_alone,
    close,
    rows_of,
    scores_of,
    some_episode,
    some_profile,
    some_support,
    with_tables,
)
from tests.models.generated_data import KINDS


class KnowsNothingOfAnybody(Given):
    """With no support, with nothing but a profile, with a closed gate, for an unknown item."""

    def test_an_empty_support_returns_the_prior_exactly(
        self, algorithm: Trainable, anywhere: Slow, served: Slow
    ) -> None:
        empty = Support(some_support().items, torch.zeros(ENTITIES, SLOTS))
        for slow in (anywhere, served):
            for profile in (some_profile(), Features.none(ENTITIES)):
                prior = algorithm.prior(slow, profile)
                assert torch.equal(algorithm.adapt(slow, prior, empty), prior)

    def test_a_profile_moves_the_prior_and_nothing_known_does_not(
        self, algorithm: Trainable, anywhere: Slow
    ) -> None:
        plain = algorithm.prior(anywhere, Features.none(ENTITIES))
        assert torch.equal(plain, plain[:1].expand(ENTITIES, -1))
        moved = algorithm.prior(anywhere, some_profile())
        assert moved.shape == plain.shape
        assert (moved != plain).any(1).all()
        unlearned = anywhere | {"profile_map": torch.zeros_like(anywhere["profile_map"])}
        assert torch.equal(algorithm.prior(unlearned, some_profile()), plain)

    def test_a_profile_is_the_sum_of_its_features_in_any_order(
        self, algorithm: Trainable, served: Slow
    ) -> None:
        columns, values = some_profile()
        unused = torch.zeros(ENTITIES, 2)
        padded = Features(
            torch.cat([columns.flip(1), unused.long()], dim=1),
            torch.cat([values.flip(1), unused], dim=1),
        )
        close(algorithm.prior(served, padded), algorithm.prior(served, some_profile()))
        twice = algorithm.prior(served, Features(columns, 2 * values))
        plain = algorithm.prior(served, Features.none(ENTITIES))
        close(twice - plain, 2 * (algorithm.prior(served, some_profile()) - plain))

    def test_nothing_known_is_popularity_until_training_says_otherwise(
        self, algorithm: Trainable, start: Slow
    ) -> None:
        empty = Support(torch.tensor([[0, 0], [4, 7]]), torch.zeros(2, 2))
        scores = scores_of(algorithm, start, empty, Features.none(2))
        assert torch.equal(scores, start["popularity"].expand(2, -1))

    def test_a_closed_gate_is_exactly_popularity(
        self, algorithm: Trainable, anywhere: Slow
    ) -> None:
        closed = with_tables(anywhere, CLOSED)
        scores = scores_of(algorithm, closed, some_support(), some_profile())
        assert torch.equal(scores, anywhere["popularity"].expand(ENTITIES, -1))

    def test_the_gate_blends_popularity_and_the_open_answer(
        self, algorithm: Trainable, served: Slow
    ) -> None:
        open_, half = (
            scores_of(
                algorithm, with_tables(served, {"gate": gate}), some_support(), some_profile()
            )
            for gate in (1.0, 0.5)
        )
        close(half, (open_ + served["popularity"]) / 2)

    def test_the_tables_weigh_the_parts_of_the_score(
        self, algorithm: Trainable, served: Slow
    ) -> None:
        support, profile = some_support(), some_profile()
        tables = {name: 0.1 * place for place, name in enumerate(algorithm.blended(), 2)}
        slow = with_tables(served, tables | {"gate": 0.7})
        personal = personalise(algorithm, slow, support, profile)
        rows = algorithm.item_rows(slow).double()
        popularity, biases, departures = algorithm.parts(slow, personal, support, profile, rows)
        assert departures.keys() == tables.keys()
        moved = sum(tables[name] * part for name, part in departures.items())
        part = personal.gate.unsqueeze(1)
        expected = (1 - part) * popularity + part * (biases + moved)
        close(scores_of(algorithm, slow, support, profile), expected)
        both = departures["prior_weight"] + departures["reach"]
        close(algorithm.departure(slow, personal.fast, rows[:, :-2]), both)

    def test_a_new_item_is_ranked_among_the_others(
        self, algorithm: Trainable, anywhere: Slow
    ) -> None:
        rows = algorithm.content_rows(anywhere, Features.none(2))
        assert rows.shape == (2, algorithm.item_rows(anywhere).shape[1])
        support = some_support()
        personal = personalise(algorithm, anywhere, support, some_profile())
        assert algorithm.score(anywhere, personal, rows).isfinite().all()
        closed = with_tables(anywhere, CLOSED)
        unknown = algorithm.score(closed, personal._replace(gate=torch.zeros(ENTITIES)), rows)
        assert (unknown > anywhere["popularity"].min()).all()
        assert (unknown < anywhere["popularity"].max()).all()


class SeesEachEntityAlone(Given):
    """Whatever else is in the batch, and however it is written down."""

    def test_batched_equals_looped(self, algorithm: Trainable, served: Slow) -> None:
        support, profile = some_support(), some_profile()
        looped = [
            scores_of(algorithm, served, rows_of(support, [one]), profile.of([one]))
            for one in range(ENTITIES)
        ]
        close(scores_of(algorithm, served, support, profile), torch.cat(looped))

    def test_permuting_entities_permutes_results(self, algorithm: Trainable, served: Slow) -> None:
        support, profile = some_support(), some_profile()
        order = torch.randperm(ENTITIES, generator=torch.Generator().manual_seed(2)).tolist()
        shuffled = scores_of(algorithm, served, rows_of(support, order), profile.of(order))
        close(shuffled, scores_of(algorithm, served, support, profile)[order])

    def test_padding_changes_nothing(self, algorithm: Trainable, served: Slow) -> None:
        support, profile = some_support(), some_profile()
        unused = torch.zeros(ENTITIES, 5)
        junk = torch.arange(5).expand(ENTITIES, -1) + 40
        padded = Support(
            torch.cat([junk, support.items], dim=1), torch.cat([unused, support.weights], dim=1)
        )
        close(
            scores_of(algorithm, served, padded, profile),
            scores_of(algorithm, served, support, profile),
        )

    def test_the_order_of_a_support_does_not_matter(
        self, algorithm: Trainable, served: Slow
    ) -> None:
        support, profile = some_support(), some_profile()
        order = torch.randperm(SLOTS, generator=torch.Generator().manual_seed(3))
        shuffled = Support(support.items[:, order], support.weights[:, order])
        close(
            scores_of(algorithm, served, shuffled, profile),
            scores_of(algorithm, served, support, profile),
        )

    def test_scores_of_gathered_rows_are_those_of_the_catalogue(
        self, algorithm: Trainable, served: Slow
    ) -> None:
        support = some_support()
        personal = personalise(algorithm, served, support, some_profile())
        rows = algorithm.item_rows(served).double()
        chosen = torch.randint(ITEMS, (ENTITIES, 9), generator=torch.Generator().manual_seed(4))
        close(
            algorithm.score(served, personal, rows[chosen]),
            algorithm.score(served, personal, rows).gather(1, chosen),
        )

    def test_nothing_given_is_changed(self, algorithm: Trainable, anywhere: Slow) -> None:
        slow = {name: value.clone() for name, value in anywhere.items()}
        support, profile = some_support(), some_profile()
        algorithm.outer_loss(slow, some_episode(), torch.Generator().manual_seed(0))
        algorithm.redraw(slow, torch.Generator().manual_seed(0))
        scores_of(algorithm, slow, support, profile)
        assert slow.keys() == anywhere.keys()
        assert all(torch.equal(slow[name], anywhere[name]) for name in slow)
        assert all(map(torch.equal, support, some_support()))
        assert all(map(torch.equal, profile, some_profile()))


class LearnsFromASupport(Given):
    @pytest.mark.parametrize("weight", [1e-6, 1e-3, 1.0, 1e3, 1e6])
    @pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, -1), (1, -1, 1)])
    def test_no_weight_blows_up(
        self,
        algorithm: Trainable,
        anywhere: Slow,
        served: Slow,
        weight: float,
        signs: tuple[int, ...],
    ) -> None:
        given = Support(torch.tensor([[1, 2, 3]]), weight * torch.tensor([signs]).float())
        for slow in (anywhere, served):
            assert scores_of(algorithm, slow, given, Features.none(1)).isfinite().all()

    def test_a_catalogue_that_is_all_support_stays_finite(
        self, algorithm: Trainable, anywhere: Slow
    ) -> None:
        everything = Support(torch.arange(ITEMS)[None], torch.ones(1, ITEMS))
        assert scores_of(algorithm, anywhere, everything, Features.none(1)).isfinite().all()

    def test_serving_in_double_precision_agrees_with_single(
        self, algorithm: Trainable, anywhere: Slow, served: Slow
    ) -> None:
        support, profile = some_support(), some_profile()
        prior = algorithm.prior(served, profile)
        fast = algorithm.adapt(served, prior, support)
        assert prior.dtype == fast.dtype == torch.float64
        single = algorithm.adapt(anywhere, algorithm.prior(anywhere, profile), support)
        assert single.dtype == torch.float32
        assert single.shape == fast.shape == prior.shape
        close(fast.float(), single, 1e-3)
        wide = scores_of(algorithm, served, support, profile)
        close(wide.float(), scores_of(algorithm, anywhere, support, profile), 1e-3)

    def test_a_support_of_one_kind_foretells_itself(
        self, algorithm: Trainable, trained: MetaWeights
    ) -> None:
        """Better than popularity does, and better than a support of all kinds does."""
        alike, mixed = torch.arange(0, 8 * KINDS, KINDS), torch.arange(30, 38)
        support = Support(torch.stack([alike, mixed]), torch.ones(2, 8))
        slow = with_tables(trained.slow, OPEN | adaptation_alone(algorithm))
        prior = algorithm.prior(slow, Features.none(2))
        one_kind, all_kinds = algorithm.evidence(slow, prior, support).tolist()
        assert one_kind > 0
        assert one_kind > all_kinds

    def test_a_like_raises_its_kind_and_a_dislike_lowers_it(
        self, algorithm: Trainable, trained: MetaWeights
    ) -> None:
        """Items of one kind are met by the same users, see the generator."""
        slow = with_tables(trained.slow, OPEN | adaptation_alone(algorithm))
        for item in range(12):
            similar = (torch.arange(ITEMS) % KINDS == item % KINDS) & (torch.arange(ITEMS) != item)
            given = Support(torch.tensor([[item]] * 3), torch.tensor([[0.0], [1.0], [-1.0]]))
            scores = scores_of(algorithm, slow, given, Features.none(3))
            neutral, liked, disliked = scores.log_softmax(-1)
            for changed, direction in ((liked, 1), (disliked, -1)):
                shift = (changed - neutral) * direction
                assert shift[similar].mean() > 0
                assert shift[similar].mean() > shift[~similar].mean()

    def test_a_dislike_beside_likes_lowers_its_kind(
        self, algorithm: Trainable, trained: MetaWeights
    ) -> None:
        slow = with_tables(trained.slow, OPEN | adaptation_alone(algorithm))
        similar = (torch.arange(ITEMS) % KINDS == 1) & (torch.arange(ITEMS) != 5)
        liked = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, -1.0]])
        given = Support(torch.tensor([[0, 4, 5]] * 2), liked)
        scores = scores_of(algorithm, slow, given, Features.none(2))
        without, with_dislike = scores.log_softmax(-1)
        assert with_dislike[similar].mean() < without[similar].mean()

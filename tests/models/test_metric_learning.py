"""Matching and prototypes against their equations, written as plain loops."""

import math

import torch
from torch import Tensor
from torch.func import functional_call

from models.inner import Params, adapt
from models.metric_learning import MatchingNetwork, closeness, evidence, prototypes

GENERATOR = torch.Generator().manual_seed(0)
QUERIES = torch.randn(2, 3, 4, generator=GENERATOR)
SUPPORT = torch.randn(2, 6, 4, generator=GENERATOR)
LABELS = torch.eye(3)[torch.tensor([[0, 1, 2, 0, 1, 0], [2, 1, 0, 0, 1, 2]])]
TEMPERATURE = torch.tensor(0.3)


def cosine(one: Tensor, other: Tensor) -> float:
    return float(one @ other / (one.norm() * other.norm()))


def test_classes_are_chosen_by_attention_over_the_support() -> None:
    chances = evidence(QUERIES, SUPPORT, LABELS, TEMPERATURE).softmax(-1)
    for task in range(2):
        for query in range(3):
            pulls = [math.exp(cosine(QUERIES[task, query], slot) / 0.3) for slot in SUPPORT[task]]
            expected = sum(
                pull / sum(pulls) * label for pull, label in zip(pulls, LABELS[task], strict=True)
            )
            torch.testing.assert_close(chances[task, query], expected)


def test_ranking_adds_up_the_pull_of_each_event() -> None:
    weights = torch.tensor([[[1.0], [0.0], [2.5], [0.5], [0.0], [1.0]]]).expand(2, -1, -1)
    scores = 0.3 * evidence(QUERIES, SUPPORT, weights, TEMPERATURE, torch.tensor(-0.2))
    for task in range(2):
        for query in range(3):
            total = math.exp(-0.2 / 0.3)
            for slot, weight in zip(SUPPORT[task], weights[task], strict=True):
                total += float(weight) * math.exp(cosine(QUERIES[task, query], slot) / 0.3)
            assert math.isclose(scores[task, query, 0], 0.3 * math.log(total), rel_tol=1e-5)


def test_without_support_matching_says_the_floor() -> None:
    floor = torch.tensor(-0.4)
    scores = TEMPERATURE * evidence(QUERIES, SUPPORT, 0 * LABELS, TEMPERATURE, floor)
    torch.testing.assert_close(scores, floor.expand(2, 3, 3))


def test_a_class_that_nothing_speaks_for_has_a_finite_loss() -> None:
    labels = LABELS * torch.tensor([1.0, 1.0, 0.0])
    queries = QUERIES.clone().requires_grad_()
    chances = evidence(queries, SUPPORT, labels, TEMPERATURE).log_softmax(-1)
    (gradient,) = torch.autograd.grad(chances.sum(), queries)
    assert chances.isfinite().all()
    assert gradient.isfinite().all()
    assert (chances[..., 2] < -80).all()


def test_vectors_of_zeros_have_no_direction_and_a_bounded_gradient() -> None:
    queries = torch.zeros(1, 1, 4, requires_grad=True)
    found = evidence(queries, SUPPORT[:1], LABELS[:1], TEMPERATURE)
    (gradient,) = torch.autograd.grad(found.sum(), queries)
    torch.testing.assert_close(found[0, 0], LABELS[0].sum(0).log())
    assert gradient.abs().max() < 1e9


def test_prototypes_are_class_means() -> None:
    found = prototypes(SUPPORT, LABELS, torch.ones(4), torch.tensor(0.0))
    for task in range(2):
        for kind in range(3):
            expected = SUPPORT[task][LABELS[task, :, kind] == 1].mean(0)
            torch.testing.assert_close(found[task, kind], expected)


def test_the_prior_counts_as_so_many_shots() -> None:
    prior = torch.randn(3, 4, generator=GENERATOR)
    found = prototypes(SUPPORT, LABELS, prior, torch.tensor(2.0))
    members = SUPPORT[0][LABELS[0, :, 1] == 1]
    torch.testing.assert_close(found[0, 1], (2 * prior[1] + members.sum(0)) / (2 + len(members)))


def test_a_dislike_pushes_the_prototype_away() -> None:
    labels = torch.tensor([[[1.0], [-1.0]]])
    found = prototypes(torch.tensor([[[1.0], [3.0]]]), labels, torch.zeros(1), torch.tensor(0.0))
    assert found.item() == (1 - 3) / 2


def test_closeness_is_the_negative_squared_distance() -> None:
    centres = torch.randn(2, 3, 4, generator=GENERATOR)
    found = closeness(QUERIES, centres)
    for task in range(2):
        for query in range(3):
            for kind in range(3):
                way = QUERIES[task, query] - centres[task, kind]
                torch.testing.assert_close(found[task, query, kind], -(way**2).sum())


def test_queries_may_be_shared_by_all_tasks() -> None:
    centres = torch.randn(2, 3, 4, generator=GENERATOR)
    shared = QUERIES[0]
    each = shared.expand(2, -1, -1)
    torch.testing.assert_close(closeness(shared, centres), closeness(each, centres))
    torch.testing.assert_close(
        evidence(shared, SUPPORT, LABELS, TEMPERATURE),
        evidence(each, SUPPORT, LABELS, TEMPERATURE),
    )


def test_a_matching_network_attends_through_its_learned_maps() -> None:
    net = MatchingNetwork(4, 5, temperature=0.3)
    torch.nn.init.normal_(net.attention.weight, generator=GENERATOR)
    queries, support = net.attention(net.embedding(QUERIES)), net.embedding(SUPPORT)
    expected = evidence(queries, support, LABELS, TEMPERATURE).log_softmax(-1)
    torch.testing.assert_close(net(QUERIES, SUPPORT, LABELS), expected)


def test_the_inner_loop_runs_on_a_matching_network() -> None:
    net = MatchingNetwork(4, 5)

    def loss(params: Params, data: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        chances: Tensor = functional_call(net, dict(params), data, strict=True)
        return -chances[..., 0].mean()

    data = (QUERIES[0], SUPPORT[0], LABELS[0])
    start = {name: value.detach() for name, value in net.named_parameters()}
    sizes = dict.fromkeys(start, torch.tensor(0.05))
    assert loss(adapt(loss, start, data, [sizes] * 3), data) < loss(start, data)

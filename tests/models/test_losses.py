"""The losses against sums written out by hand."""

import torch

from models.losses import query_loss, support_loss
from models.shapes import RankingTask, Support


def test_the_query_is_judged_against_all_but_the_support() -> None:
    scores = torch.tensor([[5.0, 1.0, 0.0, 2.0]])
    support = Support(torch.tensor([[0, 3]]), torch.tensor([[1.0, 0.0]]))
    query = torch.tensor([[0.0, 1.0, 1.0, 0.0]])
    rest = torch.tensor([1.0, 0.0, 2.0]).log_softmax(0)
    torch.testing.assert_close(query_loss(scores, support, query, 0.75), -(rest[0] + rest[1]) / 2)


def test_entities_without_a_query_count_for_nothing() -> None:
    support = Support(torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 1))
    scores = torch.tensor([[1.0, 2.0], [3.0, 9.0]])
    alone = query_loss(scores[:1], Support(*(part[:1] for part in support)), torch.eye(2)[:1], 0.75)
    query = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert torch.equal(query_loss(scores, support, query, 0.75), alone)
    assert query_loss(scores, support, torch.zeros(2, 2), 0.75) == 0


def test_a_large_query_weighs_more() -> None:
    support = Support(torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 1))
    scores = torch.tensor([[1.0, 0.0, 2.0, 0.0], [0.0, 3.0, 1.0, 0.0]])
    query = torch.tensor([[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    large, small = -(scores.log_softmax(-1) * query).sum(-1) / query.sum(-1)
    for power, weight in ((0.0, 1.0), (0.5, 2.0), (1.0, 4.0)):
        expected = (weight * large + small) / (weight + 1)
        torch.testing.assert_close(query_loss(scores, support, query, power), expected)


def test_a_dislike_pays_a_bounded_penalty() -> None:
    task = RankingTask(
        vectors=torch.tensor([[[1.0], [2.0]]]),
        biases=torch.tensor([[0.5, 0.0]]),
        weights=torch.tensor([[3.0, -1.0]]),
        negatives=torch.tensor([[1.0], [-1.0]]),
        corrections=torch.zeros(2),
        hits=torch.tensor([[True, False]]),
    )
    fast, threshold = torch.tensor([[0.7]]), torch.tensor(0.2)
    liked = torch.tensor([0.7 + 0.5, 1.4, -0.7]).logsumexp(0) - 1.2
    disliked = -(1 - torch.tensor(1.4 - 0.2).sigmoid()).log()
    torch.testing.assert_close(
        support_loss(fast, threshold, task), (0.75 * liked + 0.25 * disliked)[None]
    )
    assert support_loss(-1e6 * fast, threshold, task._replace(weights=-task.weights.abs())) >= 0

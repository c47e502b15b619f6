"""A matching network learns to compare: it names new classes by attending to a few examples.

    python examples/matching.py

The tasks are synthetic. A class is a Gaussian cluster that differs from others in three hidden
directions; seventeen louder directions are noise; one linear map, the same for all tasks, mixes
them. The network never adapts by gradient: its linear embedding and its attention, learned over
many tasks, make a new task a mere comparison of its queries with its support.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Generator, Tensor
from torch.func import functional_call
from torch.optim import Adam

from models.few_shot import Examples, Tasks, meta_train
from models.metric_learning import MatchingNetwork
from models.nets import initial_parameters

WAYS, SHOTS, QUERIES = 5, 1, 15
TELLING, NOISE = 3, 17
SPREAD, LOUDNESS = 0.3, 2.0
"""Of a class in the telling directions, where class centres spread by 1; and of the noise."""

NET = MatchingNetwork(inputs=TELLING + NOISE, width=16)


def draw_tasks(count: int, mixing: Tensor, generator: Generator) -> Tasks:
    """`count` five-way tasks: inputs [count, n, 20] and one-hot labels [count, n, 5]."""
    normal = partial(torch.randn, generator=generator)
    each = SHOTS + QUERIES
    centres = normal(count, 1, WAYS, TELLING)
    telling = centres + SPREAD * normal(count, each, WAYS, TELLING)
    hidden = torch.cat([telling, LOUDNESS * normal(count, each, WAYS, NOISE)], dim=-1)
    inputs = (hidden @ mixing).flatten(1, 2)
    labels = torch.eye(WAYS).repeat(count, each, 1)
    known = SHOTS * WAYS
    return Tasks(
        support=(inputs[:, :known], labels[:, :known]),
        query=(inputs[:, known:], labels[:, known:]),
    )


def log_chances(slow: Mapping[str, Tensor], support: Examples, queries: Tensor) -> Tensor:
    """[count, n, 5] what the network with these weights says of the queries' classes."""
    chances: Tensor = functional_call(NET, dict(slow), (queries, *support), strict=True)
    return chances


def outer_loss(slow: Mapping[str, Tensor], tasks: Tasks) -> Tensor:
    """Mean cross-entropy of the queries."""
    inputs, labels = tasks.query
    return -(log_chances(slow, tasks.support, inputs) * labels).sum(-1).mean()


def accuracy(slow: Mapping[str, Tensor], tasks: Tasks) -> float:
    """Share of right answers on the queries."""
    inputs, labels = tasks.query
    answers = log_chances(slow, tasks.support, inputs).argmax(-1)
    return (answers == labels.argmax(-1)).float().mean().item()


def main(iterations: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Accuracy on new tasks before and after episodic training."""
    generator = torch.Generator().manual_seed(seed)
    width = TELLING + NOISE
    mixing = torch.randn(width, width, generator=generator) / width**0.5
    start = {name: value.detach() for name, value in NET.named_parameters()}
    for name, value in initial_parameters(NET.embedding, generator).items():
        start[f"embedding.{name}"] = value
    learned = meta_train(
        outer_loss,
        start,
        lambda: draw_tasks(16, mixing, generator),
        iterations,
        partial(Adam, lr=0.005),
    )
    unseen = draw_tasks(400, mixing, generator)
    before, after = accuracy(start, unseen), accuracy(learned, unseen)
    print(f"{WAYS}-way {SHOTS}-shot synthetic tasks, accuracy on the queries of 400 new tasks")
    print(f"before training    {before:.1%}")
    print(f"after training     {after:.1%}")
    return before, after


if __name__ == "__main__":
    torch.set_num_threads(1)  # tensors this small only wait for a second one
    main()

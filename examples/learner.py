"""MAML by hand-made tasks: a two-layer MLP learns to tell five new classes apart from a few shots.

    python examples/learner.py

The tasks are synthetic. A class is a Gaussian cluster that differs from others in three hidden
directions; seven more directions are noise; a fixed warp, the same for all tasks, mixes all ten.
No task says which inputs matter, but all tasks together do: that is what meta-training finds.
"""

from functools import partial

import torch
from torch import Generator, Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from models.few_shot import Tasks, maml, meta_train, step_sizes
from models.inner import Params, adapt, module_loss
from models.nets import Learner, initial_parameters

WAYS, SHOTS, QUERIES = 5, 5, 15
TELLING, NOISE = 3, 7
SPREAD = 0.2
"""Of a class in the telling directions, where class centres spread by 1."""
STEPS, STEP_SIZE = 3, 0.5

NET = Learner(inputs=TELLING + NOISE, hidden=64, classes=WAYS)
LOSS = module_loss(NET, cross_entropy)


def draw_tasks(count: int, warp: tuple[Tensor, Tensor], generator: Generator) -> Tasks:
    """`count` five-way tasks: inputs [count, n, 10] and classes [count, n]."""
    normal = partial(torch.randn, generator=generator)
    each = SHOTS + QUERIES
    centres = normal(count, 1, WAYS, TELLING)
    telling = centres + SPREAD * normal(count, each, WAYS, TELLING)
    hidden = torch.cat([telling, normal(count, each, WAYS, NOISE)], dim=-1)
    inputs = ((hidden @ warp[0]).tanh() @ warp[1]).flatten(1, 2)
    classes = torch.arange(WAYS).repeat(count, each)
    known = SHOTS * WAYS
    return Tasks(
        support=(inputs[:, :known], classes[:, :known]),
        query=(inputs[:, known:], classes[:, known:]),
    )


def accuracies(params: Params, tasks: Tasks) -> list[float]:
    """Share of right answers on the queries before and after each inner step."""
    step = step_sizes(params, STEP_SIZE)
    (support, query), found = tasks, []
    for steps in range(STEPS + 1):
        fast = torch.vmap(lambda *task, n=steps: adapt(LOSS, params, task, [step] * n))(*support)
        logits = torch.vmap(partial(functional_call, NET))(fast, query[0])
        found.append((logits.argmax(-1) == query[1]).float().mean().item())
    return found


def main(iterations: int = 1000, seed: int = 0) -> tuple[list[float], list[float]]:
    """Accuracy on new tasks by inner steps: from a random start, and from the meta-learned one."""
    generator = torch.Generator().manual_seed(seed)
    width = TELLING + NOISE
    warp = (
        torch.randn(width, width, generator=generator) / 2,
        torch.randn(width, width, generator=generator) / 2,
    )
    start = initial_parameters(NET, generator)
    learned = meta_train(
        maml(LOSS, [step_sizes(start, STEP_SIZE)] * STEPS),
        start,
        lambda: draw_tasks(16, warp, generator),
        iterations,
    )
    unseen = draw_tasks(400, warp, generator)
    before, after = accuracies(start, unseen), accuracies(learned, unseen)
    print(f"{WAYS}-way {SHOTS}-shot synthetic tasks, accuracy on the queries of 400 new tasks")
    print("inner steps        " + "".join(f"{steps:>8}" for steps in range(STEPS + 1)))
    for name, found in (("random start", before), ("meta-learned start", after)):
        print(f"{name:<19}" + "".join(f"{one:>8.1%}" for one in found))
    return before, after


if __name__ == "__main__":
    torch.set_num_threads(1)  # tensors this small only wait for a second one
    main()

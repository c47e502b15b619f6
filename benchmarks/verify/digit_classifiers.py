"""Four ways to tell new digits apart, all on the same embedding of images."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, normalize

from benchmarks.verify.digit_tasks import SIDE, WAYS
from models.few_shot import Examples, Tasks
from models.inner import Params
from models.latent import LatentSpace, Noise, adapt_latents, encode, outer_penalty
from models.lstm_rule import LSTMRule, adapt_by_rule, initial_rule
from models.metric_learning import closeness, evidence, prototypes
from models.nets import initial_parameters

FILTERS, LENGTH = 16, 4.0
WIDTH = FILTERS * (SIDE // 2) ** 2 + SIDE**2
"""Numbers that an image is embedded in."""
RULE_STEPS, RULE_RATE = 8, 0.5
LATENT = 128
RATE, MAPS_RATE = 0.003, 0.00003
"""Outer learning rates: of all, and of LEO's maps, which a few classes would teach by heart."""
LEO_MAPS = ("encoder", "first_relation", "last_relation", "decoder")
Slow: TypeAlias = Mapping[str, Tensor]


class Answer(NamedTuple):
    logits: Tensor
    """[B, M, W] of the queries."""
    penalty: Tensor
    """[] for the outer loss to add."""


class Classifier(NamedTuple):
    start: Callable[[Generator], dict[str, Tensor]]
    """The slow weights before training."""
    answer: Callable[[Slow, Tasks, Generator | None], Answer]
    """From the support, for the query; the generator draws what only training draws."""
    rates: Mapping[str, float] = {}
    """Outer learning rates, by name, that differ from RATE."""


class Embedding(nn.Module):
    """[..., 64] pixels -> [..., 320]: strokes found by a few small filters, and the image itself.

    So few weights, and blurred places, generalise from a handful of classes to new ones; wider nets
    learn those by heart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, FILTERS, 3, padding=1)
        self.second = nn.Conv2d(FILTERS, FILTERS, 3, padding=1)
        self.shares = nn.Parameter(torch.tensor([1.0, 0.5]))

    def forward(self, pixels: Tensor) -> Tensor:
        images = pixels.reshape(-1, 1, SIDE, SIDE)
        strokes = self.second(self.first(images).relu()).relu()
        blurred = avg_pool2d(strokes, 3, stride=2, padding=1, count_include_pad=False)
        found = normalize(blurred.flatten(1), dim=-1).reshape(*pixels.shape[:-1], -1)
        even = normalize(pixels - pixels.mean(-1, keepdim=True), dim=-1)
        return LENGTH * torch.cat([self.shares[0] * found, self.shares[1] * even], dim=-1)


EMBEDDING = Embedding()


def likelihood_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """[...] mean cross-entropy of logits [..., n, W] with one-hot labels; zeros are unused."""
    return -(logits.log_softmax(-1) * labels).sum((-2, -1)) / labels.sum((-2, -1))


def embedding_start(generator: Generator) -> dict[str, Tensor]:
    return {**initial_parameters(EMBEDDING, generator), "shares": torch.tensor([1.0, 0.5])}


def embed(slow: Slow, pixels: Tensor) -> Tensor:
    params = {name: slow[name] for name, _ in EMBEDDING.named_parameters()}
    vectors: Tensor = functional_call(EMBEDDING, params, (pixels,), strict=True)
    return vectors


def head_logits(head: Params, vectors: Tensor) -> Tensor:
    return vectors @ head["weight"].mT + head["bias"]


def head_loss(head: Params, examples: Examples) -> Tensor:
    vectors, labels = examples
    return likelihood_loss(head_logits(head, vectors), labels)


def matching_start(generator: Generator) -> dict[str, Tensor]:
    learned = {"attention": torch.eye(WIDTH), "log_temperature": torch.tensor(0.1).log()}
    return {**embedding_start(generator), **learned, "floor": torch.tensor(-1.0)}


def matching(slow: Slow, tasks: Tasks, _: Generator | None) -> Answer:
    support, queries = embed(slow, tasks.support[0]), embed(slow, tasks.query[0])
    temperature = slow["log_temperature"].exp()
    compared = queries @ slow["attention"].T
    logits = evidence(compared, support, tasks.support[1], temperature, slow["floor"])
    return Answer(logits, torch.zeros(()))


def prototypical_start(generator: Generator) -> dict[str, Tensor]:
    learned = {"prior": torch.zeros(WIDTH), "log_prior_shots": torch.tensor(0.05).log()}
    return {**embedding_start(generator), **learned}


def prototypical(slow: Slow, tasks: Tasks, _: Generator | None) -> Answer:
    support, queries = embed(slow, tasks.support[0]), embed(slow, tasks.query[0])
    shots = slow["log_prior_shots"].exp()
    centres = prototypes(support, tasks.support[1], slow["prior"], shots)
    return Answer(closeness(queries, centres), torch.zeros(()))


def lstm_start(generator: Generator) -> dict[str, Tensor]:
    rule = initial_rule(forget=0.9999, learn=RULE_RATE)
    return {**embedding_start(generator), "rule.forget": rule.forget, "rule.learn": rule.learn}


def lstm_learner(slow: Slow, tasks: Tasks, _: Generator | None) -> Answer:
    """The rule trains a linear head, which begins at nothing: classes have no order."""
    start = {"weight": torch.zeros(WAYS, WIDTH), "bias": torch.zeros(WAYS)}
    rule = LSTMRule(slow["rule.forget"], slow["rule.learn"])
    support, queries = embed(slow, tasks.support[0]), embed(slow, tasks.query[0])

    def one(support: Examples, queries: Tensor) -> Tensor:
        return head_logits(adapt_by_rule(head_loss, start, support, rule, RULE_STEPS), queries)

    return Answer(torch.vmap(one)((support, tasks.support[1]), queries), torch.zeros(()))


def leo_start(generator: Generator) -> dict[str, Tensor]:
    """A latent is a class's mean less that of all, in some directions, and decodes to itself."""
    same = torch.eye(LATENT)
    directions = torch.linalg.qr(torch.randn(WIDTH, LATENT, generator=generator)).Q.T
    apart = torch.cat([same, -same], dim=1)
    space = LatentSpace(
        encoder=directions,
        first_relation=torch.cat([apart, -apart]),
        last_relation=torch.cat([apart, torch.full_like(apart, -0.3)]),
        decoder=torch.cat([directions, torch.zeros_like(directions)], dim=1),
        deviation=torch.tensor(-3.0),
        steps=torch.full((5,), 0.5),
        fine_steps=torch.full((5,), 0.5),
    )
    return {**embedding_start(generator), **dict(zip(space._fields, space, strict=True))}


def leo(slow: Slow, tasks: Tasks, generator: Generator | None) -> Answer:
    """Classes have no biases: a task's images are seen from the middle of its support."""
    space = LatentSpace(*(slow[name] for name in LatentSpace._fields))
    support, queries = embed(slow, tasks.support[0]), embed(slow, tasks.query[0])
    used = tasks.support[1].sum(-1, keepdim=True)
    middle = (support * used).sum(1, keepdim=True) / used.sum(1, keepdim=True)
    support, queries = support - middle, queries - middle
    first = encode(space, support, tasks.support[1])
    noise = None
    if generator:
        like = first.mean.shape[:2]
        noise = Noise(
            torch.randn(*like, LATENT, generator=generator),
            torch.randn(*like, WIDTH, generator=generator),
        )
    adapted = adapt_latents(
        space,
        lambda weights, data: likelihood_loss(data[0] @ weights.mT, data[1]),
        first,
        (support, tasks.support[1]),
        noise,
    )
    penalty = outer_penalty(space, adapted, divergence=1e-4, travel=1e-3, orthogonality=0.1)
    return Answer(queries @ adapted.weights.mT, penalty)


CLASSIFIERS = {
    "matching": Classifier(matching_start, matching),
    "prototypical": Classifier(prototypical_start, prototypical),
    "lstm-learner": Classifier(lstm_start, lstm_learner),
    "leo": Classifier(leo_start, leo, dict.fromkeys(LEO_MAPS, MAPS_RATE)),
}

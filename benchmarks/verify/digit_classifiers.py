"""Five ways to tell new digits apart, all on the same embedding of images."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call
from torch.nn.functional import normalize

from benchmarks.verify.digit_tasks import SIDE, WAYS
from models.few_shot import Examples, Tasks, split_step_sizes, with_step_sizes
from models.inner import Params, adapt
from models.latent import LatentSpace, Noise, adapt_latents, encode, outer_penalty
from models.lstm_rule import LSTMRule, adapt_by_rule, initial_rule
from models.metric_learning import closeness, evidence, prototypes
from models.nets import initial_parameters

WIDTH, HIDDEN, LENGTH = SIDE * SIDE, 128, 4.0
RULE_STEPS, RULE_RATE = 5, 0.1
MAML_STEPS, MAML_SIZE = 3, 0.1
LATENT = 32
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
    """Outer learning rates, by name, that differ from the common one."""


class Embedding(nn.Module):
    """[..., 64] pixels -> [..., 64] of one length: what a hidden layer makes of the even image."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(WIDTH, HIDDEN)
        self.head = nn.Linear(HIDDEN, WIDTH)

    def forward(self, pixels: Tensor) -> Tensor:
        even = LENGTH * normalize(pixels - pixels.mean(-1, keepdim=True), dim=-1)
        return LENGTH * normalize(even + self.head(self.body(even).relu()), dim=-1)


class Learner(nn.Module):
    """[..., 64] pixels -> [..., 5] logits: the embedding and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = Embedding()
        self.head = nn.Linear(WIDTH, WAYS)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.head(self.embedding(pixels))
        return logits


EMBEDDING, LEARNER = Embedding(), Learner()


def likelihood_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """[...] mean cross-entropy of logits [..., n, W] with one-hot labels; zeros are unused."""
    return -(logits.log_softmax(-1) * labels).sum((-2, -1)) / labels.sum((-2, -1))


def embedding_start(generator: Generator) -> dict[str, Tensor]:
    """Nearly the even image itself."""
    start = initial_parameters(EMBEDDING, generator)
    return {**start, "head.weight": start["head.weight"] / 10}


def learner_start(generator: Generator) -> dict[str, Tensor]:
    start = {f"embedding.{name}": value for name, value in embedding_start(generator).items()}
    return {**start, "head.weight": torch.zeros(WAYS, WIDTH), "head.bias": torch.zeros(WAYS)}


def embed(slow: Slow, pixels: Tensor) -> Tensor:
    params = {name: slow[name] for name, _ in EMBEDDING.named_parameters()}
    vectors: Tensor = functional_call(EMBEDDING, params, (pixels,), strict=True)
    return vectors


def learner_logits(params: Params, pixels: Tensor) -> Tensor:
    logits: Tensor = functional_call(LEARNER, dict(params), (pixels,), strict=True)
    return logits


def learner_loss(params: Params, examples: Examples) -> Tensor:
    inputs, labels = examples
    return likelihood_loss(learner_logits(params, inputs), labels)


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
    return {**learner_start(generator), "rule.forget": rule.forget, "rule.learn": rule.learn}


def lstm_learner(slow: Slow, tasks: Tasks, _: Generator | None) -> Answer:
    start = {name: slow[name] for name, _ in LEARNER.named_parameters()}
    rule = LSTMRule(slow["rule.forget"], slow["rule.learn"])

    def one(support: Examples, queries: Tensor) -> Tensor:
        fast = adapt_by_rule(learner_loss, start, support, rule, RULE_STEPS)
        return learner_logits(fast, queries)

    return Answer(torch.vmap(one)(tasks.support, tasks.query[0]), torch.zeros(()))


def maml_start(generator: Generator) -> dict[str, Tensor]:
    return with_step_sizes(learner_start(generator), MAML_SIZE)


def maml(slow: Slow, tasks: Tasks, _: Generator | None) -> Answer:
    """With learned step sizes, the same at each step."""
    start, sizes = split_step_sizes(slow)

    def one(support: Examples, queries: Tensor) -> Tensor:
        fast = adapt(learner_loss, start, support, [sizes] * MAML_STEPS)
        return learner_logits(fast, queries)

    return Answer(torch.vmap(one)(tasks.support, tasks.query[0]), torch.zeros(()))


def leo_start(generator: Generator) -> dict[str, Tensor]:
    def normal(*shape: int) -> Tensor:
        numbers: Tensor = torch.randn(*shape, generator=generator) / shape[-1] ** 0.5
        return numbers

    space = LatentSpace(
        encoder=normal(LATENT, WIDTH),
        first_relation=normal(LATENT, 2 * LATENT),
        last_relation=normal(2 * LATENT, LATENT) / 10,
        decoder=normal(2 * WIDTH, LATENT).T / 10,
        deviation=torch.tensor(-3.0),
        steps=torch.full((5,), 0.5),
        fine_steps=torch.full((5,), 0.1),
    )
    return {**embedding_start(generator), **dict(zip(space._fields, space, strict=True))}


def leo(slow: Slow, tasks: Tasks, generator: Generator | None) -> Answer:
    space = LatentSpace(*(slow[name] for name in LatentSpace._fields))
    support, queries = embed(slow, tasks.support[0]), embed(slow, tasks.query[0])
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
    penalty = outer_penalty(space, adapted, divergence=1e-3, travel=1e-3, orthogonality=0.1)
    return Answer(queries @ adapted.weights.mT, penalty)


CLASSIFIERS = {
    "matching": Classifier(matching_start, matching),
    "prototypical": Classifier(prototypical_start, prototypical),
    "lstm-learner": Classifier(lstm_start, lstm_learner),
    "leo": Classifier(leo_start, leo),
    "maml": Classifier(maml_start, maml),
}

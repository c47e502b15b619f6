"""LEO against its equations, written as plain loops, and against descent through its decoder."""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.inner import adapt
from models.latent import (
    Adapted,
    Gaussian,
    LatentSpace,
    Noise,
    adapt_latents,
    decode,
    encode,
    non_orthogonality,
    outer_penalty,
)

GENERATOR = torch.Generator().manual_seed(0)


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR)


SPACE = LatentSpace(
    encoder=random(3, 4),
    first_relation=random(5, 6),
    last_relation=random(4, 5) / 4,
    decoder=random(2, 8) / 4,
    deviation=torch.tensor(-1.0),
    steps=torch.tensor([0.3, 0.2]),
    fine_steps=torch.tensor([0.1]),
)
SUPPORT = random(2, 6, 4)
CLASSES = torch.tensor([[0, 1, 2, 0, 1, 0], [2, 1, 0, 0, 1, 2]])
LABELS = torch.eye(3)[CLASSES]


def losses(weights: Tensor, data: tuple[Tensor, Tensor]) -> Tensor:
    inputs, classes = data
    logits = inputs @ weights.mT
    return cross_entropy(logits.mT, classes, reduction="none").mean(-1)


def adapted(space: LatentSpace = SPACE, noise: Noise | None = None) -> Adapted:
    return adapt_latents(space, losses, encode(space, SUPPORT, LABELS), (SUPPORT, CLASSES), noise)


def test_latents_are_class_means_of_related_pairs() -> None:
    found = encode(SPACE, SUPPORT, LABELS)
    codes = SUPPORT @ SPACE.encoder.T
    for task in range(2):
        for kind in range(3):
            pairs = [
                SPACE.last_relation @ (SPACE.first_relation @ torch.cat([one, other])).relu()
                for one, own in zip(codes[task], CLASSES[task], strict=True)
                for other in codes[task]
                if own == kind
            ]
            mean, log_deviation = torch.stack(pairs).mean(0).chunk(2)
            torch.testing.assert_close(found.mean[task, kind], mean)
            torch.testing.assert_close(found.deviation[task, kind], log_deviation.exp())


def test_without_steps_and_noise_the_weights_are_the_decoded_mean() -> None:
    still = SPACE._replace(steps=torch.zeros(0), fine_steps=torch.zeros(0))
    first = encode(SPACE, SUPPORT, LABELS)
    torch.testing.assert_close(adapted(still).weights, decode(SPACE, first.mean).mean)


def test_without_noise_it_is_gradient_descent_through_the_decoder() -> None:
    found = adapted()
    start = encode(SPACE, SUPPORT, LABELS).mean
    for task in range(2):
        data = (SUPPORT[task], CLASSES[task])
        latents = adapt(
            lambda params, data: cross_entropy(
                data[0] @ (params["z"] @ SPACE.decoder[:, :4]).T, data[1]
            ),
            {"z": start[task]},
            data,
            [{"z": size} for size in SPACE.steps],
        )["z"]
        weights = adapt(
            lambda params, data: cross_entropy(data[0] @ params["w"].T, data[1]),
            {"w": latents @ SPACE.decoder[:, :4]},
            data,
            [{"w": size} for size in SPACE.fine_steps],
        )["w"]
        torch.testing.assert_close(found.weights[task], weights)
        torch.testing.assert_close(found.travelled[task], latents - start[task])


def test_noise_moves_latents_and_weights_by_their_deviations() -> None:
    still = SPACE._replace(steps=torch.zeros(0), fine_steps=torch.zeros(0))
    noise = Noise(random(2, 3, 2), random(2, 3, 4))
    first = encode(SPACE, SUPPORT, LABELS)
    drawn = decode(SPACE, first.mean + first.deviation * noise.latents)
    expected = drawn.mean + drawn.deviation * noise.weights
    torch.testing.assert_close(adapted(still, noise).weights, expected)


def test_a_class_without_examples_has_the_standard_normal_latent() -> None:
    first = encode(SPACE, SUPPORT, LABELS * torch.tensor([1.0, 0.0, 1.0]))
    assert torch.equal(first.mean[:, 1], torch.zeros(2, 2))
    assert torch.equal(first.deviation[:, 1], torch.ones(2, 2))
    nobody = encode(SPACE, SUPPORT, 0 * LABELS)
    assert torch.equal(decode(SPACE, nobody.mean).mean, torch.zeros(2, 3, 4))
    assert torch.equal(nobody.divergence(), torch.zeros(2))


def test_divergence_is_the_known_sum() -> None:
    one = Gaussian(torch.tensor([[0.5, -1.0]]), torch.tensor([[2.0, 0.3]]))
    expected = sum(
        0.5 * (deviation**2 + mean**2 - 1 - math.log(deviation**2))
        for mean, deviation in ((0.5, 2.0), (-1.0, 0.3))
    )
    torch.testing.assert_close(one.divergence(), torch.tensor([expected]))


def test_orthogonal_rows_cost_nothing() -> None:
    assert non_orthogonality(torch.tensor([[0.0, 3.0], [2.0, 0.0]])) == 0
    tilted = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    torch.testing.assert_close(non_orthogonality(tilted), torch.tensor(2 * 0.5 / 4))


def test_the_penalty_pulls_the_encoder_to_where_the_latents_ended() -> None:
    encoder = SPACE.encoder.clone().requires_grad_()
    found = adapted(SPACE._replace(encoder=encoder))
    penalty = outer_penalty(SPACE, found, 0.0, 0.7, 0.0)
    torch.testing.assert_close(penalty, 0.7 * found.travelled.square().sum((1, 2)).mean())
    (towards,) = torch.autograd.grad(penalty, encoder, retain_graph=True)
    start = encode(SPACE._replace(encoder=encoder), SUPPORT, LABELS).mean
    end = (start + found.travelled).detach()
    (expected,) = torch.autograd.grad(0.7 * (end - start).square().sum((1, 2)).mean(), encoder)
    torch.testing.assert_close(towards, expected)


def test_the_penalty_adds_up_its_parts() -> None:
    found = adapted()
    expected = 0.2 * found.first.divergence().mean() + 0.5 * non_orthogonality(SPACE.decoder)
    torch.testing.assert_close(outer_penalty(SPACE, found, 0.2, 0.0, 0.5), expected)

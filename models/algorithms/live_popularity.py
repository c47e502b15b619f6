"""The popularity of items that training never saw, from what is expected and what happens."""

from torch import Tensor

EXPECTED_CHANCES = 10.0
"""How many chances to be met the expected popularity of an item counts for."""


def live_shift(trained: Tensor, expected: Tensor, events: Tensor, events_of_all: Tensor) -> Tensor:
    """[B] log((n + a m) / (N + a)) - log m: from expected to live popularity.

    m is the expected rate, which counts for a = EXPECTED_CHANCES; n events happened in N chances.
    One chance is as many events on all items as a training user had, so that the rates of live
    events and of training compare.

    Args:
        trained: [I] log of the rate at which training users met each item.
        expected: [B] log m.
        events: [B] n; in its precision everything is computed.
        events_of_all: [B] events on all items since this one could be met.
    """
    trained, expected = trained.to(events), expected.to(events)
    chances = events_of_all / trained.exp().sum()
    met = events + EXPECTED_CHANCES * expected.exp()
    return met.log() - (chances + EXPECTED_CHANCES).log() - expected

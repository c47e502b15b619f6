"""The popularity of items that training never saw, from what is expected and what happens."""

from torch import Tensor


def live_shift(
    trained: Tensor, expected: Tensor, events: Tensor, events_of_all: Tensor, trust: Tensor
) -> Tensor:
    """[B] log((n + a m) / (N + a)) - log m: from expected to live popularity.

    m is the expected rate, which counts for a chances; n events happened in N chances.
    One chance is as many events on all items as a training user had, so that the rates of live
    events and of training compare.

    Args:
        trained: [I] log of the rate at which training users met each item.
        expected: [B] log m.
        events: [B] n; in its precision everything is computed.
        events_of_all: [B] events on all items since this one could be met.
        trust: [] a
    """
    trained, expected, trust = (known.to(events) for known in (trained, expected, trust))
    chances = events_of_all / trained.exp().sum()
    met = events + trust * expected.exp()
    return met.log() - (chances + trust).log() - expected

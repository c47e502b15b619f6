"""Take turns, so that whatever else the machine does meets all players alike."""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter
from typing import NamedTuple


class Pace(NamedTuple):
    rounds: int
    seconds: float
    """Of a turn, or one call where that takes longer."""


def seconds_each(players: Mapping[str, Callable[[], object]], pace: Pace) -> dict[str, float]:
    """What one call of each player takes: the median over rounds of the mean over a turn.

    Every player has been called before its first turn.
    """
    calls = {name: _calls(play, pace.seconds) for name, play in players.items()}
    found: dict[str, list[float]] = {name: [] for name in players}
    for _ in range(pace.rounds):
        for name, play in players.items():
            found[name].append(_turn(play, calls[name]))
    return {name: median(spent) for name, spent in found.items()}


def _calls(play: Callable[[], object], seconds: float) -> int:
    play()
    return max(1, round(seconds / _turn(play, 1)))


def _turn(play: Callable[[], object], calls: int) -> float:
    began = perf_counter()
    for _ in range(calls):
        play()
    return (perf_counter() - began) / calls

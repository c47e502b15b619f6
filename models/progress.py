"""Tell how far something long has come, in parts of a whole."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from re import sub
from time import monotonic
from typing import TypeAlias, TypeVar

T = TypeVar("T")
OnProgress: TypeAlias = Callable[[str, float], None]
"""What is being done, and how much of the whole is done before it, 0..1."""


def silent(what: str, done: float) -> None:
    """Tell nobody."""


def part(tell: OnProgress, start: float, end: float, name: str = "") -> OnProgress:
    """For a part of the whole that `tell` is told of; what it does is told after `name`.

    >>> second_half = part(lambda what, done: print(what, done), 0.5, 1.0, "ease")
    >>> second_half("lambda 30", 0.5)
    ease, lambda 30 0.75
    """

    def told(what: str, done: float) -> None:
        tell(", ".join(filter(None, (name, what))), start + done * (end - start))

    return told


def told_of(some: Sequence[T], tell: OnProgress) -> Iterator[T]:
    """The same, telling before each how many of them are done.

    >>> list(told_of("ab", lambda what, done: print(what, done)))
    1 of 2 0.0
    2 of 2 0.5
    ['a', 'b']
    """
    for number, one in enumerate(some):
        tell(f"{number + 1} of {len(some)}", number / len(some))
        yield one


def stages(tell: OnProgress, efforts: Mapping[str, float]) -> dict[str, OnProgress]:
    """One for each of several parts that follow one another and take about so long.

    >>> told = stages(lambda what, done: print(what, done), {"ours": 1, "ease": 3})
    >>> told["ease"]("", 0.0)
    ease 0.25
    """
    total = sum(efforts.values())
    ends = [end / total for end in accumulate(efforts.values(), initial=0.0)]
    return {
        name: part(tell, start, end, name)
        for name, (start, end) in zip(efforts, pairwise(ends), strict=True)
    }


def seldom(tell: OnProgress, seconds: float = 60.0) -> OnProgress:
    """Passes on what begins something new, and a sign of life every so many seconds.

    >>> told = seldom(lambda what, done: print(what, done))
    >>> told("ease", 0.0), told("sasrec, step 10", 0.1), told("sasrec, step 20", 0.2)
    ease 0.0
    sasrec, step 10 0.1
    (None, None, None)
    """
    last = "", 0.0

    def told(what: str, done: float) -> None:
        nonlocal last
        now = sub(r"\d+", "", what), monotonic()
        if now[0] != last[0] or now[1] >= last[1] + seconds:
            last = now
            tell(what, done)

    return told

"""Tell how far something long has come, in parts of a whole."""

from collections.abc import Callable
from typing import TypeAlias

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

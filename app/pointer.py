"""JSON Pointers (RFC 6901): where in a body something is."""

from collections.abc import Sequence

NAME_SHOWN = 256


def pointer_to(path: Sequence[int | str]) -> str:
    """Fit to be sent: very long names cut, lone surrogates escaped.

    >>> pointer_to(["a/b", 0, "~"])
    '/a~1b/0/~0'
    """
    parts = (str(part)[:NAME_SHOWN].replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in parts).encode(errors="backslashreplace").decode()

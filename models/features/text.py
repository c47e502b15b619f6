"""Texts as bags of hashed grams, weighed by tf-idf."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.features.sparse import Cells

MOST_CHARACTERS = 2_000
"""What lies beyond in a text is not read."""
MOST_GRAMS_PER_TEXT = 128
"""The heaviest stay."""

_GRAM = 4
_FIT_TEXTS = 50_000
_BLOCK = 10_000  # texts at once: a few million grams
_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# Chinese and Japanese do not part their words: every sign counts as one.
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W{_IDEOGRAPHS}]+")


@dataclass(frozen=True)
class HashedText:
    """The grams that occur often enough, known by their hash alone.

    Grams are words, pairs of neighbouring words, and the runs of four characters inside a word
    with its borders marked (as in Bojanowski et al. 2017). The hash is 32 bits of BLAKE2b, the same
    in every process, so that grams of different data sets can be matched. Weights are
    (1 + log tf) idf, of length 1 per text.
    """

    hashes: tuple[int, ...]
    idf: tuple[float, ...]

    @property
    def size(self) -> int:
        return len(self.hashes)

    @property
    def meanings(self) -> list[tuple[str, ...]]:
        return [("text", str(gram)) for gram in self.hashes]

    @cached_property
    def _places(self) -> dict[int, int]:
        return {gram: place for place, gram in enumerate(self.hashes)}

    @cached_property
    def _idf(self) -> NDArray[np.float64]:
        return np.array(self.idf)

    def cells(self, texts: Sequence[str | None]) -> Cells:
        """One row per text; None and texts of unknown grams only have no cells."""
        blocks = _blocks(texts, _Grams(self._places))
        return Cells.joined([self._weighed(rows, places) for rows, places in blocks])

    def _weighed(self, rows: NDArray[np.int64], places: NDArray[np.int64]) -> Cells:
        pairs, counts = np.unique(rows * max(self.size, 1) + places, return_counts=True)
        rows, places = np.divmod(pairs, max(self.size, 1))
        weights = (1 + np.log(counts)) * self._idf[places]
        rows, places, weights = _heaviest(rows, places, weights)
        lengths = np.sqrt(np.bincount(rows, weights**2))[rows]
        return Cells(rows, places, (weights / lengths).astype(np.float32))


def fit_text(texts: Sequence[str | None], min_count: int, most: int) -> HashedText:
    """Keep the grams in at least `min_count` texts, at most `most`: those in most texts.

    Of a large table an evenly spread part is read.
    """
    step = -(-len(texts) // _FIT_TEXTS) or 1
    chosen = [text for text in texts[::step] if text is not None]
    found = [
        np.unique(rows << 32 | grams) & 0xFFFFFFFF for rows, grams in _blocks(chosen, _Grams())
    ]
    grams, counts = np.unique(np.concatenate([np.zeros(0, np.int64), *found]), return_counts=True)
    often = np.lexsort((grams, -counts))[:most]
    often = np.sort(often[counts[often] >= min_count])
    idf = 1 + np.log((1 + len(chosen)) / (1 + counts[often]))
    return HashedText(tuple(grams[often].tolist()), tuple(idf.round(4).tolist()))


class _Grams:
    """The numbers of a text's grams: their hashes, or their places where only some are known."""

    def __init__(self, places: dict[int, int] | None = None) -> None:
        self._places = places
        self._seen: dict[str, tuple[int, ...]] = {}

    def of(self, text: str) -> Iterator[int]:
        words = _words(text)
        for word in words:
            yield from self._numbers(word, [word, *_pieces(word)])
        for pair in pairwise(words):
            joined = " ".join(pair)
            yield from self._numbers(joined, [joined])

    def _numbers(self, key: str, grams: list[str]) -> tuple[int, ...]:
        if key not in self._seen:
            hashes = map(_hash, grams)
            self._seen[key] = tuple(
                hashes
                if self._places is None
                else (self._places[one] for one in hashes if one in self._places)
            )
        return self._seen[key]


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold())


def _pieces(word: str) -> list[str]:
    marked = f"<{word}>"
    return [f"#{marked[n : n + _GRAM]}" for n in range(len(marked) - _GRAM + 1)]


def _hash(gram: str) -> int:
    content = gram.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=4).digest(), "big")


def _blocks(
    texts: Sequence[str | None], grams: _Grams
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Row and gram of everything in the texts, some texts at a time."""
    for start in range(0, len(texts), _BLOCK):
        found: list[int] = []
        ends = []
        for text in texts[start : start + _BLOCK]:
            if text is not None:
                found.extend(grams.of(text))
            ends.append(len(found))
        lengths = np.diff(ends, prepend=0)
        yield np.repeat(np.arange(start, start + len(ends)), lengths), np.array(found, np.int64)


def _heaviest(
    rows: NDArray[np.int64], places: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    lengths = np.bincount(rows)
    if lengths.max(initial=0) <= MOST_GRAMS_PER_TEXT:
        return rows, places, weights
    order = np.lexsort((places, -weights, rows))
    starts = np.cumsum(lengths) - lengths
    ranks = np.arange(len(rows)) - starts[rows]
    kept = order[ranks < MOST_GRAMS_PER_TEXT]
    return rows[kept], places[kept], weights[kept]

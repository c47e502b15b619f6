"""A text-embedding model in the place of hashed grams, for those who install one."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from models.features.sparse import Cells


class TextEmbedding(Protocol):
    """Any function from texts to vectors, under a name that tells it from others."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[n, D] one finite vector for each of at least one text."""
        ...


@dataclass(frozen=True)
class EmbeddedText:
    """D features for all texts of a table: their vectors, of length 1 each."""

    name: str
    size: int
    model: TextEmbedding = field(compare=False, repr=False)

    @property
    def meanings(self) -> list[tuple[str, ...]]:
        return [("embedding", self.name, str(place)) for place in range(self.size)]

    def cells(self, texts: Sequence[str | None]) -> Cells:
        """One row per text; None has no cells."""
        present = np.array([n for n, text in enumerate(texts) if text is not None], np.int64)
        if not len(present):
            return Cells.joined([])
        # Lone surrogates, which JSON can hold, are no text to a tokeniser.
        clean = [one.encode("utf-8", "replace").decode() for one in texts if one is not None]
        vectors = self.model.embed(clean)
        if vectors.shape != (len(present), self.size) or not np.isfinite(vectors).all():
            raise DataError(
                self.name,
                f"it made {vectors.shape} of {len(present)} texts",
                f"each must become {self.size} finite numbers",
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        values = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        places = np.tile(np.arange(self.size), len(present))
        return Cells(present.repeat(self.size), places, values.ravel())


def load_embedding(name: str) -> TextEmbedding:
    """A sentence-transformers model by its name or folder.

    Raises:
        DataError: The package or the model is missing.
    """
    try:
        library = importlib.import_module("sentence_transformers")
    except ImportError:
        raise DataError(
            name,
            "text embeddings need the package sentence-transformers",
            "install thaw[embeddings]",
        ) from None
    try:
        return _SentenceTransformer(name, library.SentenceTransformer(name, device="cpu").encode)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(name, f"the text embedding cannot be loaded: {reason}") from error


class _Encode(Protocol):
    def __call__(self, sentences: list[str], *, show_progress_bar: bool) -> object: ...


@dataclass(frozen=True)
class _SentenceTransformer:
    name: str
    encode: _Encode

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self.encode(list(texts), show_progress_bar=False), np.float32)

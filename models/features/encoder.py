"""Columns of a table become features, once decided; tables and JSON alike are encoded so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import DataError
from models.features.columns import Column, Meaning, TextColumn
from models.features.embedding import EmbeddedText, TextEmbedding
from models.features.fitting import fit_columns
from models.features.parsing import label, plain_values
from models.features.sparse import Cells
from models.features.stored import (
    column_from_json,
    column_to_json,
    text_from_json,
    text_to_json,
    texts_from_json,
)
from models.features.text import HashedText, fit_text
from models.shapes import Features

MOST_FEATURES = 50_000

_MOST_GRAMS = 2**13


@dataclass(frozen=True)
class Encoder:
    """What each column of one table becomes: the features of the columns, then those of texts."""

    columns: tuple[Column, ...] = ()
    text: HashedText | EmbeddedText | None = None
    """Shared by the text columns, so that titles of different tables share words."""
    notes: tuple[str, ...] = ()
    """Which columns are ignored, and why."""

    @classmethod
    def fit(
        cls,
        table: pl.DataFrame,
        key: str,
        *,
        min_count: int = 3,
        most_features: int = MOST_FEATURES,
        embedding: TextEmbedding | None = None,
    ) -> "Encoder":
        """Decide for every column but `key`.

        What occurs in fewer than `min_count` rows gets no feature of its own, and beyond
        `most_features` the rarest go first. An `embedding` reads the texts instead of hashed grams.
        """
        names = [name for name in table.columns if name != key]
        most_grams = min(_MOST_GRAMS, most_features // 4)
        columns, notes = fit_columns(table, names, min_count, most_features - most_grams)
        texts = [
            label(value)
            for column in columns
            if isinstance(column, TextColumn)
            for value in plain_values(table[column.name])
        ]
        text: HashedText | EmbeddedText | None = None
        if texts and embedding is not None:
            text = EmbeddedText(embedding.name, embedding.embed(["size"]).shape[1], embedding)
        elif texts:
            text = fit_text(texts, min_count, most_grams)
        return cls(tuple(columns), text, tuple(notes))

    def to_json(self) -> dict[str, object]:
        """Plain JSON for the manifest; of an embedding only its name."""
        return {
            "columns": [column_to_json(column) for column in self.columns],
            "text": text_to_json(self.text),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, value: object, *, embedding: TextEmbedding | None = None) -> "Encoder":
        """What `to_json` gave; a recorded `embedding` is loaded by name if it is not passed.

        Raises:
            DataError: The value is no encoder, or its embedding cannot be had.
        """
        match value:
            case {"columns": list(columns), "text": text, "notes": notes}:
                found = tuple(map(column_from_json, columns))
                if len({column.name for column in found}) == len(found):
                    of_texts = text_from_json(text, embedding)
                    return cls(found, of_texts, texts_from_json(notes, "notes"))
        raise DataError("features", "the stored encoder is damaged")

    @property
    def size(self) -> int:
        """V, the number of features."""
        return sum(column.size for column in self.columns) + (self.text.size if self.text else 0)

    @property
    def meanings(self) -> list[Meaning]:
        """[V] what each feature says; equal in two encoders where it says the same."""
        of_columns = [meaning for column in self.columns for meaning in column.meanings]
        return of_columns + (self.text.meanings if self.text else [])

    def describe(self) -> list[str]:
        """A line for each column: its kind and its number of features; then the notes."""
        lines = [
            f"{one.name}: {one.kind}"
            + ("" if isinstance(one, TextColumn) else f", {one.size:,} features")
            for one in self.columns
        ]
        if self.text:
            lines.append(f"all texts together: {self.text.size:,} features")
        return [*lines, *self.notes]

    def encode_table(self, table: pl.DataFrame, key: str, ids: Sequence[str]) -> Features:
        """[B, J] of the rows of `ids`; an id that is not in the table lacks everything.

        Columns that are not in the table count as missing.
        """
        names = [one.name for one in self.columns if one.name in table.columns]
        known = table.select(pl.col(key).cast(pl.String), *names).unique(key, keep="first")
        wanted = pl.DataFrame({key: ids}, schema={key: pl.String})
        rows = wanted.join(known, on=key, how="left", maintain_order="left")

        def values(name: str) -> Sequence[object]:
            return plain_values(rows[name]) if name in rows.columns else [None] * len(ids)

        return self._encode(values, len(ids))

    def encode(self, properties: Sequence[Mapping[str, object]]) -> Features:
        """[B, J] of plain JSON objects; what is no value of its column's kind counts as missing."""
        return self._encode(
            lambda name: [one.get(name) for one in properties],
            len(properties),
        )

    def _encode(self, values: Callable[[str], Sequence[object]], entities: int) -> Features:
        parts, start = list[Cells](), 0
        of_texts = sum(column.size for column in self.columns)
        for column in self.columns:
            column_values = values(column.name)
            parts.append(column.cells(column_values).moved(start))
            start += column.size
            if isinstance(column, TextColumn) and self.text:
                texts = self.text.cells([label(value) for value in column_values])
                parts.append(texts.moved(of_texts))
        return Cells.joined(parts).padded(entities)


def matching(new: Encoder, old: Encoder) -> NDArray[np.int64]:
    """[V of new] the feature of `old` that says the same, or -1.

    Values match by column and value, numbers by column (each standardised in its own table),
    buckets by column and ends, hashed grams by their hash, across all text columns.
    """
    places = {meaning: place for place, meaning in enumerate(old.meanings)}
    return np.array([places.get(meaning, -1) for meaning in new.meanings], np.int64)

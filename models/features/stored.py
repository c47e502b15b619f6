"""The parts of an encoder as plain JSON, and back."""

from dataclasses import fields
from itertools import pairwise
from math import isnan

from models.errors import DataError
from models.features.columns import Column, NumberColumn, TextColumn, ValuesColumn
from models.features.embedding import EmbeddedText, TextEmbedding, load_embedding
from models.features.parsing import number
from models.features.text import HashedText

_HASHES = 2**32


def column_to_json(column: Column) -> dict[str, object]:
    raw = {one.name: getattr(column, one.name) for one in fields(column)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in raw.items()}


def text_to_json(text: HashedText | EmbeddedText | None) -> dict[str, object] | None:
    match text:
        case HashedText(hashes, idf):
            return {"hashes": list(hashes), "idf": list(idf)}
        case EmbeddedText(name, size):
            return {"embedding": name, "size": size}
    return None


def column_from_json(value: object) -> Column:
    """Raises DataError."""
    match value:
        case {"kind": "text", "name": str(name), "missing": bool(missing)}:
            return TextColumn(name, "text", missing)
        case {
            "kind": "category" | "list" as kind,
            "name": str(name),
            "missing": bool(missing),
            "values": values,
        }:
            return ValuesColumn(name, kind, missing, texts_from_json(values, "values"))
        case {
            "kind": "number" | "date" as kind,
            "name": str(name),
            "missing": bool(missing),
            "mean": mean,
            "deviation": deviation,
            "edges": edges,
        }:
            return NumberColumn(name, kind, missing, *_spread(mean, deviation, edges))
    raise _nonsense("a column")


def text_from_json(
    value: object, embedding: TextEmbedding | None
) -> HashedText | EmbeddedText | None:
    """Raises DataError, also where the embedding is missing or is another one."""
    match value:
        case None:
            return None
        case {"hashes": list(hashes), "idf": idf}:
            weights = _numbers(idf)
            known = [one for one in hashes if type(one) is int and 0 <= one < _HASHES]
            if not len(hashes) == len(set(known)) == len(weights) or min(weights, default=1) <= 0:
                raise _nonsense("the hashed texts")
            return HashedText(tuple(known), weights)
        case {"embedding": str(name), "size": int(size)} if size > 0:
            model = embedding or load_embedding(name)
            if model.name != name:
                raise DataError(name, f"the text embedding at hand is {model.name!r}")
            return EmbeddedText(name, size, model)
    raise _nonsense("the texts")


def texts_from_json(value: object, what: str) -> tuple[str, ...]:
    """Raises DataError."""
    if not isinstance(value, list):
        raise _nonsense(what)
    texts = [one for one in value if isinstance(one, str)]
    if len(set(texts)) != len(value):
        raise _nonsense(what)
    return tuple(texts)


def _spread(
    mean: object, deviation: object, edges: object
) -> tuple[float, float, tuple[float, ...]]:
    centre, width = _numbers([mean, deviation])
    ascending = _numbers(edges)
    if width <= 0 or not all(low < high for low, high in pairwise(ascending)):
        raise _nonsense("a column of numbers")
    return centre, width, ascending


def _numbers(value: object) -> tuple[float, ...]:
    numbers = tuple(map(number, value)) if isinstance(value, list) else (float("nan"),)
    if any(map(isnan, numbers)):
        raise _nonsense("numbers")
    return numbers


def _nonsense(what: str) -> DataError:
    return DataError("features", f"the stored encoder is damaged: {what}")

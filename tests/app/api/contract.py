"""What callers rely on, recorded in docs/openapi.json, and what a change would take from them.

After a change that is meant, `python -m tests.app.api.contract` records the API as it is now.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from app.main import create_app

Json: TypeAlias = Mapping[str, Any]

RECORD = Path(__file__).parents[3] / "docs" / "openapi.json"
ACCEPT = ".venv/bin/python -m tests.app.api.contract"
ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated"})


def current() -> Json:
    document: Json = create_app().openapi()
    return document


def recorded() -> Json:
    document: Json = json.loads(RECORD.read_text())
    return document


def record() -> None:
    RECORD.write_text(json.dumps(current(), indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def broken(old: Json, new: Json) -> list[str]:
    """What callers who keep to the document `old` can no longer do, or rely on, with `new`."""
    before, after = _operations(old), _operations(new)
    return [
        f"{name}: {what}"
        for name, operation in before.items()
        for what in (_broken(operation, after[name]) if name in after else ["gone"])
    ]


def _operations(document: Json) -> Mapping[str, Json]:
    """By method and path, with all that they refer to in them."""
    return {
        f"{method.upper()} {path}": _inlined(operation, document, ())
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def _inlined(value: Any, document: Json, within: Sequence[str]) -> Any:
    """References become what they refer to; within itself that may be anything."""
    if isinstance(value, list):
        return [_inlined(one, document, within) for one in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        name = reference.rpartition("/")[2]
        if name in within:
            return {}
        return _inlined(document["components"]["schemas"][name], document, (*within, name))
    return {name: _inlined(one, document, within) for name, one in value.items()}


def _broken(old: Json, new: Json) -> Iterator[str]:
    yield from _closed(_openers(old), _openers(new))
    yield from _narrowed_parameters(old, new)
    yield from _narrowed_body(old.get("requestBody"), new.get("requestBody"))
    for status, answer in old["responses"].items():
        if status not in new["responses"]:
            yield f"answer {status} gone"
            continue
        now = new["responses"][status].get("content", {})
        for media, told in answer.get("content", {}).items():
            place = f"answer {status} as {media}"
            if media not in now:
                yield f"{place} gone"
            else:
                yield from _loosened(told["schema"], now[media]["schema"], place)


def _openers(operation: Json) -> set[tuple[str, str]]:
    """Ways to send a key, with the scopes that open the operation."""
    return {
        (way, scope)
        for each in operation.get("security", [])
        for way, scopes in each.items()
        for scope in scopes
    }


def _closed(old: set[tuple[str, str]], new: set[tuple[str, str]]) -> Iterator[str]:
    if new and not old:
        yield "a key is needed now"
    elif new:
        yield from (f"{scope} key by {way} no longer opens it" for way, scope in sorted(old - new))


def _narrowed_parameters(old: Json, new: Json) -> Iterator[str]:
    before, after = (
        {(one["in"], one["name"]): one for one in operation.get("parameters", [])}
        for operation in (old, new)
    )
    for key, parameter in before.items():
        place = f"parameter {key[1]}"
        if key not in after:
            yield f"{place} gone"
        else:
            yield from _excess(parameter["schema"], after[key]["schema"], place, "is narrower")
    for key, parameter in after.items():
        needed_before = key in before and before[key].get("required", False)
        if parameter.get("required", False) and not needed_before:
            yield f"parameter {key[1]} is required now"


def _narrowed_body(old: Json | None, new: Json | None) -> Iterator[str]:
    if new is None:
        yield from ["body gone"] if old else []
        return
    if new.get("required", False) and not (old or {}).get("required", False):
        yield "a body is required now"
    for media, told in (old or {}).get("content", {}).items():
        if media not in new["content"]:
            yield f"body as {media} gone"
        else:
            schema, place = new["content"][media]["schema"], f"body as {media}"
            gone = _gone(told["schema"], schema, place)
            yield from gone or _excess(told["schema"], schema, place, "is narrower")


def _loosened(old: Json, new: Json, place: str) -> Iterator[str]:
    """Answers may tell more than before, but not less, nor anything of another kind."""
    yield from _gone(old, new, place) or _excess(new, old, place, "may be something else")


def _gone(old: Json, new: Json, place: str) -> list[str]:
    return [f"{place}{field} gone" for field in sorted(_fields(old) - _fields(new))]


def _fields(schema: Any, at: str = "") -> set[str]:
    """Pointers to all fields that a schema names, optional ones too."""
    if not isinstance(schema, dict):
        return set()
    named = schema.get("properties", {}).items()
    parts = chain(schema.get("anyOf", []), schema.get("oneOf", []), schema.get("allOf", []))
    return {f"{at}/{name}" for name, _ in named}.union(
        *(_fields(inner, f"{at}/{name}") for name, inner in named),
        *(_fields(inner, at) for inner in parts),
        _fields(schema.get("items"), f"{at}/*"),
        _fields(schema.get("additionalProperties"), f"{at}/*"),
    )


def _excess(these: Json, those: Json, place: str, verdict: str) -> Iterator[str]:
    """The innermost places where a value that fits `these` need not fit `those`."""
    if is_within(these, those):
        return
    inner = [
        what
        for name, schema in _parts(these).items()
        if name in _parts(those)
        for what in _excess(schema, _parts(those)[name], f"{place}/{name}", verdict)
    ]
    yield from inner or [f"{place} {verdict}"]


def _parts(schema: Json) -> Json:
    items = {"*": schema["items"]} if "items" in schema else {}
    return {**items, **schema.get("properties", {})}


def is_within(these: Json, those: Json) -> bool:
    """Whether all that fits one schema fits the other."""
    if these == those:
        return True
    found: bool = import_module("jsonsubschema").isSubschema(_bare(these), _bare(those))
    return found


def _bare(schema: Any) -> Any:
    """What the comparison knows: no texts for readers, and bounds as JSON Schema once wrote them.

    A property may be called `title` all the same.
    """
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _bare(value) for name, value in schema.items() if name not in ANNOTATIONS}
    if isinstance(named := schema.get("properties"), dict):
        kept["properties"] = {name: _bare(inner) for name, inner in named.items()}
    for bound in ("minimum", "maximum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if exclusive in kept:
            kept |= {bound: kept[exclusive], exclusive: True}
    return kept


if __name__ == "__main__":
    record()

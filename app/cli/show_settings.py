"""`thaw settings`: every value with where it came from."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from app.cli.console import load_settings, print_json, print_table

_PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@]*@")


def settings(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Print all settings and where each came from; passwords in addresses are hidden."""
    environment = {name.upper() for name in os.environ}
    rows = [
        (path, hide_password(value), source(path, environment))
        for path, value in leaves(load_settings().model_dump(mode="json"))
    ]
    if as_json:
        print_json({path: {"value": value, "source": where} for path, value, where in rows})
    else:
        print_table(("setting", "value", "from"), rows)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested mappings with its dotted path.

    >>> list(leaves({"a": 1, "b": {"c": 2}}))
    [('a', 1), ('b.c', 2)]
    """
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def source(path: str, environment: set[str]) -> str:
    """The variable that sets `path` or a group around it, else "default".

    >>> source("database.url", {"THAW_DATABASE__URL", "HOME"})
    'THAW_DATABASE__URL'
    """
    names = path.upper().split(".")
    candidates = ("THAW_" + "__".join(names[:depth]) for depth in range(len(names), 0, -1))
    return next((name for name in candidates if name in environment), "default")


def hide_password(value: Any) -> Any:
    """The value, with the password of an address replaced.

    >>> hide_password("redis://me:secret@host/0")
    'redis://me:***@host/0'
    """
    return _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value

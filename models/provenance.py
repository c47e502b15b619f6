"""Which source a result depends on, so that it is kept for as long as that stays the same."""

import ast
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

_ABOVE = Path(__file__).parents[1]
_LIBRARY = Path(__file__).parent.name
_WITHOUT_EFFECT = frozenset({"models.errors", "models.progress"})
"""What a failure is called, or how far something is, changes no result."""


def code_digest(*modules: str) -> str:
    """Of the source of `modules` of this library and all that they import of it, however far.

    A package counts for what its `__init__` imports; naming a module of it names no more of it.

    >>> code_digest("models.metrics") == code_digest("models.metrics", "models.metrics")
    True
    """
    digest = blake2b(digest_size=12)
    for name, path in sorted(sources(modules).items()):
        digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def sources(modules: Iterable[str]) -> dict[str, Path]:
    """Module -> file, of `modules` and all of this library that they import.

    >>> sorted(sources(["models.baselines.crowd"]))
    ['models.baselines.crowd', 'models.data.dataset', 'models.data.splitting']
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = None if name in found or name in _WITHOUT_EFFECT else _file(name)
        if path is not None:
            found[name] = path
            waiting += _imports(path)
    return found


def _file(module: str) -> Path | None:
    if module.partition(".")[0] != _LIBRARY:
        return None
    place = _ABOVE.joinpath(*module.split("."))
    return next(filter(Path.is_file, (place.with_suffix(".py"), place / "__init__.py")), None)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)

"""Large tensors in files of our own that all workers of a machine map: they fill memory once."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

KEPT = 4
"""Files of one kind that stay: those of the version that serves, and of those before it."""


def shared(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, mapped from the file at `path`, which is made where it does not hold them.

    They must not be written to.
    """
    with alone(path.parent):
        mapped = _mapped(path, tensors)
        if mapped is None:
            with written(path) as aside:
                save_file({name: one.cpu().contiguous() for name, one in tensors.items()}, aside)
            mapped = _mapped(path, tensors)
        assert mapped is not None, f"{path} was changed by others"
        return mapped


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one worker at a time makes files in `folder`; the others find them made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path beside `path` that takes its place, whole; the oldest of its kind make room."""
    aside = path.with_name(f".{path.name}")
    try:
        yield aside
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)
    alike = sorted(path.parent.glob(f"*{path.suffix}"), key=lambda one: one.stat().st_mtime_ns)
    for old in alike[:-KEPT]:
        old.unlink()


def _mapped(path: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """None where the file is missing, broken, or holds anything else."""
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            if set(file.keys()) != set(tensors):
                return None
            found = {name: file.get_tensor(name) for name in tensors}
    except SafetensorError:
        return None
    same = all(torch.equal(found[name], one.cpu()) for name, one in tensors.items())
    return found if same else None

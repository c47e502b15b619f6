"""Where an interrupted training goes on: one safetensors file, replaced as a whole."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import safetensors
from safetensors.torch import save_file
from torch import Tensor

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far training has come."""

    step: int = 0
    best: float | None = None
    """Highest validation score so far."""
    worse: int = 0
    """Checks since then."""
    seconds: float = 0.0
    """Training time spent, over all sittings."""

    def after(self, score: float) -> "Standing":
        """The standing after one more check."""
        if self.best is None or score > self.best:
            return replace(self, best=score, worse=0)
        return replace(self, worse=self.worse + 1)


def write(path: Path, standing: Standing, groups: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Replace the checkpoint at `path` by the standing and named groups of named tensors."""
    flat = {
        f"{group}/{name}": tensor.detach().clone().contiguous()
        for group, tensors in groups.items()
        for name, tensor in tensors.items()
    }
    aside = path.with_suffix(".writing")
    save_file(flat, aside, {"standing": json.dumps(asdict(standing))})
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)


def read(path: Path) -> tuple[Standing, dict[str, dict[str, Tensor]]] | None:
    """What `write` wrote, or None if there is nothing that can be used."""
    if not path.exists():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            standing = Standing(**json.loads(file.metadata()["standing"]))
            groups: dict[str, dict[str, Tensor]] = {}
            for key in file.keys():  # noqa: SIM118
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file.get_tensor(key)
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        _logger.warning("checkpoint %s cannot be used, training starts over: %s", path, error)
        return None
    return standing, groups

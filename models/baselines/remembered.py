"""Keep judgements on disk for as long as what they follow from stays the same."""

import json
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from models.baselines.judged import Judged
from models.baselines.tuning import Choice
from models.metrics import Judgement


def remembered(cache: Path | None, key: str, compute: Callable[[], Judged]) -> Judged:
    """What `compute` says, from `cache` if it has said it before for the same `key`.

    The key must name all that the outcome follows from, the code included (models.provenance). A
    file that cannot be read is computed and written anew.
    """
    if cache is None:
        return compute()
    path = cache / f"{blake2b(key.encode(), digest_size=12).hexdigest()}.npz"
    try:
        return _load(path)
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile, zlib.error):
        outcome = compute()
        _save(path, outcome)
        return outcome


def _save(path: Path, outcome: Judged) -> None:
    choices = {k: asdict(choice) for k, choice in outcome.choices.items()}
    arrays: dict[str, NDArray[np.generic]] = {"choices": np.array(json.dumps(choices))}
    for k, judgement in outcome.judgements.items():
        arrays[f"values {k}"], arrays[f"top {k}"] = judgement.values, judgement.top
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as aside:
        written = Path(aside) / path.name
        with written.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        os.replace(written, path)  # noqa: PTH105  (the atomic one on every system)


def _load(path: Path) -> Judged:
    with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
        choices = json.loads(str(arrays["choices"]))
        judged = [int(name.split()[1]) for name in arrays.files if name.startswith("values ")]
        return Judged(
            {int(k): Choice(**choice) for k, choice in choices.items()},
            {k: Judgement(arrays[f"values {k}"], arrays[f"top {k}"]) for k in judged},
        )

"""Meta-weights on disk: DIRECTORY/<version>/{weights.safetensors, manifest.json}.

The version is the beginning of a SHA-256 of all tensors and of all facts about them but the
training budget, so equal weights have equal names and a version can never change under a reader.
Written aside, flushed to the disk, then renamed.
"""

import json
import logging
import os
import platform
import re
import shutil
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import safetensors
import torch
from safetensors.torch import load as parse
from safetensors.torch import save as serialise
from torch import Tensor

from models.config import Side
from models.errors import WeightsError

Json: TypeAlias = dict[str, Any]

TENSORS_FILE, MANIFEST_FILE = "weights.safetensors", "manifest.json"
_ID_TEXT, _ID_ENDS = "item_ids.utf8", "item_ids.ends"
_VERSION = re.compile(r"[0-9a-f]{12}")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What training knows about the weights it made. Everything must be plain JSON."""

    algorithm: str
    retrieval: str
    steps: int
    """Inner steps per adaptation."""
    split: Json
    """seed and fold, and the numbers of users in train, validation and test."""
    data: Json
    """name, fingerprint, users, items, interactions."""
    config: Json
    metrics: Json
    """By number of shots (as text): metric name to value, on validation users."""
    gate: tuple[float, ...] = ()
    features: Json | None = None
    transferred_from: str | None = None
    """The version that training started from, of another domain or of content alone."""
    smoke: Json | None = None
    """A few scores, by which models.smoke tells whether they still come out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Facts):
    """The facts, and what the tensor file must hold."""

    version: str
    created_at: str
    items: int
    tensors: dict[str, Json]
    """By name: shape, dtype and sha256 of the tensor's bytes."""
    sha256: str
    software: dict[str, str]

    @property
    def side(self) -> Side:
        """Whom they rank for: users, or items, whose catalogue are the users."""
        return "item" if self.config.get("side") == "item" else "user"


@dataclass(frozen=True, slots=True)
class MetaWeights:
    """The slow weights of one version, with the id of every row of the item matrix."""

    manifest: Manifest
    slow: dict[str, Tensor]
    item_ids: tuple[str, ...]

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def side(self) -> Side:
        return self.manifest.side


def save(
    directory: Path, slow: Mapping[str, Tensor], item_ids: tuple[str, ...], facts: Facts
) -> Manifest:
    """Write a version and return its manifest; the same weights again are left as they lie.

    Raises:
        WeightsError: A tensor holds a number that is not finite.
    """
    encoded = [item_id.encode() for item_id in item_ids]
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in slow.items()}
    tensors[_ID_TEXT] = torch.from_numpy(np.frombuffer(b"".join(encoded), np.uint8).copy())
    tensors[_ID_ENDS] = torch.tensor([len(one) for one in encoded], dtype=torch.int64).cumsum(0)
    content = serialise(tensors)
    digest = sha256(content).hexdigest()
    version = _version(digest, {field.name: getattr(facts, field.name) for field in fields(Facts)})
    _check_finite(version, tensors)
    manifest = Manifest(
        **{field.name: getattr(facts, field.name) for field in fields(Facts)},
        version=version,
        created_at=datetime.now(UTC).isoformat(),
        items=len(item_ids),
        tensors=_contents(version, content),
        sha256=digest,
        software={
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "safetensors": safetensors.__version__,
        },
    )
    _publish(
        directory / version,
        {
            TENSORS_FILE: content,
            MANIFEST_FILE: json.dumps(asdict(manifest), indent=1).encode(),
        },
    )
    return load(directory, version).manifest


def load(directory: Path, version: str) -> MetaWeights:
    """Read a version and verify it against its manifest.

    Raises:
        WeightsError: Missing, corrupt, truncated or mismatched; names the tensor where it can.
    """
    manifest = _read_manifest(directory, version)
    try:
        content = (directory / version / TENSORS_FILE).read_bytes()
    except OSError as error:
        raise WeightsError(version, f"cannot read {TENSORS_FILE}: {error.strerror}") from error
    _check_contents(manifest, content)
    tensors = parse(content)
    _check_finite(version, tensors)
    ends, text = tensors.pop(_ID_ENDS).tolist(), tensors.pop(_ID_TEXT).numpy().tobytes()
    if len(ends) != manifest.items:
        raise WeightsError(
            version, f"{len(ends)} item ids where the manifest says {manifest.items}", _ID_ENDS
        )
    starts = [0, *ends][: len(ends)]
    try:
        ids = tuple(text[a:b].decode() for a, b in zip(starts, ends, strict=True))
    except UnicodeDecodeError as error:
        raise WeightsError(version, "item ids are not UTF-8", _ID_TEXT) from error
    return MetaWeights(manifest, tensors, ids)


def list_manifests(directory: Path) -> list[Manifest]:
    """The manifests of all versions, newest first. Broken ones are logged and left out."""
    found = []
    names = sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []
    for name in filter(_VERSION.fullmatch, names):
        try:
            found.append(_read_manifest(directory, name))
        except WeightsError as error:
            _logger.warning("manifest skipped: %s", error)
    return sorted(found, key=lambda manifest: manifest.created_at, reverse=True)


def _read_manifest(directory: Path, version: str) -> Manifest:
    if not _VERSION.fullmatch(version):
        raise WeightsError(version, "a version is 12 hexadecimal digits")
    folder = directory / version
    if folder.resolve().parent != directory.resolve():
        raise WeightsError(version, "leads out of the directory of meta-weights")
    try:
        raw = json.loads((folder / MANIFEST_FILE).read_bytes())
        manifest = Manifest(**{**raw, "gate": tuple(raw["gate"])})
    except OSError as error:
        raise WeightsError(version, f"cannot read {MANIFEST_FILE}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(version, f"{MANIFEST_FILE} is not a manifest: {error}") from error
    told = {field.name: getattr(manifest, field.name) for field in fields(Facts)}
    if manifest.version != version or version != _version(manifest.sha256, told):
        raise WeightsError(version, f"{MANIFEST_FILE} is that of another version, or was changed")
    return manifest


def _version(digest: str, facts: Json) -> str:
    config = {**facts["config"], "budget_seconds": None}
    text = json.dumps({**facts, "config": config}, sort_keys=True)
    return sha256(f"{digest} {text}".encode()).hexdigest()[:12]


def _contents(version: str, content: bytes) -> dict[str, Json]:
    """Shape, dtype and sha256 of each tensor in a safetensors file, as far as the file reaches."""
    try:
        (length,) = struct.unpack_from("<Q", content)
        header = json.loads(content[8 : 8 + length])
        body = memoryview(content)[8 + length :]
        return {
            name: {
                "shape": entry["shape"],
                "dtype": entry["dtype"],
                "sha256": sha256(body[slice(*entry["data_offsets"])]).hexdigest(),
            }
            for name, entry in sorted(header.items())
            if name != "__metadata__"
        }
    except (struct.error, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(version, f"the header of {TENSORS_FILE} cannot be read") from error


def _check_contents(manifest: Manifest, content: bytes) -> None:
    """The file's own checksum decides; the single tensors only tell where the harm is."""
    version, present = manifest.version, _contents(manifest.version, content)
    for name, expected in manifest.tensors.items():
        if name not in present:
            raise WeightsError(version, "missing", name)
        for what in ("shape", "dtype"):
            if present[name][what] != expected.get(what):
                raise WeightsError(
                    version, f"{what} {present[name][what]}, expected {expected.get(what)}", name
                )
        if present[name]["sha256"] != expected.get("sha256"):
            raise WeightsError(version, "truncated or corrupt: checksum differs", name)
    for name in present.keys() - manifest.tensors.keys():
        raise WeightsError(version, "not in the manifest", name)
    if sha256(content).hexdigest() != manifest.sha256:
        raise WeightsError(version, f"checksum of {TENSORS_FILE} differs")
    for name in (_ID_TEXT, _ID_ENDS):
        if name not in present:
            raise WeightsError(version, "missing", name)


def _check_finite(version: str, tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise WeightsError(version, "holds numbers that are not finite", name)


def _publish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` appear complete or not at all; an intact one is kept, a broken one replaced."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        try:
            load(folder.parent, folder.name)
        except WeightsError as error:
            _logger.warning("replacing broken meta-weights: %s", error)
            shutil.rmtree(folder)
        else:
            return
    aside = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    aside.chmod(0o755)
    for name, content in files.items():
        with (aside / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    _flush(aside)
    aside.rename(folder)
    _flush(folder.parent)


def _flush(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

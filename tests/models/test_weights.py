"""Meta-weights on disk: bit for bit, or a refusal that says which tensor."""

import json
import logging
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models.errors import WeightsError
from models.weights import Facts, Manifest, list_manifests, load, save

IDS = ("a", "b/c", "{d}", "emoji 🎬", "")
FACTS = Facts(
    algorithm="meta-sgd",
    retrieval="dot",
    steps=2,
    split={"seed": 1, "fold": 0},
    data={"name": "generated"},
    config={"seed": 1},
    metrics={"5": {"ndcg@10": 0.1 + 0.2}},
    gate=(0.0, 0.1 + 0.2),
)


def tensors() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {
        "item_vectors": torch.randn(len(IDS), 4, generator=generator),
        "negatives": torch.randint(len(IDS), (3,), generator=generator),
        "rho": torch.tensor(0.5, dtype=torch.float64),
    }


@pytest.fixture
def saved(tmp_path: Path) -> Manifest:
    return save(tmp_path, tensors(), IDS, FACTS)


def content_of(tmp_path: Path, manifest: Manifest) -> Path:
    return tmp_path / manifest.version / "weights.safetensors"


def manifest_of(tmp_path: Path, manifest: Manifest) -> Path:
    return tmp_path / manifest.version / "manifest.json"


def edit_manifest(
    tmp_path: Path, manifest: Manifest, change: Callable[[dict[str, Any]], object]
) -> None:
    path = manifest_of(tmp_path, manifest)
    raw = json.loads(path.read_text())
    change(raw)
    path.write_text(json.dumps(raw))


def test_round_trips_bit_for_bit(tmp_path: Path, saved: Manifest) -> None:
    loaded = load(tmp_path, saved.version)
    expected = tensors()
    assert loaded.slow.keys() == expected.keys()
    for name, tensor in expected.items():
        assert loaded.slow[name].dtype == tensor.dtype
        assert torch.equal(loaded.slow[name], tensor)
    assert loaded.item_ids == IDS
    assert loaded.manifest == saved
    assert loaded.version == saved.version
    assert loaded.manifest.gate == FACTS.gate
    assert loaded.manifest.metrics == FACTS.metrics
    assert loaded.manifest.items == len(IDS)


def test_equal_weights_have_equal_versions(tmp_path: Path, saved: Manifest) -> None:
    assert save(tmp_path, tensors(), IDS, FACTS) == saved
    hurried = replace(FACTS, config={**FACTS.config, "budget_seconds": 5.0})
    assert save(tmp_path, tensors(), IDS, hurried) == saved
    other = save(tmp_path, tensors() | {"rho": torch.tensor(0.25)}, IDS, FACTS)
    assert other.version != saved.version
    renamed = save(tmp_path, tensors(), (*IDS[:-1], "z"), FACTS)
    assert len({saved.version, other.version, renamed.version}) == 3


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, algorithm="maml"),
        replace(FACTS, features={"users": None}),
        replace(FACTS, data={"name": "told otherwise"}),
    ],
)
def test_equal_tensors_that_mean_something_else_are_another_version(
    tmp_path: Path, saved: Manifest, facts: Facts
) -> None:
    other = save(tmp_path, tensors(), IDS, facts)
    assert other.version != saved.version
    assert load(tmp_path, other.version).manifest.algorithm == facts.algorithm
    assert load(tmp_path, saved.version).manifest == saved


def test_saving_repairs_a_broken_version(tmp_path: Path, saved: Manifest) -> None:
    content_of(tmp_path, saved).write_bytes(b"")
    assert save(tmp_path, tensors(), IDS, FACTS).version == saved.version
    assert load(tmp_path, saved.version).item_ids == IDS


def test_nothing_is_left_beside_the_versions(tmp_path: Path, saved: Manifest) -> None:
    assert [entry.name for entry in tmp_path.iterdir()] == [saved.version]
    assert {entry.name for entry in (tmp_path / saved.version).iterdir()} == {
        "weights.safetensors",
        "manifest.json",
    }


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_never_saved(tmp_path: Path, value: float) -> None:
    bad = tensors() | {"rho": torch.tensor(value)}
    with pytest.raises(WeightsError, match="finite") as caught:
        save(tmp_path, bad, IDS, FACTS)
    assert caught.value.tensor == "rho"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tail", [1, 9, 40])
def test_a_truncated_file_is_refused_by_tensor(tmp_path: Path, saved: Manifest, tail: int) -> None:
    path = content_of(tmp_path, saved)
    path.write_bytes(path.read_bytes()[:-tail])
    with pytest.raises(WeightsError, match="truncated or corrupt") as caught:
        load(tmp_path, saved.version)
    assert caught.value.tensor in saved.tensors


@pytest.mark.parametrize("length", [0, 5, 8, 100])
def test_a_file_cut_in_its_header_is_refused(tmp_path: Path, saved: Manifest, length: int) -> None:
    path = content_of(tmp_path, saved)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(WeightsError, match="header"):
        load(tmp_path, saved.version)


def test_every_flipped_tensor_is_named(tmp_path: Path, saved: Manifest) -> None:
    path = content_of(tmp_path, saved)
    intact = path.read_bytes()
    (length,) = struct.unpack_from("<Q", intact)
    header = json.loads(intact[8 : 8 + length])
    for name, entry in header.items():
        broken = bytearray(intact)
        broken[8 + length + entry["data_offsets"][0]] ^= 1
        path.write_bytes(broken)
        with pytest.raises(WeightsError, match="corrupt") as caught:
            load(tmp_path, saved.version)
        assert caught.value.tensor == name
    path.write_bytes(intact)
    assert load(tmp_path, saved.version).version == saved.version


def test_a_flipped_bit_anywhere_is_refused(tmp_path: Path, saved: Manifest) -> None:
    path = content_of(tmp_path, saved)
    intact = path.read_bytes()
    for place in range(0, len(intact), 7):
        broken = bytearray(intact)
        broken[place] ^= 0x10
        path.write_bytes(broken)
        with pytest.raises(WeightsError):
            load(tmp_path, saved.version)


def test_a_file_of_another_version_is_refused(tmp_path: Path, saved: Manifest) -> None:
    other = save(tmp_path, tensors() | {"item_vectors": torch.ones(5, 3)}, IDS, FACTS)
    content_of(tmp_path, saved).write_bytes(content_of(tmp_path, other).read_bytes())
    with pytest.raises(WeightsError, match=r"shape \[5, 3\], expected \[5, 4\]") as caught:
        load(tmp_path, saved.version)
    assert caught.value.tensor == "item_vectors"


def test_a_manifest_of_another_version_is_refused(tmp_path: Path, saved: Manifest) -> None:
    other = save(tmp_path, tensors() | {"rho": torch.tensor(1.0)}, IDS, FACTS)
    manifest_of(tmp_path, saved).write_bytes(manifest_of(tmp_path, other).read_bytes())
    with pytest.raises(WeightsError, match="another version"):
        load(tmp_path, saved.version)


@pytest.mark.parametrize(
    ("change", "tensor", "reason"),
    [
        (lambda raw: raw["tensors"].pop("rho"), "rho", "not in the manifest"),
        (lambda raw: raw["tensors"].update(tau={}), "tau", "missing"),
        (lambda raw: raw["tensors"]["rho"].update(dtype="F32"), "rho", "dtype F64, expected F32"),
        (lambda raw: raw["tensors"]["rho"].update(shape=[1]), "rho", "shape"),
        (lambda raw: raw.update(items=4), "item_ids.ends", "5 item ids"),
        (lambda raw: raw.update(sha256=raw["sha256"][:-1] + "x"), None, "changed"),
        (lambda raw: raw.update(algorithm="maml"), None, "changed"),
        (lambda raw: raw.pop("gate"), None, "not a manifest"),
        (lambda raw: raw.update(unheard_of=1), None, "not a manifest"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    tmp_path: Path,
    saved: Manifest,
    change: Callable[[dict[str, Any]], object],
    tensor: str | None,
    reason: str,
) -> None:
    edit_manifest(tmp_path, saved, change)
    with pytest.raises(WeightsError) as caught:
        load(tmp_path, saved.version)
    assert caught.value.tensor == tensor
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1}'])
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, saved: Manifest, text: str) -> None:
    manifest_of(tmp_path, saved).write_text(text)
    with pytest.raises(WeightsError, match=r"manifest\.json"):
        load(tmp_path, saved.version)


@pytest.mark.parametrize("name", ["weights.safetensors", "manifest.json"])
def test_a_missing_file_is_refused(tmp_path: Path, saved: Manifest, name: str) -> None:
    (tmp_path / saved.version / name).unlink()
    with pytest.raises(WeightsError, match="cannot read"):
        load(tmp_path, saved.version)


@pytest.mark.parametrize(
    "version", ["", ".", "..", "../0123456789ab", "/etc/passwd", "0123456789AB", "0" * 11, "a\0b"]
)
def test_version_names_cannot_lead_elsewhere(tmp_path: Path, version: str) -> None:
    with pytest.raises(WeightsError, match="12 hexadecimal"):
        load(tmp_path, version)


def test_links_cannot_lead_elsewhere(tmp_path: Path) -> None:
    outside = save(tmp_path / "outside", tensors(), IDS, FACTS)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / outside.version).symlink_to(tmp_path / "outside" / outside.version)
    with pytest.raises(WeightsError, match="leads out"):
        load(inside, outside.version)


def test_manifests_are_listed_newest_first_without_the_broken(
    tmp_path: Path, saved: Manifest, caplog: pytest.LogCaptureFixture
) -> None:
    newer = save(tmp_path, tensors() | {"rho": torch.tensor(2.0)}, IDS, FACTS)
    broken = save(tmp_path, tensors() | {"rho": torch.tensor(3.0)}, IDS, FACTS)
    manifest_of(tmp_path, broken).write_text("{")
    (tmp_path / ".writing-left").mkdir()
    edit_manifest(tmp_path, newer, lambda raw: raw.update(created_at="2999-01-01T00:00:00+00:00"))
    with caplog.at_level(logging.WARNING):
        listed = list_manifests(tmp_path)
    assert [manifest.version for manifest in listed] == [newer.version, saved.version]
    assert broken.version in caplog.text
    assert list_manifests(tmp_path / "nowhere") == []

"""Checkpoints: written whole, read back exactly, never trusted when broken."""

import logging
from pathlib import Path

import pytest
import torch

from models import checkpoint
from models.checkpoint import Standing

STANDING = Standing(step=300, best=0.25, worse=1, seconds=12.5)
GROUPS = {
    "learned": {"w": torch.tensor([1.0, 2.0])},
    "adam": {"0.exp_avg": torch.tensor(0.5), "0.step": torch.tensor(3.0)},
}


def test_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    assert checkpoint.read(path) is None
    checkpoint.write(path, Standing(), {"learned": {"w": torch.zeros(9)}})
    checkpoint.write(path, STANDING, GROUPS)
    found = checkpoint.read(path)
    assert found is not None
    standing, groups = found
    assert standing == STANDING
    assert groups.keys() == GROUPS.keys()
    for group, tensors in GROUPS.items():
        assert groups[group].keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert torch.equal(groups[group][name], tensor)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.safetensors"]


@pytest.mark.parametrize("keep", [0, 7, 60, -1])
def test_a_broken_checkpoint_is_told_and_left(
    tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "t.safetensors"
    checkpoint.write(path, STANDING, GROUPS)
    path.write_bytes(path.read_bytes()[:keep])
    with caplog.at_level(logging.WARNING):
        assert checkpoint.read(path) is None
    assert "starts over" in caplog.text


def test_a_standing_counts_checks_since_the_best() -> None:
    first = Standing().after(0.0)
    assert (first.best, first.worse) == (0.0, 0)
    worse = first.after(0.0).after(-1.0)
    assert (worse.best, worse.worse) == (0.0, 2)
    assert worse.after(0.5) == Standing(best=0.5)

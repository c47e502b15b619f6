"""The main job, from nothing: data, training, migrations, import, keys, service, again."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.domain import Scope

THAW = Path(sys.executable).with_name("thaw")


@contextmanager
def demo(directory: Path, shop: Path) -> "Iterator[tuple[list[str], list[str]]]":
    """Runs `thaw demo` until it is ready; gives its lines and the three commands it printed."""
    environment = {name: value for name, value in os.environ.items() if "THAW_" not in name}
    process = subprocess.Popen(
        [THAW, "demo", "--data", shop, "--port", "0", "--budget", "3s"],
        cwd=directory,
        env=environment | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    commands: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("curl "):
                commands.append(line)
            if len(commands) == 3:
                break
        assert len(commands) == 3, "\n".join(lines)
        yield lines, commands
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in {130, -signal.SIGINT}


def paste(command: str) -> httpx.Response:
    """Sends what the printed curl command would send."""
    _, _, url, _, key, _, kind, _, body = shlex.split(command)
    headers = dict(header.split(": ") for header in (key, kind))
    return httpx.post(url, headers=headers, content=body, timeout=60)


def page(lines: list[str]) -> str:
    return next(line.split()[1] for line in lines if line.startswith("Page "))


def thaw(directory: Path, *arguments: str) -> int:
    return subprocess.run([THAW, *arguments], cwd=directory, check=False).returncode


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A working directory with a space in its name."""
    place = tmp_path / "my shop"
    place.mkdir()
    return place


def test_from_nothing_to_an_adapted_list_and_again(directory: Path, shop: Path) -> None:
    with demo(directory, shop) as (lines, commands):
        tell, ask, reload = commands
        before = paste(ask).json()
        assert before["personalization"]["mode"] == "prior"
        assert before["items"][0]["properties"]["title"].startswith("Item ")
        told = paste(tell)
        assert told.status_code == 202
        assert told.json()["accepted"] == 1
        after = paste(ask).json()
        assert (
            after["personalization"] | {"mode": "adapted", "support": 1}
            == (after["personalization"])
        )
        assert [item["item_id"] for item in after["items"]] != [
            item["item_id"] for item in before["items"]
        ]
        version = after["personalization"]["weights_version"]
        assert paste(reload).json()["version"] == version
        assert thaw(directory, "weights", "reload", "--url", page(lines)) == 0
        assert thaw(directory, "weights", "reload", "0123456789ab", "--url", page(lines)) == 2
        assert thaw(directory, "weights", "estimate", version, "--url", page(lines)) == 0
        assert any(line.startswith("training for at most 3 s") for line in lines)
        assert "960 events imported, 0 were there already" in lines
        kept = directory / "var" / "dev-keys.json"
        keys = json.loads(kept.read_text())
        assert set(keys) == set(Scope)
        assert all(any(key in line for line in lines) for key in keys.values())
        assert kept.stat().st_mode & 0o777 == 0o600

    with demo(directory, shop) as (lines, commands):
        assert f"{version} in var/weights was trained on this data" in lines
        assert "catalogue and history are imported" in lines
        assert json.loads(kept.read_text()) == keys
        remembered = paste(commands[1]).json()
        assert remembered["items"] == after["items"]
        assert remembered["personalization"]["support"] == 1

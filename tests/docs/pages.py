"""Runs the code of a page of docs/ as a reader would: in order, in an empty folder, for real."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.integration.served import free_port

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ADDRESS = "http://127.0.0.1:8000"
PRELUDE = """
set -euo pipefail
trap 'jobs -p | xargs -r kill; wait' EXIT
curl() { command curl --fail-with-body --show-error "$@"; }
aside() {  # a reader would take another terminal
    "$@" >service.log 2>&1 &
    curl -s --retry 240 --retry-delay 1 --retry-all-errors "$ADDRESS/readyz" >readyz 2>retries ||
        { cat service.log >&2; return 1; }
}
"""


class Block(NamedTuple):
    language: str
    code: str


class Ran(NamedTuple):
    printed: str
    promised: tuple[str, ...]
    """What the page says comes out, in order."""


def blocks(page: str) -> list[Block]:
    return [Block(*found) for found in FENCE.findall((DOCS / page).read_text())]


def run(page: str, folder: Path, instead: Mapping[str, str] | None = None) -> Ran:
    """Runs a page. What serves until it is stopped runs aside, until the page is at its end.

    Args:
        page: its path below docs/.
        folder: where to run; empty.
        instead: lines of the page that a test cannot run as they are -> what to run for them.
    """
    address = f"http://127.0.0.1:{free_port()}"
    lines = {"thaw serve": "aside thaw serve"} | dict(instead or {})
    parts = [PRELUDE]
    for language, group in groupby(
        (block for block in blocks(page) if block.language in {"sh", "python"}),
        key=lambda block: block.language,
    ):
        code = "\n".join(block.code for block in group).replace(ADDRESS, address)
        if language == "python":
            code = f"python -W error - <<'PYTHON'\n{code}\nPYTHON\n"
        for line, command in lines.items():
            code = re.sub(rf"^{re.escape(line)}$", command, code, flags=re.MULTILINE)
        parts.append(code)
    ended = _shell("\n".join(parts), folder, address)
    assert ended.returncode == 0, f"{ended.stdout[-2_000:]}\n{ended.stderr[-4_000:]}"
    promised = tuple(block.code for block in blocks(page) if block.language == "text")
    return Ran(ended.stdout, promised)


def _shell(script: str, folder: Path, address: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("THAW_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ADDRESS": address,
        "THAW_SERVER__PORT": address.rpartition(":")[2],
        "THAW_ENGINE__DEADLINE_MS": "30000",  # a busy test machine must not decide the mode
    }
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def broken(ran: Ran) -> list[str]:
    """Promises not kept: what should have been printed after the one before, and was not."""
    missing, start = [], 0
    for promise in ran.promised:
        found = ran.printed.find(promise, start)
        if found < 0:
            missing.append(promise)
        else:
            start = found + len(promise)
    return missing

"""What the command says of itself, and how it speaks to terminals, pipes and machines."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from app.cli import cli
from tests.app.cli.conftest import Ended

Thaw = Callable[..., Ended]
COMMAND = Path(sys.executable).with_name("thaw")
ESCAPE = "\x1b["


def commands(group: TyperGroup, *names: str) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *names, name)
        elif isinstance(command, TyperCommand):
            yield (*names, name), command


ROOT = typer.main.get_group(cli)
COMMANDS = dict(commands(ROOT))
EXAMPLES = [
    line.strip()
    for command in COMMANDS.values()
    for line in (command.epilog or "").splitlines()
    if "thaw " in line
]


def on_a_terminal(environment: dict[str, str], *arguments: str) -> str:
    """What a command writes where somebody looks on."""
    reader, writer = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        env={**os.environ, "TERM": "xterm-256color", "THAW_STATE": "nowhere", **environment},
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
    )
    os.close(writer)
    said = b""
    try:
        while part := os.read(reader, 65_536):
            said += part
    except OSError:  # what Linux says at the end of a terminal
        pass
    os.close(reader)
    process.wait()
    return said.decode()


def test_help_reads_like_a_manual(thaw: Thaw) -> None:
    said = thaw("--help").out
    panels = re.findall(r"─ ([\w -]+) ─", said)
    assert panels == ["Options", "Start here", "Meta-weights", "Data", "Running it"]
    assert said.index("Start here") < said.index(" demo ") < said.index("Meta-weights")
    assert "130 interrupted" in said


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_command_that_there_is(example: str) -> None:
    words = shlex.split(re.sub(r'^.*?\bthaw |\)"$', "", example))
    depth = next(depth for depth in (1, 2) if tuple(words[:depth]) in COMMANDS)
    command = COMMANDS[tuple(words[:depth])]
    command.make_parser(typer.Context(command)).parse_args(words[depth:])


def test_commands_that_need_more_than_their_name_have_examples() -> None:
    for names, command in COMMANDS.items():
        if any(parameter.required for parameter in command.params):
            assert f"thaw {' '.join(names)} " in str(command.epilog), names


def test_completion_of_a_shell_can_be_shown() -> None:
    said = subprocess.run(
        [COMMAND],
        env={**os.environ, "_THAW_COMPLETE": "source_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "complete" in said.stdout
    assert "thaw" in said.stdout


def test_colours_are_for_terminals(tmp_path: Path) -> None:
    shown = on_a_terminal({}, "settings")
    assert ESCAPE in shown
    piped = subprocess.run([COMMAND, "settings"], capture_output=True, text=True, check=True)
    assert "namespace" in piped.stdout
    assert ESCAPE not in piped.stdout


def test_no_color_means_no_colour(tmp_path: Path) -> None:
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38|48)[;m]")
    weights = ("weights", "reload", "--key", "k", "--url", "http://127.0.0.1:9")
    assert colour.search(on_a_terminal({"NO_COLOR": ""}, *weights))
    said = on_a_terminal({"NO_COLOR": "1"}, *weights)
    assert "does not answer" in said
    assert not colour.search(said)


def test_keys_speak_to_machines(thaw: Thaw) -> None:
    assert thaw("db", "upgrade").code == 0
    thaw("keys", "create", "--scope", "admin")
    made = json.loads(thaw("keys", "create", "--scope", "server", "--json").out)
    key_id = made["key"].split("_")[2]
    rotated = json.loads(thaw("keys", "rotate", key_id, "--json").out)
    assert rotated["key_id"] == key_id
    assert rotated["key"] != made["key"]
    assert json.loads(thaw("keys", "revoke", key_id, "--json").out)["revoked"] is True

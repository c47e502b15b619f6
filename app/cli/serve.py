"""`thaw serve`: the service itself, one worker."""

import gc
import socket
from collections.abc import Callable
from typing import Annotated

import typer

from app.cli.console import complain, load_settings, say

COLLECT_AFTER = 20_000
"""New objects, not counting those that went; by default it is 700, a few requests."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address; THAW_SERVER__HOST otherwise.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; THAW_SERVER__PORT otherwise.")
    ] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what has begun."""
    server = load_settings().server
    listening = listen(host or server.host, server.port if port is None else port)
    if listening is None:
        raise typer.Exit(2)
    run(listening, lambda: say(f"serving on {address(listening)}"))


def listen(host: str, port: int, *, move_on: bool = False) -> socket.socket | None:
    """A socket that listens, on the next free port where `move_on`; None, with the reason told."""
    reason = ""
    for candidate in range(port, min(port + 100, 65536) if move_on else port + 1):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        attempt = socket.socket(family, socket.SOCK_STREAM)
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, candidate))
            attempt.listen()  # a port that is only bound may be bound by another
        except OSError as error:
            attempt.close()
            reason = error.strerror or str(error)
            if move_on:
                say(f"port {candidate}: {reason}; trying the next")
        else:
            return attempt
    complain(f"cannot listen on {host}:{port}: {reason}", "pass another --port")
    return None


def address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def spare_the_collector() -> None:
    """Everything that is here now stays for good, so the collector need not look at it again.

    Else it walks through the whole catalogue and every library, time and again, while requests
    wait: several tenths of a second in ten thousand items.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def run(listening: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Serve on `listening` until a signal; calls `ready` once requests are answered."""
    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            spare_the_collector()
            if self.started and ready:
                ready()

    config = uvicorn.Config(
        "app.main:create_app",
        factory=True,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
    )
    server = Announcing(config)
    server.run(sockets=[listening])
    if not server.started:
        raise typer.Exit(1)

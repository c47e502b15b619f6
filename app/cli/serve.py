"""`thaw serve`: the service itself, in one process or several."""

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import complain, load_settings, say
from app.settings import ServerSettings

if TYPE_CHECKING:
    import uvicorn

KEEP_ALIVE_SECONDS = 75
"""Longer than clients (5) and load balancers (60) keep an idle connection: they must close first,
or what they send at that moment is lost.
"""


def serve(
    host: Annotated[str | None, typer.Option(help="Address; THAW_SERVER__HOST otherwise.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; THAW_SERVER__PORT otherwise.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes; each has the catalogue in memory.")
    ] = 1,
) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what has begun."""
    from app.runtime import scenarios

    settings = load_settings()
    scenarios(settings)  # what is wrong with them is told before anything is opened
    server = settings.server
    listening = listen(host or server.host, server.port if port is None else port)
    if listening is None:
        raise typer.Exit(2)
    sockets = [listening, *listen_for_admins(server)]
    told = ", for admins on ".join(address(one) for one in sockets)
    run(sockets, lambda: say(f"serving on {told}"), workers)


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
    complain(
        f"cannot listen on {host}:{port}: {reason}",
        "end what listens there, or choose another port",
    )
    return None


def listen_for_admins(server: ServerSettings) -> list[socket.socket]:
    """A socket, where the settings want a port of its own for the routes of operators."""
    if server.admin_port is None:
        return []
    listening = listen(server.admin_host or server.host, server.admin_port)
    if listening is None:
        raise typer.Exit(2)
    return [listening]


def address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(sockets: list[socket.socket], ready: Callable[[], None], workers: int = 1) -> None:
    """Serve on `sockets` until a signal; calls `ready` once requests are answered."""
    import uvicorn

    config = uvicorn.Config(
        "app.main:create_worker",
        factory=True,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nobody asks where a request came from
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=10,
        workers=workers,
    )
    if workers == 1:
        _run_here(config, sockets, ready)
    else:
        _run_many(config, sockets, ready)


def _run_here(
    config: "uvicorn.Config", listening: list[socket.socket], ready: Callable[[], None]
) -> None:
    import uvicorn

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                ready()

    server = Announcing(config)
    server.run(sockets=listening)
    if not server.started:
        raise typer.Exit(1)


def _run_many(
    config: "uvicorn.Config", listening: list[socket.socket], ready: Callable[[], None]
) -> None:
    """Processes that share the socket; each is a replica, and one that dies is replaced."""
    from uvicorn.supervisors import Multiprocess

    class Announcing(Multiprocess):
        waiting = True

        def keep_subprocess_alive(self) -> None:
            before = {process.pid for process in self.processes}
            super().keep_subprocess_alive()
            for gone in before - {process.pid for process in self.processes}:
                for gauges in Path(folder).glob(f"gauge_live*_{gone}.db"):
                    gauges.unlink()
            if self.waiting and all(process.is_ready() for process in self.processes):
                self.waiting = False
                ready()

    share_the_machine(config.workers)
    with TemporaryDirectory(prefix="thaw-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        supervisor = Announcing(config, sockets=listening)
        supervisor.run()
    if supervisor.waiting:
        raise typer.Exit(1)


def share_the_machine(workers: int) -> None:
    """So many cores for the arithmetic of each worker, unless the environment says otherwise."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // workers)))

"""`thaw demo`: from nothing to a service that adapts, with everything shown as it goes."""

import asyncio
import json
import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.console import load_settings, out, say, seconds, step
from app.cli.data import Known, fetch_data
from app.cli.database import upgrade_database
from app.cli.empty_shop import prepare_empty_shop
from app.cli.keys import local_keys
from app.cli.serve import address, listen, listen_for_admins, run

if TYPE_CHECKING:
    from models.data import Dataset


class Shop(StrEnum):
    FILMS = "films"
    GROCERIES = "groceries"


DATA = {Shop.FILMS: Known.ML_100K, Shop.GROCERIES: Known.GROCERIES}


def demo(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; else THAW_SERVER__PORT, else the next free."),
    ] = None,
    shop: Annotated[Shop, typer.Option(help="What is sold: MovieLens-100K, or groceries.")] = (
        Shop.FILMS
    ),
    data: Annotated[
        Path | None, typer.Option(help="Your own folder (docs/data.md) instead.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Longest training time, such as 30s or 5m.")] = "75s",
) -> None:
    """Fetch data, train, migrate, import, make keys and serve; later starts skip what is done."""
    _choose(shop, data)
    training_seconds = seconds(budget)
    settings = load_settings()
    asked = port if port is not None else os.environ.get("THAW_SERVER__PORT")
    wanted = settings.server.port if port is None else port
    listening = listen(settings.server.host, wanted, move_on=asked is None)
    if listening is None:
        raise typer.Exit(2)

    from models.data import read

    step("Data")
    folder = data or fetch_data(DATA[shop])
    dataset = read(folder)
    say(f"{folder}\n{dataset.report}")
    step("Meta-weights")
    _train_once(dataset, settings.weights.directory, training_seconds)
    step("Database")
    upgrade_database(settings)
    _import_once(dataset)
    prepare_empty_shop(dataset, folder, settings)
    keys = asyncio.run(local_keys(settings))
    step("Service")
    sockets = [listening, *listen_for_admins(settings.server)]
    run(sockets, lambda: _welcome(address(listening), keys, _most_popular(dataset)))


def _choose(shop: Shop, data: Path | None) -> None:
    """Settings of a demo, unless the environment says otherwise. Each shop has its own state."""
    chosen = {
        "THAW_DEMO": "true",
        "THAW_LOG_FORMAT": "console",
        "THAW_DEMO_SHOP": "own" if data else shop,
    }
    if shop is not Shop.FILMS and not data:
        state = Path("var") / shop
        chosen |= {
            "THAW_STATE": str(state),
            "THAW_DATABASE__URL": f"sqlite+aiosqlite:///{state}/thaw.db",
            "THAW_WEIGHTS__DIRECTORY": str(state / "weights"),
        }
    for name, value in chosen.items():
        os.environ.setdefault(name, value)


def _train_once(dataset: "Dataset", directory: Path, budget: float) -> None:
    from app.cli.learn import train_showing
    from models import algorithms
    from models.config import TrainConfig
    from models.weights import list_manifests

    for manifest in list_manifests(directory):
        usable = algorithms.get(manifest.algorithm).tensors <= manifest.tensors.keys()
        if usable and manifest.data["fingerprint"] == dataset.fingerprint:
            say(f"{manifest.version} in {directory} was trained on this data")
            return
    say(f"training for at most {budget:.0f} s; Ctrl-C ends early with the best so far")
    train_showing(dataset, TrainConfig(budget_seconds=budget), directory)


def _import_once(dataset: "Dataset") -> None:
    from app.cli.history import import_dataset, is_imported

    settings = load_settings()
    if asyncio.run(is_imported(settings, dataset, "like")):
        say("catalogue and history are imported")
    else:
        asyncio.run(import_dataset(settings, dataset, "like"))


def _most_popular(dataset: "Dataset") -> str:
    import numpy as np

    return dataset.item_ids[int(np.bincount(dataset.item).argmax())]


def _welcome(url: str, keys: dict[str, str], item_id: str) -> None:
    step("Ready")
    out.print(f"Page         {url}/", markup=False, highlight=False)
    for scope, key in keys.items():
        out.print(f"{scope:<12} {key}", markup=False, highlight=False)
    for title, command in _commands(url, keys, item_id):
        out.print(f"\n# {title}\n{command}", markup=False, highlight=False)
    sys.stdout.flush()


def _commands(url: str, keys: dict[str, str], item_id: str) -> list[tuple[str, str]]:
    """Three commands to paste: an event, what it changes, and a reload of the meta-weights."""
    guest = "guest-1"
    event = {
        "event_id": "try-1",
        "type": "like",
        "anonymous_id": guest,
        "item_id": item_id,
    }
    question = {"anonymous_id": guest, "k": 5, "properties": ["title"]}
    return [
        (title, _curl(f"{url}/v1/{path}", key, body))
        for title, path, key, body in (
            ("tell of a like", "events", keys["publishable"], {"events": [event]}),
            ("what it recommends now", "recommendations", keys["publishable"], question),
            ("reload the meta-weights", "admin/weights/reload", keys["admin"], {}),
        )
    ]


def _curl(url: str, key: str, body: dict[str, Any]) -> str:
    return (
        f"curl -s {url} -H 'Authorization: Bearer {key}' "
        f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
    )

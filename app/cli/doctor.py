"""`thaw doctor`: what an installation needs, what of it is there, what to do about the rest."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.console import load_settings, print_json, print_table
from app.errors import AppError, TablesMissing
from app.settings import Settings
from app.telemetry import configure_logging

Verdict = Literal["ok", "warning", "fault"]
LITTLE_DISK = 1e9
"""Bytes; a reload and a scrub write aside before they replace."""


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    verdict: Verdict
    told: str
    next_step: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check settings, database, Redis, meta-weights, keys, device and disk; say what to do.

    Exit code 2 where something keeps the service from serving.
    """
    settings = load_settings()
    configure_logging(settings.log_format)  # what fails is logged beside what is printed
    findings = asyncio.run(examine(settings))
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        print_table(
            ("what", "", "found", "what to do"),
            ((one.what, one.verdict, one.told, one.next_step) for one in findings),
        )
    if any(one.verdict == "fault" for one in findings):
        raise typer.Exit(2)


async def examine(settings: Settings) -> list[Finding]:
    """Everything, though some of it fails."""
    found = [_settings(settings)]
    found += await _database(settings)
    found.append(await _redis(settings))
    found.append(_weights(settings))
    found.append(_device(settings))
    found.append(_disk(settings.state))
    found += _exposure(settings)
    return found


def _settings(settings: Settings) -> Finding:
    from app.runtime import scenarios

    try:
        named = scenarios(settings)
    except AppError as error:
        hint = "THAW_SCENARIOS says so; the grammar of filters is in docs/api.md"
        return Finding("settings", "fault", str(error), hint)
    told = f"{len(_changed())} set by the environment"
    return Finding("settings", "ok", f"{told}, {len(named)} scenarios" if named else told)


async def _database(settings: Settings) -> list[Finding]:
    from app.stores.api_keys import ApiKeys
    from app.stores.database import Database

    database = await Database.open(settings.database.url, settings.namespace)
    try:
        failed = await _failure(database.ping)
        if isinstance(failed, TablesMissing):
            return [Finding("database", "fault", str(failed), "thaw db upgrade")]
        if failed is not None:
            hint = "is it running, and is THAW_DATABASE__URL its address? see `thaw settings`"
            return [Finding("database", "fault", "it does not answer", hint)]
        usable = [key for key in await ApiKeys(database).list() if key.revoked_at is None]
    finally:
        await database.close()
    scopes = sorted({key.scope.value for key in usable})
    keys = (
        Finding("keys", "ok", f"{len(usable)} usable: {', '.join(scopes)}")
        if usable
        else Finding("keys", "warning", "none", "thaw keys create --scope server")
    )
    return [Finding("database", "ok", "it answers, and has its tables"), keys]


async def _redis(settings: Settings) -> Finding:
    if settings.redis.url == "embedded":
        return _embedded()
    from app.stores.redis import connect

    redis = connect(settings.redis.url, settings.redis.timeout_ms)
    try:
        failed = await _failure(redis.ping)
        if failed is not None:
            hint = "is it running, and is THAW_REDIS__URL its address? the service goes on without"
            return Finding("redis", "warning", "it does not answer", hint)
        [policy] = await redis.run([("CONFIG", "GET", "maxmemory-policy")])
    except AppError:
        return Finding("redis", "ok", "it answers (and does not tell its configuration)")
    finally:
        await redis.close()
    if isinstance(policy, list) and b"noeviction" in policy:
        hint = "with a maxmemory, set maxmemory-policy allkeys-lru: all keys can be made again"
        return Finding("redis", "warning", "it refuses writes once its memory is full", hint)
    return Finding("redis", "ok", "it answers")


def _embedded() -> Finding:
    from app.stores.embedded_valkey import server_binary

    try:
        binary = server_binary()
    except (AppError, ImportError, OSError) as error:
        return Finding("redis", "fault", str(error), "set THAW_REDIS__URL to a server's address")
    return Finding("redis", "ok", f"embedded: {binary.name}, for one machine")


def _weights(settings: Settings) -> Finding:
    from models.errors import WeightsError
    from models.weights import list_manifests, load

    where = settings.weights.directory
    manifests = list_manifests(where) if where.is_dir() else []
    if not manifests:
        return Finding(
            "meta-weights", "fault", f"none in {where}", f"thaw train --data DIR --out {where}"
        )
    newest = manifests[0].version
    try:
        load(where, newest)
    except WeightsError as error:
        return Finding("meta-weights", "fault", str(error), "thaw weights list")
    return Finding("meta-weights", "ok", f"{len(manifests)}, the newest {newest} is sound")


def _device(settings: Settings) -> Finding:
    from app.engine.device import Device

    try:
        device = Device(settings.engine.device)
    except (RuntimeError, ValueError) as error:
        return Finding("device", "fault", str(error), "THAW_ENGINE__DEVICE=auto")
    try:
        return Finding("device", "ok", device.torch.type)
    finally:
        device.close()


def _disk(state: Path) -> Finding:
    nearest = next(path for path in (state.absolute(), *state.absolute().parents) if path.exists())
    free = shutil.disk_usage(nearest).free
    told = f"{free / 1e9:.1f} GB free for {state}"
    if not os.access(nearest, os.W_OK):
        return Finding("disk", "fault", f"{nearest} cannot be written to", "set THAW_STATE")
    if free < LITTLE_DISK:
        return Finding("disk", "warning", told, "make room: reloads and scrubs write aside first")
    return Finding("disk", "ok", told)


def _exposure(settings: Settings) -> Iterator[Finding]:
    """What a service that others reach should not have open."""
    server = settings.server
    if server.host in {"127.0.0.1", "::1", "localhost"}:
        return
    for what, is_open, variable in (
        ("demo", settings.demo, "THAW_DEMO"),
        ("metrics", server.open_metrics, "THAW_SERVER__OPEN_METRICS"),
        ("documents", server.open_docs, "THAW_SERVER__OPEN_DOCS"),
    ):
        if is_open:
            yield Finding(what, "warning", f"open to all who reach {server.host}", f"{variable}=0")
    if "*" in server.allow_origins:
        hint = "name the origins in THAW_SERVER__ALLOW_ORIGINS"
        yield Finding("cors", "warning", "pages of any origin may call", hint)


async def _failure(check: Callable[[], Awaitable[None]]) -> AppError | None:
    try:
        await check()
    except AppError as error:
        return error
    return None


def _changed() -> list[str]:
    return [name for name in os.environ if name.upper().startswith("THAW_")]

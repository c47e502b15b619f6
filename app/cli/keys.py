"""`thaw keys`: who may do what."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import examples, load_settings, print_json, print_table, say
from app.domain import Scope
from app.settings import Settings

if TYPE_CHECKING:
    from app.stores.api_keys import ApiKey, ApiKeys

cli = typer.Typer(help="Create, list, rotate and revoke API keys.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="For machines.")]
KeyId = Annotated[str, typer.Argument(help="The id that `thaw keys list` shows.")]


@asynccontextmanager
async def api_keys() -> "AsyncIterator[ApiKeys]":
    from app.stores.api_keys import ApiKeys
    from app.stores.database import Database

    settings = load_settings()
    database = await Database.open(settings.database.url, settings.namespace)
    try:
        yield ApiKeys(database)
    finally:
        await database.close()


@cli.command(
    epilog=examples(
        'thaw keys create --scope server --label "the shop"',
        'export KEY="$(thaw keys create --scope admin)"',
    )
)
def create(
    scope: Annotated[Scope, typer.Option(help="What the key may do.")],
    label: Annotated[str, typer.Option(help="To know it again in the list.")] = "",
    as_json: Json = False,
) -> None:
    """Create a key and print it; it is kept only as a hash, so this is the one time it shows."""

    async def create_one() -> str:
        async with api_keys() as keys:
            return (await keys.create(scope, label)).text

    key = asyncio.run(create_one())
    if as_json:
        print_json({"key": key, "scope": scope, "label": label})
    else:
        typer.echo(key)


@cli.command(epilog=examples("thaw keys rotate KEY_ID", "thaw keys rotate KEY_ID --grace-hours 0"))
def rotate(
    key_id: KeyId,
    grace_hours: Annotated[
        float, typer.Option(min=0, max=720, help="How long the secret before still opens.")
    ] = 24,
    as_json: Json = False,
) -> None:
    """Give a key a new secret and print it, this one time; id, label and scope stay."""

    async def rotate_one() -> str:
        async with api_keys() as keys:
            return (await keys.rotate(key_id, round(grace_hours * 3_600_000))).text

    key = asyncio.run(rotate_one())
    if as_json:
        print_json({"key": key, "key_id": key_id})
    else:
        typer.echo(key)


@cli.command("list")
def list_(as_json: Json = False) -> None:
    """List all keys; their secrets are not kept."""

    async def list_all() -> "list[ApiKey]":
        async with api_keys() as keys:
            return await keys.list()

    found = asyncio.run(list_all())
    if as_json:
        print_json([asdict(key) for key in found])
    else:
        columns = ("id", "scope", "label", "created", "revoked", "previous secret until")
        print_table(
            columns,
            (
                (
                    *(key.key_id, key.scope, key.label),
                    *(_when(key.created_at), _when(key.revoked_at), _when(key.previous_until)),
                )
                for key in found
            ),
        )


@cli.command(epilog=examples("thaw keys revoke KEY_ID"))
def revoke(key_id: KeyId, as_json: Json = False) -> None:
    """Revoke a key; services stop taking it within five seconds. The last admin key stays."""

    async def revoke_one() -> None:
        async with api_keys() as keys:
            await keys.revoke(key_id)

    asyncio.run(revoke_one())
    say(f"{key_id} revoked")
    if as_json:
        print_json({"key_id": key_id, "revoked": True})


def _when(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(" ", "seconds")


async def local_keys(settings: Settings) -> dict[str, str]:
    """One key for each scope, kept in STATE/dev-keys.json and made anew where it is not valid."""
    path = settings.state / "dev-keys.json"
    try:
        kept: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        kept = {}
    async with api_keys() as keys:
        for scope in Scope:
            if await keys.verify(kept.get(scope, "")) != scope:
                kept[scope] = (await keys.create(scope, "made by thaw demo")).text
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(json.dumps(kept, indent=1))
    return kept

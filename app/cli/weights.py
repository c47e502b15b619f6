"""`thaw weights`: which meta-weights there are, and telling a running service to change."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.console import complain, examples, load_settings, print_json, print_table, say

cli = typer.Typer(
    help="List meta-weights; reload them; estimate what they are worth.", no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help="For machines.")]


@cli.command("list")
def list_(
    directory: Annotated[
        Path | None, typer.Option(help="Folder of meta-weights; THAW_WEIGHTS__DIRECTORY otherwise.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the versions of a folder, newest first."""
    from dataclasses import asdict

    from models.weights import list_manifests

    where = directory or load_settings().weights.directory
    manifests = list_manifests(where)
    if as_json:
        print_json([asdict(manifest) for manifest in manifests])
    elif not manifests:
        say(f"no meta-weights in {where}; make some with `thaw train --data DIR --out {where}`")
    else:
        print_table(
            ("version", "created", "algorithm", "for", "rows", "trained on"),
            (
                (
                    one.version,
                    one.created_at[:16].replace("T", " "),
                    one.algorithm,
                    f"{one.side}s",
                    one.items,
                    one.data.get("name"),
                )
                for one in manifests
            ),
        )


Url = Annotated[
    str | None, typer.Option(help="Address of the service; from the settings otherwise.")
]
Key = Annotated[
    str | None,
    typer.Option(envvar="THAW_ADMIN_KEY", help="Admin key; that of var/dev-keys.json otherwise."),
]


@cli.command(
    epilog=examples(
        "thaw weights reload --dry-run",
        "thaw weights reload VERSION --url http://thaw.internal:8000 --key ADMIN_KEY",
    )
)
def reload(
    version: Annotated[
        str | None, typer.Argument(help="Which version; the newest if left out.")
    ] = None,
    url: Url = None,
    key: Key = None,
    dry_run: Annotated[bool, typer.Option(help="Only check; change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Tell a running service to change to other meta-weights."""
    done = _ask("reload", {"version": version, "dry_run": dry_run}, url, key)
    _tell(done, "would serve" if dry_run else "serves", as_json=as_json)


@cli.command()
def rollback(url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Tell a running service to go back to the meta-weights before."""
    _tell(_ask("rollback", {}, url, key), "serves", as_json=as_json)


@cli.command(
    epilog=examples(
        "thaw weights estimate VERSION",
        "thaw weights estimate VERSION --days 3 --json",
    )
)
def estimate(
    version: Annotated[str, typer.Argument(help="Which version.")],
    days: Annotated[int, typer.Option(min=1, max=14, help="How far to look back.")] = 14,
    url: Url = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Tell what a version would earn that nobody was served, from lists that chance has drawn."""
    from urllib.parse import quote

    done = _ask(f"{quote(version, safe='')}/estimate?days={days}", None, url, key)
    if as_json:
        print_json(done)
        return
    print_table(
        ("rate", "as they were", version),
        (
            (name, _rate(done[f"observed_{name}_rate"]), _rate(done[f"{name}_rate"]))
            for name in ("click", "positive")
        ),
    )
    say(
        f"{done['lists']:,} explored lists of {done['people']:,} people, {done['impressions']:,} "
        f"impressions, worth {done['effective_impressions']:,g} of the version's own; "
        f"mean weight {done['mean_weight']:.2f}, {done['clipped']:.1%} of weights cut"
    )
    if done["undecided"]:
        say(f"undecided: {done['undecided']}")


def _rate(rate: Mapping[str, float] | None) -> str:
    return "-" if rate is None else "{value:.2%} ({low:.2%} to {high:.2%})".format(**rate)


def _ask(
    verb: str, body: Mapping[str, Any] | None, url: str | None, key: str | None
) -> dict[str, Any]:
    """Posts `body`, or only asks where there is none."""
    import httpx

    settings = load_settings()
    server = settings.server
    host = (server.admin_port and server.admin_host) or server.host
    service = url or f"http://{host}:{server.admin_port or server.port}"
    try:
        answer = httpx.request(
            "GET" if body is None else "POST",
            f"{service.rstrip('/')}/v1/admin/weights/{verb}",
            json=body,
            headers={"Authorization": f"Bearer {key or _local_admin_key(settings.state)}"},
            timeout=60,
        )
    except httpx.HTTPError as error:
        complain(f"{service} does not answer: {error}", "is `thaw serve` running? pass its --url")
        raise typer.Exit(2) from error
    if answer.is_error:
        complain(f"{service} refused: {_detail(answer.text)}")
        raise typer.Exit(2)
    done: dict[str, Any] = answer.json()
    return done


def _tell(done: Mapping[str, Any], verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    say(f"{verb} {done['version']}, before {done['previous']}")
    if moved := done["shadow"]:
        say(
            f"of {moved['people']} people {moved['first_changed']:.0%} get another first item; "
            f"mean distance of their lists {moved['mean_distance']:.2f} of 1"
        )


def _local_admin_key(state: Path) -> str:
    path = state / "dev-keys.json"
    try:
        key = json.loads(path.read_text())["admin"]
    except (OSError, ValueError, KeyError) as error:
        complain("an admin key is needed", "pass --key, or set THAW_ADMIN_KEY")
        raise typer.Exit(2) from error
    return str(key)


def _detail(body: str) -> str:
    """The sentence of a problem document, or the body where it is none."""
    try:
        problem = json.loads(body)
        return str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, AttributeError):
        return body[:200]

"""`thaw init`: meta-weights for a catalogue that nobody has met yet."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.console import folder_to_write, print_json, say
from app.cli.ignoring import Ignore, ignoring

if TYPE_CHECKING:
    from models.weights import MetaWeights

From = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Meta-weights to start from, DIR/<version>; of any domain, or of `init`."
    ),
]


def init(
    items: Annotated[
        Path, typer.Option(help="Table of items (.parquet, .csv), or the folder that holds it.")
    ],
    out_: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder of meta-weights; the result is OUT/<version>/.",
            callback=folder_to_write,
        ),
    ],
    users: Annotated[
        Path | None, typer.Option(help="Table of users, or the folder that holds it.")
    ] = None,
    ignore: Ignore = None,
    from_: From = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Make meta-weights without any interaction, from what is known of the items."""
    from models.catalogue import read_catalogue
    from models.cold_start import start
    from models.encoders import Encoders

    catalogue = ignoring(read_catalogue(items, users), ignore)
    manifest = start(catalogue, out_, inherited(from_))
    encoders = Encoders.from_json(manifest.features)
    say(f"{manifest.items:,} items; what is known of them becomes {encoders.items.size:,} features")
    for noun, encoder in encoders.named():
        for line in encoder.describe():
            say(f"  {noun} {line}")
    if not encoders.items.size:
        say("without columns that tell items apart, only their popularity can be learned")
    if as_json:
        print_json(asdict(manifest))
    else:
        typer.echo(out_ / manifest.version)


def inherited(version: Path | None) -> "MetaWeights | None":
    """What `--from` names. Raises `WeightsError`."""
    from models.weights import load

    return None if version is None else load(version.resolve().parent, version.resolve().name)

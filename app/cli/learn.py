"""`thaw train` and `thaw evaluate`: make meta-weights and judge them."""

import functools
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TextColumn

from app.cli.begin import From, inherited
from app.cli.console import (
    err,
    file_to_write,
    folder_to_write,
    print_json,
    progress_bar,
    say,
    seconds,
    showing_parts,
)
from app.cli.data import cache_directory
from app.cli.ignoring import Ignore, ignoring

if TYPE_CHECKING:
    from models.config import TrainConfig
    from models.data import Dataset
    from models.progress import OnProgress
    from models.report import Report
    from models.train import Progress
    from models.weights import Manifest, MetaWeights

Data = Annotated[Path, typer.Option("--data", help="Folder of interactions (docs/data.md).")]


class Order(StrEnum):
    RANDOM = "random"
    TIME = "time"


class Side(StrEnum):
    USER = "user"
    ITEM = "item"


def train(
    data: Data,
    out_: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Folder of meta-weights; the result is OUT/<version>/.",
            callback=folder_to_write,
        ),
    ],
    algorithm: Annotated[str, typer.Option(help="Which algorithm to meta-train.")] = "meta-sgd",
    side: Annotated[
        Side, typer.Option(help="Rank items for new users, or users for new items.")
    ] = Side.USER,
    seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same data: same weights.")
    ] = 0,
    fold: Annotated[int, typer.Option(min=0, max=9, help="Which users to hold out.")] = 0,
    order: Annotated[Order, typer.Option(help="How supports are drawn.")] = Order.RANDOM,
    budget: Annotated[
        str | None, typer.Option(help="Longest time for the outer loop, such as 90s or 5m.")
    ] = None,
    embedding: Annotated[
        str | None,
        typer.Option(help="Model of sentence-transformers that reads the texts (docs/data.md)."),
    ] = None,
    ignore: Ignore = None,
    from_: From = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Meta-train on a folder of interactions. Ctrl-C ends early and keeps the best so far."""
    from models.config import TrainConfig
    from models.data import read
    from models.encoders import Encoders

    dataset = ignoring(read(data), ignore)
    say(str(dataset.report))
    config = TrainConfig(
        algorithm=algorithm,
        side=side.value,
        seed=seed,
        fold=fold,
        order=order.value,
        embedding=embedding,
        budget_seconds=seconds(budget) if budget else None,
    )
    manifest = train_showing(dataset, config, out_, inherited(from_))
    for noun, encoder in Encoders.from_json(manifest.features).named():
        for line in encoder.describe():
            say(f"  {noun} {line}")
    if as_json:
        from dataclasses import asdict

        print_json(asdict(manifest))
    else:
        typer.echo(out_ / manifest.version)


def train_showing(
    dataset: "Dataset",
    config: "TrainConfig",
    directory: Path,
    before: "MetaWeights | None" = None,
) -> "Manifest":
    """Train with a progress bar (a line per check where nobody watches), Ctrl-C to end early."""
    from models.train import train as meta_train

    with ExitStack() as shown, stop_on_interrupt() as stopped:
        show = shown.enter_context(showing_progress())

        @functools.cache
        def parts() -> "OnProgress":
            shown.close()  # two bars at once would fight for the terminal
            return shown.enter_context(showing_parts("choosing"))

        def show_choice(what: str, done: float) -> None:
            parts()(what, done)

        manifest = meta_train(
            dataset,
            config,
            directory,
            inherited=before,
            on_progress=show,
            on_choice=show_choice,
            stop=stopped,
        )
    if not manifest.split["validation"]:
        say("too few users to keep some for validation: nothing was tuned, popularity leads")
    say(f"meta-weights {manifest.version} in {directory}")
    return manifest


@contextmanager
def showing_progress() -> "Iterator[Callable[[Progress], None]]":
    best = TextColumn("loss {task.fields[loss]}  validation NDCG@10 {task.fields[ndcg]}")
    with progress_bar(best) as bar:
        task = bar.add_task("training", total=None, loss="-", ndcg="-")

        def show(now: "Progress") -> None:
            ndcg = "-" if now.best is None else f"{now.best:.4f}"
            bar.update(
                task, completed=now.step, total=now.total_steps, loss=f"{now.loss:.3f}", ndcg=ndcg
            )
            if now.validation_ndcg is not None and not err.is_terminal:
                say(
                    f"step {now.step}/{now.total_steps}  loss {now.loss:.3f}  "
                    f"validation NDCG@10 {now.validation_ndcg:.4f}  {now.seconds:.0f} s"
                )

        yield show


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """A question that turns true at the first Ctrl-C; the second interrupts at once."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)
        say("ending after this step; the best so far is kept (Ctrl-C again to abort)")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


MOST_ASKED = 1000
"""Shots; more would leave hardly a user to ask."""


class Baselines(StrEnum):
    NONE = "none"
    FAST = "fast"
    ALL = "all"


def evaluate(
    data: Data,
    weights: Annotated[Path, typer.Option(help="The version to judge: DIR/<version>.")],
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json", help="Write the report as JSON to this file.", callback=file_to_write
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write the report as Markdown to this file.", callback=file_to_write),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Draw NDCG@10 against shots into this file (.svg, .png or .pdf).",
            callback=file_to_write,
        ),
    ] = None,
    baselines: Annotated[Baselines, typer.Option(help="What to compare with.")] = Baselines.FAST,
    order: Annotated[Order, typer.Option(help="Which interactions come first.")] = Order.RANDOM,
    folds: Annotated[
        int,
        typer.Option(min=1, max=10, help="Above 1: train as WEIGHTS was, on so many splits."),
    ] = 1,
    seeds: Annotated[
        int,
        typer.Option(min=1, max=100, help="Ask every user in so many orders and take the mean."),
    ] = 1,
    shots: Annotated[
        str | None,
        typer.Option(help="Numbers of known interactions, such as 0,5,50,200.", show_default=False),
    ] = None,
    side: Annotated[
        Side | None,
        typer.Option(help="What WEIGHTS must have been trained for.", show_default=False),
    ] = None,
    ignore: Ignore = None,
) -> None:
    """Rank for users that training never saw, beside tuned baselines; prints tables.

    Weights of `thaw train --side item` are judged by whom they name for items that training never
    saw; then new weights are trained without those items, to see how they fare in users' lists.
    """
    from models.config import EvaluateConfig
    from models.data import read
    from models.evaluate import evaluate as judge
    from models.evaluate import evaluate_folds
    from models.weights import load

    draw = _drawing(plot)
    config = EvaluateConfig(
        order=order.value,
        baselines=baselines.value,
        shots=_numbers(shots) if shots else None,
        seeds=seeds,
    )
    judged = load(weights.parent, weights.name)
    if side is not None and side.value != judged.side:
        raise typer.BadParameter(f"{weights.name} was trained for the side of {judged.side}s")
    if folds > 1 and judged.manifest.transferred_from:
        raise typer.BadParameter(
            f"{weights.name} began from other meta-weights, which --folds would train without; "
            "judge it alone"
        )
    dataset, again = ignoring(read(data), ignore), _choices(judged)
    say(str(dataset.report))
    alike, cache = as_read_by(judged, dataset), cache_directory()
    with showing_parts("judging") as show:
        known = cache / "judgements"
        if folds == 1:
            report = judge(dataset, judged, config, cache=known, on_progress=show)
        else:
            report = evaluate_folds(
                alike, again, folds, cache / "folds", config, cache=known, on_progress=show
            )
    content, text = report.to_json(), report.to_markdown()
    if judged.side == "item":
        from models.new_items import evaluate_new_items

        tested = [again.fold] if folds == 1 else range(folds)
        with showing_parts("letting new items in") as show:
            lists = evaluate_new_items(
                alike, again, tested, cache / "folds", config, on_progress=show
            )
        content, text = content | {"new_items": lists.to_json()}, f"{text}\n\n{lists.to_markdown()}"
    if json_file is not None:
        json_file.write_text(json.dumps(content, indent=1))
    if markdown is not None:
        markdown.write_text(text)
    draw(report)
    typer.echo(text)


def as_read_by(weights: "MetaWeights", dataset: "Dataset") -> "Dataset":
    """Without the columns that these weights were trained without."""
    from models.encoders import Encoders

    encoders = Encoders.from_json(weights.manifest.features)
    read = {column.name for _, encoder in encoders.named() for column in encoder.columns}
    tables = (table for table in (dataset.items, dataset.users) if table is not None)
    there = {name for table in tables for name in table.columns} - {"item_id", "user_id"}
    return ignoring(dataset, sorted(there - read))


def _choices(weights: "MetaWeights") -> "TrainConfig":
    """With which these weights were trained."""
    from models.config import RankerConfig, TrainConfig

    choices = weights.manifest.config
    return TrainConfig(**{**choices, "ranker": RankerConfig(**choices["ranker"])})


def _drawing(file: Path | None) -> "Callable[[Report], None]":
    """Loaded before anything is judged, so that what is missing is missed at once."""
    if file is None:
        return lambda report: None  # noqa: ARG005  (nothing was asked for)
    if file.suffix not in {".svg", ".png", ".pdf"}:
        raise typer.BadParameter(f"{file.name!r} is no .svg, .png or .pdf")
    from models.errors import needing

    with needing("plots"):
        from models.figures import draw
    return lambda report: draw(report, file)


def _numbers(text: str) -> tuple[int, ...]:
    """Ascending, each once.

    >>> _numbers("5, 0,200")
    (0, 5, 200)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) <= MOST_ASKED for part in parts):
        raise typer.BadParameter(f"{text!r} is no list of numbers from 0 to {MOST_ASKED}: 0,5,50")
    return tuple(sorted({int(part) for part in parts}))

"""The `thaw` command: each verb calls one function and says what came of it.

What is slow to import (torch, the stores, the service) is imported by the verb that needs it.
"""

import sys
from collections.abc import Sequence

import typer

from app.cli import (
    begin,
    data,
    database,
    demo,
    doctor,
    export,
    history,
    keys,
    learn,
    retrain,
    serve,
    show_settings,
    weights,
)
from app.cli.console import EXIT_CODES, NEXT_STEPS, complain, examples
from app.errors import AppError
from models.errors import ModelError

ABOUT = (
    "Recommendations that adapt to a new user from the first click.\n\n"
    "Settings are environment variables, THAW_ and a path; `thaw settings` lists them. "
    "What a local start must remember lies under var/. Results go to standard output, all else to "
    "standard error; with --json, results are for machines. Colours are for terminals, and "
    "NO_COLOR turns them off."
)
START, LEARN, DATA, RUN = "Start here", "Meta-weights", "Data", "Running it"

cli = typer.Typer(
    help=ABOUT,
    epilog=f"{EXIT_CODES}\n\nThe help of each command has more, with examples: thaw train --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
cli.command(
    "demo",
    rich_help_panel=START,
    epilog=examples(
        "thaw demo", "thaw demo --shop groceries --port 9000", "thaw demo --data shop --budget 5m"
    ),
)(demo.demo)
cli.command("doctor", rich_help_panel=START, epilog=examples("thaw doctor", "thaw doctor --json"))(
    doctor.doctor
)
cli.command(
    "settings",
    rich_help_panel=START,
    epilog=examples("thaw settings", "THAW_SERVER__PORT=9000 thaw settings --json"),
)(show_settings.settings)
cli.command(
    "init",
    rich_help_panel=LEARN,
    epilog=examples(
        "thaw init --items items.csv --out var/weights",
        "thaw init --items shop --users shop --out var/weights",
    ),
)(begin.init)
cli.command(
    "train",
    rich_help_panel=LEARN,
    epilog=examples(
        "thaw train --data shop --out var/weights --budget 5m",
        "thaw train --data shop --out var/weights --from var/weights/VERSION",
        "thaw train --data shop --out audience --side item",
    ),
)(learn.train)
cli.command(
    "evaluate",
    rich_help_panel=LEARN,
    epilog=examples(
        "thaw evaluate --data shop --weights var/weights/VERSION",
        "thaw evaluate --data shop --weights var/weights/VERSION --folds 5 --json report.json",
    ),
)(learn.evaluate)
cli.command(
    "retrain",
    rich_help_panel=LEARN,
    epilog=examples("thaw retrain --budget 5m --dry-run", "thaw retrain --budget 5m --every 24h"),
)(retrain.retrain)
cli.add_typer(weights.cli, name="weights", rich_help_panel=LEARN)
cli.command(
    "import",
    rich_help_panel=DATA,
    epilog=examples("thaw import --data shop", "thaw import --data orders --type purchase"),
)(history.import_)
cli.command(
    "export",
    rich_help_panel=DATA,
    epilog=examples("thaw export --out log", "thaw export --out log --pseudonyms --json"),
)(export.export)
cli.add_typer(data.cli, name="data", rich_help_panel=DATA)
cli.command(
    "serve",
    rich_help_panel=RUN,
    epilog=examples("thaw serve", "thaw serve --host 0.0.0.0 --workers 4"),
)(serve.serve)
cli.add_typer(database.cli, name="db", rich_help_panel=RUN)
cli.add_typer(keys.cli, name="keys", rich_help_panel=RUN)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. What was expected to fail ends as one red sentence and exit code 2."""
    try:
        cli(arguments)
    except (AppError, ModelError) as error:
        complain(str(error), NEXT_STEPS.get(type(error)))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)

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
from app.cli.console import EXIT_CODES, NEXT_STEPS, complain
from app.errors import AppError
from models.errors import ModelError

cli = typer.Typer(
    help="Recommendations that adapt to a new user from the first click.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
cli.command("demo")(demo.demo)
cli.command("serve")(serve.serve)
cli.command("init")(begin.init)
cli.command("train")(learn.train)
cli.command("evaluate")(learn.evaluate)
cli.command("retrain")(retrain.retrain)
cli.command("import")(history.import_)
cli.command("export")(export.export)
cli.command("doctor")(doctor.doctor)
cli.command("settings")(show_settings.settings)
cli.add_typer(data.cli, name="data")
cli.add_typer(weights.cli, name="weights")
cli.add_typer(database.cli, name="db")
cli.add_typer(keys.cli, name="keys")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. What was expected to fail ends as one red sentence and exit code 2."""
    try:
        cli(arguments)
    except (AppError, ModelError) as error:
        complain(str(error), NEXT_STEPS.get(type(error)))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)

"""The console command: composes the commands of client, server and simulations.

Nothing heavy is imported here or at the top of a ``commands`` module, so that ``hepafed --help``
answers at once.

Exit codes: 0 done; 1 refused or failed, the message says why; 2 wrong usage; 3 too few sites;
4 a settings file, manifest or option cannot be used; 130 interrupted.
"""

import itertools
import sys
from typing import Annotated

import typer

from client.commands import predict, site
from shared.errors import HepafedError
from shared.report.console import Format, emit_error
from simulations.clinical.commands import clinical, stats
from simulations.commands import cohort, demo, report, simulate

_INTERRUPTED = 130  # 128 + SIGINT, as shells count it

app = typer.Typer(
    name="hepafed",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "Train, evaluate and use models of treatment response in liver cancer across hospitals; "
        "no patient row or pixel leaves a site. **Research use only.**\n\n"
        "New here? `hepafed demo clici` runs everything on invented patients: DICOM, federated "
        "training, evaluation, report and one prediction.\n\n"
        "Every command takes `--format json`. Exit codes: 0 done, 1 refused or failed, 2 wrong "
        "usage, 3 too few sites, 4 unusable settings or manifest, 130 interrupted."
    ),
)
app.add_typer(site, name="site")
app.add_typer(cohort, name="cohort")
app.add_typer(demo, name="demo")
cohort.command("clinical")(clinical)
app.command("simulate")(simulate)
app.command("report")(report)
app.command("stats")(stats)
app.command("predict")(predict)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Answer ``--version``; everything else is a subcommand."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"hepafed {installed('hepafed')}")
        raise typer.Exit


def main() -> None:
    """Run the command and turn a refusal into a sentence and an exit code."""
    form = Format.JSON if _wants_json(sys.argv[1:]) else Format.TEXT
    try:
        app()
    except HepafedError as error:
        emit_error(error, form)
        sys.exit(error.exit_code)
    except OSError as error:
        # A full disk or a folder without permission: the system's words are the clearest.
        reason = f"{error.strerror or error}: {error.filename or 'no file named'}"
        emit_error(HepafedError(f"The system refused: {reason}. Mend that and run again."), form)
        sys.exit(HepafedError.exit_code)
    except KeyboardInterrupt:
        emit_error(HepafedError("Interrupted. Run the same command again to go on."), form)
        sys.exit(_INTERRUPTED)


def _wants_json(arguments: list[str]) -> bool:
    pairs = itertools.pairwise(arguments)
    return "--format=json" in arguments or ("--format", "json") in pairs


if __name__ == "__main__":
    main()

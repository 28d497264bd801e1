"""The command line: one file a command. Arguments become settings, settings go to constructors; nothing else happens here."""

from __future__ import annotations

import sys

import click

import isotherm.cli.early  # noqa: F401 - before all that imports numpy
from isotherm.cli.app import app
from isotherm.cli.options import CliError
from isotherm.config import ConfigError

__all__ = ["main"]


def main() -> None:
    """Runs a command. Exit code 2, and one line that says what to do, on bad arguments or configuration."""
    try:
        sys.exit(app.main(prog_name="isotherm", standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()  # the whole help, in its lines: nothing is wrong yet
        sys.exit(2)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "isotherm"
        _fail(f"{error.format_message().rstrip('.')}. See `{command} --help`.")
    except Exception as error:
        if not isinstance(error, _told_in_a_line()):
            raise
        _fail(error.format_message() if isinstance(error, click.ClickException) else str(error))


def _told_in_a_line() -> tuple[type[Exception], ...]:
    """What needs no traceback. Imported once something was raised: most commands never do, and need little of the server."""
    from isotherm.access.keys import KeysError
    from isotherm.runtimes.pipeline import StartError

    return click.ClickException, ConfigError, CliError, StartError, KeysError


def _fail(message: str) -> None:
    click.echo(f"isotherm: {' '.join(message.split())}", err=True)
    sys.exit(2)

"""`isotherm backup`: a whole copy of a data folder, made while the server runs. A copy is a data folder: `--data` opens it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import click

from isotherm.cli.options import CliError, data_option
from isotherm.log import copy_database

__all__ = ["backup"]


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@data_option("isotherm-data")
def backup(folder: Path, data: Path) -> None:
    """Copy all state into the new FOLDER, as of one moment a file; the server may run. To restore, start it with --data FOLDER."""
    if not (data / "log.sqlite").is_file() and not (data / "access.sqlite").is_file():
        raise CliError(f"{data} is no data folder: name it with --data")
    if folder.exists() and any(folder.iterdir()):
        raise CliError(f"{folder} is not empty: name a new folder")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # In the order of their names: what is made from the log (its history) must not be newer than the log's own copy.
        for found in sorted(data.glob("*.sqlite")):
            if "." not in found.stem:  # others are what was set aside, or is being made
                (folder / found.name).touch(0o600)
                copy_database(found, folder / found.name)
        for name in ("settings.json", "first-event"):
            if (data / name).is_file():
                (folder / name).touch(0o600)
                shutil.copyfile(data / name, folder / name)
    except (OSError, sqlite3.Error) as error:
        raise CliError(f"can't back up: {error}") from None
    click.echo(f"{folder} is a whole copy; to restore, start the server with --data {folder}")

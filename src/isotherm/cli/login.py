"""`isotherm login`: a link to the dashboard."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from isotherm.access.keys import Keys
from isotherm.cli.options import CliError, data_option

__all__ = ["login"]


@click.command()
@data_option("isotherm-data")
def login(data: Path) -> None:
    """Print a login link for the dashboard, good once within ten minutes."""
    try:
        address = json.loads((data / "server.json").read_text())["address"]
    except (OSError, ValueError, KeyError):
        raise CliError(f"no server has run on {data} yet: start `isotherm serve`, or name its folder with --data") from None
    keys = Keys(data / "access.sqlite")
    click.echo(f"{address}/login?code={keys.new_code(time.time_ns() // 1_000_000)}")
    keys.close()

"""`isotherm replay`: recorded events, sent again."""

from __future__ import annotations

import sys
from typing import BinaryIO

import click

from isotherm.cli.options import CliError, option, run, url_options

__all__ = ["replay"]


@click.command()
@click.argument("file", type=click.File("rb"))
@url_options
@option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Twice as fast: 2.")
@option("--as-recorded", is_flag=True, help="Leave the times as they are.")
@option("--site", default="default", help="The site's key.")
def replay(file: BinaryIO, url: str, speed: float, as_recorded: bool, site: str) -> None:
    """Send recorded events: JSON lines of the classic event with `timestamp`, from FILE or `-`."""
    run(_replay(file, url, speed, as_recorded, site))


async def _replay(file: BinaryIO, url: str, speed: float, as_recorded: bool, site: str) -> None:
    from isotherm.simulate.replay import ReplayError
    from isotherm.simulate.replay import replay as send

    shown = sys.stderr.isatty()

    def progress(report: object) -> None:
        click.echo(f"\r{report}\x1b[K", err=True, nl=False)

    try:
        report = await send(file, url=url, speed=speed, as_recorded=as_recorded, site=site, on_progress=progress if shown else None)
    except ReplayError as error:
        raise CliError(f"{error}; before it: {error.report}" if error.report else str(error)) from None
    if shown:
        click.echo(err=True)
    click.echo(str(report))



"""`isotherm simulate`: visitors that move, click and scroll like people."""

from __future__ import annotations

import sys

import click

from isotherm.cli.options import option, run, url_options

__all__ = ["simulate"]


@click.command()
@url_options
@option("--visitors", type=click.IntRange(1, 100_000), default=40, help="Visitors at a time.")
@option("--seconds", type=click.FloatRange(min=0, min_open=True), default=60.0, help="How long.")
@option("--seed", type=int, default=1, help="The same seed gives the same visitors.")
@option("--site", default="default", help="The site's key.")
@option("--page", "pages", multiple=True, help="A page's path; repeatable. None: the site's own layout, where it has one.")
def simulate(url: str, visitors: int, seconds: float, seed: int, site: str, pages: tuple[str, ...]) -> None:
    """Visitors that move, click and scroll like people, over the public interfaces only."""
    run(_simulate(url, visitors, seconds, seed, site, pages))


async def _simulate(url: str, visitors: int, seconds: float, seed: int, site: str, pages: tuple[str, ...]) -> None:
    from isotherm.simulate import simulate as visit

    shown = sys.stderr.isatty()

    def progress(report: object) -> None:
        click.echo(f"\r{report}\x1b[K", err=True, nl=False)

    report = await visit(
        url, visitors=visitors, seconds=seconds, seed=seed, site=site, pages=list(pages) or None, on_progress=progress if shown else None
    )
    if shown:
        click.echo(err=True)
    click.echo(str(report))

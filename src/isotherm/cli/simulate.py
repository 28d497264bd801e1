"""`isotherm simulate`: visitors that move, click and scroll like people."""

from __future__ import annotations

import sys

import click

from isotherm.cli.options import CliError, option, run, url_options

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
    import aiohttp

    from isotherm.simulate import Refused
    from isotherm.simulate import simulate as visit
    from isotherm.simulate.layout import LayoutError

    shown = sys.stderr.isatty()

    def progress(report: object) -> None:
        click.echo(f"\r{report}\x1b[K", err=True, nl=False)

    try:
        report = await visit(
            url,
            visitors=visitors,
            seconds=seconds,
            seed=seed,
            site=site,
            pages=list(pages) or None,
            on_progress=progress if shown else None,
        )
    except aiohttp.InvalidURL:
        raise CliError(f"expected an address such as http://127.0.0.1:8000 as --url, got {url!r}") from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CliError(f"can't reach {url}: {error or 'no answer'}; start `isotherm serve`, or name the server with --url") from None
    except Refused as error:
        raise CliError(f"{url} takes no visitors of site {site!r}: {error}") from None
    except LayoutError as error:
        raise CliError(f"the shop's layout at {url} can't be used: {error}") from None
    if shown:
        click.echo(err=True)
    click.echo(str(report))

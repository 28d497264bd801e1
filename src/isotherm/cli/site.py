"""`isotherm site`: who may send, from where, and which addresses are one page. A running server takes changes within a second."""

from __future__ import annotations

from pathlib import Path

import click

from isotherm.access.settings import Settings, SettingsError
from isotherm.cli.options import CliError, data_option
from isotherm.core.sites import Site, SiteError, normal_origin

__all__ = ["site"]


@click.group()
def site() -> None:
    """Sites: their keys, allowed origins and URL rules."""


# What describes one site stands on the command line alone: the server's ISOTHERM_ORIGIN is not every site's.
@site.command()
@click.argument("key")
@click.option("--origin", "origins", multiple=True, help="Origin that may send, such as https://shop.example; repeatable. None: any.")
@click.option("--query", "query", multiple=True, help="Query parameter that makes a page; repeatable. All others are dropped.")
@click.option("--join", "patterns", multiple=True, help="Pattern of addresses that are one page, such as /p/:id; repeatable.")
@click.option("--leave-out", "left_out", multiple=True, help="Pattern of addresses that are no pages, such as /account/*; repeatable.")
@click.option("--replace", is_flag=True, help="Take the place of the site that has this key.")
@data_option("isotherm-data")
def add(
    key: str,
    origins: tuple[str, ...],
    query: tuple[str, ...],
    patterns: tuple[str, ...],
    left_out: tuple[str, ...],
    replace: bool,
    data: Path,
) -> None:
    """Add a site under KEY and print its script tag. The server's own pages use the site `default`."""
    settings, sites = _read(data)
    if any(known.key == key for known in sites) and not replace:
        raise CliError(f"there is a site {key!r} already: give --replace to change it")
    try:
        new = Site(key, frozenset(map(normal_origin, origins)), query, patterns, left_out)
    except SiteError as error:
        raise CliError(str(error)) from None
    _write(settings, [known for known in sites if known.key != key] + [new])
    click.echo(f'<script async src="https://HOST/tracker.js" data-site="{key}"' + _wanted_query(query) + "></script>")


@site.command("list")
@data_option("isotherm-data")
def list_(data: Path) -> None:
    """List the sites with their rules."""
    for known in _read(data)[1]:
        click.echo(f"{known.key}  from {', '.join(sorted(known.origins)) or 'any origin'}")
        for words, rules in (("query", known.query), ("join", known.patterns), ("leave out", known.left_out)):
            if rules:
                click.echo(f"    {words}: {', '.join(rules)}")


@site.command()
@click.argument("key")
@data_option("isotherm-data")
def remove(key: str, data: Path) -> None:
    """Remove the site KEY: nothing is taken for it any more."""
    settings, sites = _read(data)
    left = [known for known in sites if known.key != key]
    if len(left) == len(sites):
        raise CliError(f"there is no site {key!r}; `isotherm site list` shows what there is")
    _write(settings, left)


def _wanted_query(query: tuple[str, ...]) -> str:
    return f' data-query="{",".join(query)}"' if query else ""


def _read(data: Path) -> tuple[Settings, list[Site]]:
    settings = Settings(data / "settings.json")
    try:
        return settings, settings.sites()
    except SettingsError as error:
        raise CliError(str(error)) from None


def _write(settings: Settings, sites: list[Site]) -> None:
    try:
        settings.path.parent.mkdir(parents=True, exist_ok=True)
        settings.save(sites)
    except (SettingsError, OSError) as error:
        raise CliError(str(error)) from None

"""`isotherm site`: who may send, from where, and which addresses are one page. Running servers take changes within a second."""

from __future__ import annotations

from typing import Any

import click

from isotherm.access.book import BookError
from isotherm.cli.book_options import book_of, book_options
from isotherm.cli.options import CliError
from isotherm.core.drawn import Drawing
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
@book_options
def add(
    key: str,
    origins: tuple[str, ...],
    query: tuple[str, ...],
    patterns: tuple[str, ...],
    left_out: tuple[str, ...],
    replace: bool,
    **options: Any,
) -> None:
    """Add a site under KEY and print its script tag. The server's own pages use the site `default`."""
    try:
        book = book_of(options)
        before = next((known for known in book.sites() if known.key == key), None)
        if before is not None and not replace:
            raise CliError(f"there is a site {key!r} already: give --replace to change it")
        drawing = before.drawing if before is not None else Drawing()  # zones are drawn elsewhere, and stay
        book.put_site(Site(key, frozenset(map(normal_origin, origins)), query, patterns, left_out, drawing))
    except (BookError, SiteError) as error:
        raise CliError(str(error)) from None
    wanted = f' data-query="{",".join(query)}"' if query else ""
    click.echo(f'<script async src="https://HOST/tracker.js" data-site="{key}"{wanted}></script>')


@site.command("list")
@book_options
def list_(**options: Any) -> None:
    """List the sites with their rules."""
    for known in _sites(options):
        click.echo(f"{known.key}  from {', '.join(sorted(known.origins)) or 'any origin'}")
        for words, rules in (("query", known.query), ("join", known.patterns), ("leave out", known.left_out)):
            if rules:
                click.echo(f"    {words}: {', '.join(rules)}")
        for zone in known.drawing.zones:
            click.echo(f"    zone: {zone.name} on {zone.page or 'every page'}, {len(zone.anchors)} elements")


@site.command()
@click.argument("key")
@book_options
def remove(key: str, **options: Any) -> None:
    """Remove the site KEY: nothing is taken for it any more."""
    if all(known.key != key for known in _sites(options)):
        raise CliError(f"there is no site {key!r}; `isotherm site list` shows what there is")
    try:
        book_of(options).remove_site(key)
    except BookError as error:
        raise CliError(str(error)) from None


def _sites(options: dict[str, Any]) -> list[Site]:
    try:
        return book_of(options).sites()
    except BookError as error:
        raise CliError(str(error)) from None

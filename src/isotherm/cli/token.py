"""`isotherm token`: viewers' tokens by name. Only hashes are kept, so a token is shown once; changes hold at once."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any, Final

import click

from isotherm.access.book import Book, BookError
from isotherm.cli.book_options import book_of, book_options
from isotherm.cli.options import CliError

__all__ = ["token"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


@click.group()
def token() -> None:
    """Viewers' tokens: who may see the heat."""


@token.command()
@click.argument("name")
@click.option("--site", help="Opens this site's heat only; left out: all sites'.")
@click.option("--days", type=click.IntRange(1, 36_500), help="Ends after so many days; left out: when it is revoked.")
@book_options
def add(name: str, site: str | None, days: int | None, **options: Any) -> None:
    """Make a token under NAME and print it, this once."""
    if not _NAME.fullmatch(name):
        raise CliError(f"expected a name of up to 64 letters, digits and `_.@-`, got {name!r}")
    try:
        book = book_of(options)
        if site is not None:
            _check_site(book, site)
        click.echo(book.add_token(name, site, days))
    except BookError as error:
        raise CliError(str(error)) from None


@token.command("list")
@book_options
def list_(**options: Any) -> None:
    """List the tokens; they themselves are not kept."""
    now_ms = time.time_ns() // 1_000_000
    try:
        tokens = book_of(options).tokens()
    except BookError as error:
        raise CliError(str(error)) from None
    for kept in tokens:
        end = "until revoked" if kept.expires_ms is None else f"until {_day(kept.expires_ms)}"
        if kept.expires_ms is not None and kept.expires_ms <= now_ms:
            end = f"ended {_day(kept.expires_ms)}"
        click.echo(f"{kept.name}  {'all sites' if kept.site is None else 'site ' + kept.site}  {end}")


@token.command()
@click.argument("name")
@book_options
def revoke(name: str, **options: Any) -> None:
    """Revoke the token NAME: it opens nothing from now on."""
    try:
        revoked = book_of(options).revoke_token(name)
    except BookError as error:
        raise CliError(str(error)) from None
    if not revoked:
        raise CliError(f"there is no token {name!r}; `isotherm token list` shows what there is")


def _check_site(book: Book, key: str) -> None:
    """A token of a site that nobody knows would open nothing, without a word."""
    known = [site.key for site in book.sites()]
    if key not in known:
        raise CliError(f"there is no site {key!r}, only {', '.join(known) or 'none'}; `isotherm site add` makes one")


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")

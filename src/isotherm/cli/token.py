"""`isotherm token`: viewers' tokens by name. Only hashes are kept, so a token is shown once; changes hold at once."""

from __future__ import annotations

import re
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from isotherm.access.keys import Keys, KeysError
from isotherm.access.settings import Settings, SettingsError
from isotherm.cli.options import CliError, data_option

__all__ = ["token"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_DAY_MS: Final = 86_400_000


@click.group()
def token() -> None:
    """Viewers' tokens: who may see the heat."""


@token.command()
@click.argument("name")
@click.option("--site", help="Opens this site's heat only; left out: all sites'.")
@click.option("--days", type=click.IntRange(1, 36_500), help="Ends after so many days; left out: when it is revoked.")
@data_option("isotherm-data")
def add(name: str, site: str | None, days: int | None, data: Path) -> None:
    """Make a token under NAME and print it, this once."""
    if not _NAME.fullmatch(name):
        raise CliError(f"expected a name of up to 64 letters, digits and `_.@-`, got {name!r}")
    now_ms = time.time_ns() // 1_000_000
    with closing(_keys(data)) as keys:
        if site is not None:
            _check_site(data, site)
        try:
            click.echo(keys.new_token(name, site, now_ms, now_ms + days * _DAY_MS if days else None))
        except KeysError as error:
            raise CliError(str(error)) from None


@token.command("list")
@data_option("isotherm-data")
def list_(data: Path) -> None:
    """List the tokens; they themselves are not kept."""
    now_ms = time.time_ns() // 1_000_000
    with closing(_keys(data)) as keys:
        for kept in keys.tokens():
            end = "until revoked" if kept.expires_ms is None else f"until {_day(kept.expires_ms)}"
            if kept.expires_ms is not None and kept.expires_ms <= now_ms:
                end = f"ended {_day(kept.expires_ms)}"
            click.echo(f"{kept.name}  {'all sites' if kept.site is None else 'site ' + kept.site}  {end}")


@token.command()
@click.argument("name")
@data_option("isotherm-data")
def revoke(name: str, data: Path) -> None:
    """Revoke the token NAME: it opens nothing from now on."""
    with closing(_keys(data)) as keys:
        if not keys.revoke(name):
            raise CliError(f"there is no token {name!r}; `isotherm token list` shows what there is")


def _keys(data: Path) -> Keys:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return Keys(data / "access.sqlite")
    except (KeysError, OSError) as error:
        raise CliError(f"can't open the keys under {data}: {error}") from None


def _check_site(data: Path, key: str) -> None:
    """A token of a site that nobody knows would open nothing, without a word."""
    try:
        known = [site.key for site in Settings(data / "settings.json").sites()]
    except SettingsError as error:
        raise CliError(str(error)) from None
    if key not in known:
        raise CliError(f"there is no site {key!r}, only {', '.join(known) or 'none'}; `isotherm site add` makes one")


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")

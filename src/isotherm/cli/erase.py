"""`isotherm erase`: what is still raw goes (of a session, a page, or before some time), and a session's marks in the history."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from isotherm.cli.history_options import store_option
from isotherm.cli.options import CliError, data_option, option
from isotherm.core.erase import Erasure
from isotherm.core.pages import DEFAULT_SITE, canonical_path
from isotherm.history import HistoryError
from isotherm.history.places import is_postgres
from isotherm.log import LogError
from isotherm.runtimes.erasing import erase_from_history, erase_from_log

__all__ = ["erase"]


@click.command()
@option("--session", help="Samples of this session.")
@option("--page", help="Samples of this page, such as /p/1.")
@option("--site", default=DEFAULT_SITE, help="The page's site.")
@option("--before", metavar="TIME", help="Samples taken before this time: ISO 8601, or ms since the epoch.")
@store_option("On Kafka: where `worker history` keeps it, a file of SQLite or postgresql://USER@HOST/DATABASE. Nothing else is looked at.")
@data_option("isotherm-data")
def erase(session: str | None, page: str | None, site: str, before: str | None, store: str | None, data: Path) -> None:
    """Erase what is still raw, and a session's marks in the history. Of several conditions all must hold; the server may run.

    Counts that were rolled up name no session, and stay: they tell how many samples fell on a tile, not whose. The heat shown now cools as
    its window goes on, and a running server stores the newest minute once it has ended: erase a session that was there just now again after
    two minutes. On Kafka, records go by the topics' retention, and --store names the history.
    """
    if store is not None and session is None:
        raise click.UsageError("expected --session with --store: of counts that were rolled up, only a session's marks can go")
    if session is None and page is None and before is None:
        raise click.UsageError("expected --session, --page or --before")
    if store is None and not (data / "log.sqlite").is_file():
        raise CliError(
            f"there is no log in {data}: name the data folder with --data; on Kafka, records go by the topics' retention, "
            "and --store names the history"
        )
    if page is not None and not page.startswith("/"):
        raise click.UsageError(f"expected --page to be a path such as /p/1, got {page!r}")
    key = None if page is None else site + canonical_path(page)
    erasure = Erasure(session, key, None if before is None else _time_ms(before))
    place = store or str(data / "history.sqlite")
    if store is not None and not is_postgres(store) and not Path(store).is_file():
        raise CliError(f"there is no history in {store}")
    try:
        gone = erase_from_log(data / "log.sqlite", erasure) if store is None else None
        buckets = erase_from_history(place, erasure) if session is not None and (store or Path(place).is_file()) else 0
    except (LogError, HistoryError) as error:
        raise CliError(str(error)) from None
    if gone is not None:
        click.echo(f"{gone:,} raw samples erased. Rolled-up counts name no session, and stay.")
    if session is not None:
        click.echo(f"The session's marks went from {buckets:,} minutes, hours and days of the history.")


def _time_ms(text: str) -> int:
    if text.isdecimal():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"expected --before as ISO 8601 or ms since the epoch, got {text!r}") from None
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)

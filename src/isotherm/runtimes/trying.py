"""A dry run over the hours that the history has, in both runtimes: read in the history's thread, run in another."""

from __future__ import annotations

import asyncio

from isotherm.core.rules import Rule
from isotherm.core.tiers import HOUR_MS
from isotherm.history import History, HistoryError
from isotherm.reactions import ReactionError
from isotherm.reactions.trial import Trial, dry_run_minutes

__all__ = ["over_hours"]


async def over_hours(history: History | None, rule: Rule, hours: int, *, now_ms: int, window_ms: int) -> Trial:
    """Over the newest `hours`, as far as minutes are kept. Raises `ReactionError`."""
    if history is None:
        raise ReactionError("a dry run over hours needs a history, and this server keeps none")
    from_ms = now_ms - hours * HOUR_MS
    try:
        rows = await history.zone_minutes(rule.page_key, from_ms - window_ms, now_ms)
        first_ms = await history.first_ms(rule.page_key)
    except HistoryError as error:
        raise ReactionError(f"the history can't be read ({error})") from error
    since_ms = max(from_ms, history.minutes_since_ms, first_ms or 0)
    minutes = [(row.number, row.contents) for row in rows]
    return await asyncio.to_thread(dry_run_minutes, rule, minutes, window_ms=window_ms, since_ms=since_ms, until_ms=now_ms)

"""Counters: what was taken, left out or refused, by name. Every name that is ever counted stands in `NAMES`, with its meaning."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["NAMES", "Counters", "Seen"]

NAMES: Final = {
    "messages": "messages taken: events and batches",
    "samples": "samples taken",
    "ignored": "samples and events of a kind that no layer wants",
    "repeated": "samples left out because their batch had been counted",
    "late": "samples older than the window",
    "ahead": "samples further ahead of the clock than the skew allows, when they were to be counted",
    "timestamp_ahead": "events whose timestamp was too far ahead: they got the time of arrival",
    "refused_invalid": "messages refused: not well formed",
    "refused_version": "batches refused: of a version that this server does not know",
    "refused_origin": "connections and requests refused: foreign origin",
    "refused_site": "connections and requests refused: unknown site",
    "refused_full": "messages refused: the server could not take them then",
    "refused_too_large": "frames and requests refused: too large",
    "refused_too_fast": "messages refused for now: above the rate of a session or an address",
    "refused_sessions": "messages refused for now: too many sessions, of an address or in all",
    "refused_pages": "messages refused: of a page beyond the number that a site may have",
    "refused_connections": "connections and requests refused: too many are open, of an address or in all",
    "refused_slow": "requests refused: their head or body did not come in time",
    "refused_token": "requests refused: a viewer token or login code that is not known",
    "turned_away": "sockets of trackers closed because the server was behind",
    "idle_closed": "sockets of trackers closed because nothing came for long",
    "bots": "samples of crawlers and automated browsers: acknowledged, not counted",
    "left_out": "samples of pages that a site's rules leave out: acknowledged, not counted",
    "capped": "samples beyond what a session may add to a tile in a pane: not counted",
    "clicks_forgotten": "clicks forgotten early, since too many came: bursts that began with them are not found",
    "zones_beyond": "samples not counted in a zone because their page had as many zones as are kept",
    "zones_late": "samples not counted in their zone because they were older than the window",
    "zones_ahead": "samples taken out of their zone because they were further ahead of the clock than the skew allows",
    "views_beyond": "what was in view, left out of the exposure because more sessions or stretches of time were known than are kept",
    "spots_beyond": "samples not shown on their element because more than are kept lay on elements of pages that are looked at so",
    "frames": "frames written to viewers",
    "frames_skipped": "frames that slow viewers did not get",
    "viewers_dropped": "viewers dropped because they read nothing",
    "webhooks_delivered": "messages that webhooks took",
    "webhooks_failed": "tries to tell a webhook that failed",
    "webhooks_replaced": "messages to webhooks that a later one of the same thing took the place of",
    "webhooks_dropped": "messages to webhooks that were never told: too old, too many, or nobody's any more",
    "shed_log": "samples taken, never acknowledged, and lost because the log could not be written",
    "history_old": "samples older than all that the history keeps",
    "history_lost": "samples that are not in the history because it could not be written for long",
    "log_failures": "commits of the log that failed",
    "log_damaged": "records of the log that were found damaged or missing at the start",
}


class Seen(NamedTuple):
    """A refusal as the dashboard shows it."""

    reason: str
    detail: str
    times: int
    last_ms: int


class Counters:
    """Counts by name, and the newest refusals with their details."""

    _DETAILS_MAX = 32

    def __init__(self) -> None:
        self.by_name: dict[str, int] = dict.fromkeys(NAMES, 0)
        self._refusals: dict[tuple[str, str], Seen] = {}

    def add(self, name: str, by: int = 1) -> None:
        self.by_name[name] += by

    def refuse(self, reason: str, detail: str, now_ms: int) -> None:
        """Counts ``refused_{reason}`` and keeps the detail among the newest few."""
        self.add(f"refused_{reason}")
        detail = detail[:200]
        before = self._refusals.pop((reason, detail), None)
        self._refusals[reason, detail] = Seen(reason, detail, before.times + 1 if before else 1, now_ms)
        if len(self._refusals) > self._DETAILS_MAX:
            del self._refusals[next(iter(self._refusals))]

    def refusals(self) -> list[Seen]:
        """The newest first."""
        return list(reversed(self._refusals.values()))

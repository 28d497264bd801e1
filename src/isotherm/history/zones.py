"""Zones of the past: a page's league table in any range, and what is usual at this hour.

    range    the same buckets as a picture's, and those of its newest fifth once more, for the trend
    usual    this hour of the clock on each of the last seven days, held against the last sixty minutes

An hour of the clock is seldom whole: at 10:20 the last sixty minutes are two thirds of the hour from nine and a third of that from ten, and
so is what they are held against. *Hotter than usual* is what had clearly more than at the same time on each of these days, not only more
than their mean: what swings from day to day is not called unusual.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from isotherm.core.tiers import DAY_MS, HOUR_MS, Floors, Run, cover, widen
from isotherm.core.zone_rollup import ZoneContents, ZonePast
from isotherm.core.zones import RECENT_SHARE
from isotherm.history.store import StoredZones

__all__ = ["DAYS", "PastZones", "Usual", "hours_before", "past_zones", "usual_of"]

DAYS: Final = 7  #: without so many days there is nothing usual
_MARKS_READ_MAX: Final = 1 << 20
_PEOPLE_LEAST: Final = 5  #: fewer are chance
_CLEARLY: Final = 1.25  #: times the busiest of those days


@dataclass(slots=True, frozen=True)
class PastZones:
    """A page's zones in a range."""

    start_ms: int
    end_ms: int
    zones: list[ZonePast]
    people: int
    recent: dict[str, int]  #: samples of each zone in the newest part of the range
    recent_share: float  #: how much of the range that part is
    level: int  #: people are one in ``2 ** level``, counted as many; 0: exact

    def trend(self, zone: ZonePast) -> float:
        """Its pace in the newest part, relative to the whole: 1 is steady."""
        return self.recent.get(zone.name, 0) / zone.samples / self.recent_share


def past_zones(rows: Callable[[list[Run]], Iterable[StoredZones]], start_ms: int, end_ms: int, floors: Floors) -> PastZones:
    """`rows` gives the buckets of runs, from a store. The range is one of whole buckets."""
    whole = _together(rows(cover(start_ms, end_ms)))
    recent_ms, _ = widen(end_ms - max(1, (end_ms - start_ms) // RECENT_SHARE), end_ms, floors)
    recent_ms = max(recent_ms, start_ms)
    recent = whole if recent_ms == start_ms else _together(rows(cover(recent_ms, end_ms)))
    samples = {zone.name: zone.samples for zone in recent.league()}
    recent_share = (end_ms - recent_ms) / (end_ms - start_ms)
    return PastZones(start_ms, end_ms, whole.league(), whole.people, samples, recent_share, whole.marks.level)


def _together(rows: Iterable[StoredZones]) -> ZoneContents:
    return ZoneContents.added([row.contents for row in rows], _MARKS_READ_MAX)


class Usual(NamedTuple):
    """One zone's last sixty minutes beside the same time of the days before."""

    now: int  #: samples
    mean: float
    most: float  #: of the busiest of these days
    people: int  #: in the last sixty minutes

    @property
    def times(self) -> float | None:
        """How many times the mean it is; None: there was nothing."""
        return self.now / self.mean if self.mean else None

    @property
    def hotter(self) -> bool:
        return self.people >= _PEOPLE_LEAST and self.now > self.most * _CLEARLY


def hours_before(now_ms: int) -> list[int]:
    """The hours (numbers since the epoch) that the last sixty minutes are held against."""
    this = now_ms // HOUR_MS
    return [this - day * (DAY_MS // HOUR_MS) - back for day in range(1, DAYS + 1) for back in (0, 1)]


def usual_of(now_ms: int, newest: Sequence[StoredZones], before: Sequence[StoredZones]) -> dict[str, Usual]:
    """Of each zone of the last sixty minutes (`newest`, its minutes) and of the days before (`before`, their hours)."""
    this, passed = now_ms // HOUR_MS, now_ms % HOUR_MS / HOUR_MS
    by_day: dict[str, list[float]] = defaultdict(lambda: [0.0] * DAYS)
    for row in before:
        day, back = divmod(this - row.number, DAY_MS // HOUR_MS)
        weight = passed if back == 0 else 1 - passed
        for zone in row.contents.league():
            by_day[zone.name][day - 1] += weight * zone.samples
    now = {zone.name: zone for zone in _together(newest).league()}
    found = {}
    for name in now.keys() | by_day.keys():
        days = by_day[name]
        here = now.get(name)
        found[name] = Usual(here.samples if here else 0, sum(days) / DAYS, max(days), here.people if here else 0)
    return found

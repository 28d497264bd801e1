"""Tiers: minutes, hours, days; and which of their buckets add up to a range.

A *bucket* is a span of one tier, known by its number ``time_ms // span_ms`` (UTC). What is older than a tier's *floor* was let go from it.
The floor of the minutes lies on an hour and that of the hours on a day, and no tier reaches back less far than a finer one, so that a range
is always a row of whole buckets without gap or overlap:

     day ────────────┬ hour ───┬ minute ┬──────┬── hour ──┬ minute ┬
                     │         │        │      │          │        │
            floor of the hours │   from (widened down)      to (widened up)
                        floor of the minutes
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["DAY_MS", "HOUR_MS", "MINUTE_MS", "TIERS_MS", "Floors", "Run", "begin_ms", "cover", "widen"]

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
TIERS_MS: Final = (MINUTE_MS, HOUR_MS, DAY_MS)  #: a tier's number is its place here; each span divides the next


class Run(NamedTuple):
    """Buckets `first` to before `last` of a tier."""

    tier: int
    first: int
    last: int


@dataclass(slots=True, frozen=True)
class Floors:
    """From when on each tier is whole, ms since the epoch. They only rise."""

    minutes_ms: int = 0
    hours_ms: int = 0
    days_ms: int = 0

    @staticmethod
    def keeping(now_ms: int, minutes_ms: int, hours_ms: int, days_ms: int) -> Floors:
        """The floors when each tier reaches back at least so far from now, each on a boundary of the next tier."""
        minutes_from_ms, hours_from_ms, days_from_ms = (max(0, now_ms - keep_ms) for keep_ms in (minutes_ms, hours_ms, days_ms))
        hours_floor_ms = min(_down(hours_from_ms, DAY_MS), _down(minutes_from_ms, DAY_MS))
        return Floors(_down(minutes_from_ms, HOUR_MS), hours_floor_ms, min(_down(days_from_ms, DAY_MS), hours_floor_ms))

    def raised(self, other: Floors) -> Floors:
        """The higher of both, a tier; a coarser tier's floor never lies above a finer one's."""
        minutes_ms, hours_ms, days_ms = map(max, self.by_tier, other.by_tier)
        hours_ms = max(hours_ms, days_ms)
        return Floors(max(minutes_ms, hours_ms), hours_ms, days_ms)

    @property
    def by_tier(self) -> tuple[int, int, int]:
        return self.minutes_ms, self.hours_ms, self.days_ms

    def span_at(self, time_ms: int) -> int:
        """The finest span that is kept at a time. What is older than all has the coarsest, and is empty there."""
        return MINUTE_MS if time_ms >= self.minutes_ms else HOUR_MS if time_ms >= self.hours_ms else DAY_MS


def widen(from_ms: int, to_ms: int, floors: Floors) -> tuple[int, int]:
    """The smallest range of whole kept buckets that holds ``[from, to)``; `from_ms` is below `to_ms`."""
    assert from_ms < to_ms
    return _down(from_ms, floors.span_at(from_ms)), _up(to_ms, floors.span_at(to_ms - 1))


def cover(start_ms: int, end_ms: int) -> list[Run]:
    """The fewest buckets that make up a widened range, in order of time."""
    runs: list[Run] = []
    _cover(start_ms, end_ms, len(TIERS_MS) - 1, runs)
    return runs


def begin_ms(oldest: dict[int, int]) -> int | None:
    """When something that is in all tiers begins, from its oldest bucket's number in each tier that still has any; None: it is in none."""
    begin: int | None = None
    for tier in sorted(oldest, reverse=True):
        at_ms = oldest[tier] * TIERS_MS[tier]
        if begin is None or at_ms < begin + TIERS_MS[tier + 1]:  # else the finer tier has let go of it
            begin = at_ms
        else:
            break
    return begin


def _cover(start_ms: int, end_ms: int, tier: int, runs: list[Run]) -> None:
    if start_ms >= end_ms:
        return
    span_ms = TIERS_MS[tier]
    first, last = -(-start_ms // span_ms), end_ms // span_ms
    if first < last:
        if tier:
            _cover(start_ms, first * span_ms, tier - 1, runs)
        runs.append(Run(tier, first, last))
        if tier:
            _cover(last * span_ms, end_ms, tier - 1, runs)
    elif tier:
        _cover(start_ms, end_ms, tier - 1, runs)


def _down(time_ms: int, span_ms: int) -> int:
    return time_ms // span_ms * span_ms


def _up(time_ms: int, span_ms: int) -> int:
    return -(-time_ms // span_ms) * span_ms

"""Repeats: told by (session, load, seq), for ten minutes, so that what is sent twice counts once.

A tracker numbers its batches one by one from 0, so of nearly every load one number is all that is kept: the next. Of one whose
batches come with gaps, a ``floor`` is kept below which every number has been seen, and the few seen above it. Loads that were silent for
the memory's length are forgotten, in two generations: each look-up moves a load to the young one; the old one is dropped as a whole, one at
a time: where a clock leaps ahead by hours, what comes again a moment later is still told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from isotherm.core.limits import ARRIVED_TOGETHER_MS, REPEAT_GAPS_MAX, REPEAT_MEMORY_MS
from isotherm.core.recollection import Load, Numbers

__all__ = ["Repeats"]


class _Seen:
    """Numbers seen of one load: those from ``start`` up to (not including) ``floor``, and those in ``others``."""

    __slots__ = ("floor", "others", "start")

    def __init__(self, start: int, floor: int) -> None:
        self.start = start
        self.floor = floor
        self.others: set[int] | None = None

    def add(self, seq: int) -> bool:
        if seq == self.floor and self.others is None:
            self.floor += 1
            return True
        if self.start <= seq < self.floor:
            return False
        others = self.others
        if others is None:
            others = self.others = set()
        if seq in others:
            return False
        others.add(seq)
        while self.floor in others:
            others.remove(self.floor)
            self.floor += 1
        while self.start - 1 in others:
            others.remove(self.start - 1)
            self.start -= 1
        if len(others) > REPEAT_GAPS_MAX:
            self.floor = sorted(others)[len(others) // 2]
            self.others = others = {number for number in others if number >= self.floor}
        if not others:
            self.others = None
        return True


def _plain(known: dict[Load, _Seen | int]) -> dict[Load, Numbers]:
    """A copy that holds no `_Seen`: these change."""
    plain: dict[Any, Any] = known.copy()
    for load, seen in known.items():
        if seen.__class__ is _Seen:
            plain[load] = (seen.start, seen.floor, None if seen.others is None else tuple(seen.others))
    return plain


def _lively(plain: Mapping[Load, Numbers]) -> dict[Load, _Seen | int]:
    known: dict[Any, Any] = dict(plain)
    for load, numbers in plain.items():
        if isinstance(numbers, tuple):
            start, floor, others = numbers
            known[load] = seen = _Seen(start, floor)
            seen.others = None if others is None else set(others)
    return known


class Repeats:
    """The memory. `fresh` answers and remembers in one step."""

    def __init__(self, memory_ms: int = REPEAT_MEMORY_MS + ARRIVED_TOGETHER_MS) -> None:
        self._memory_ms = memory_ms
        self.newest: dict[tuple[str, str], _Seen | int] = {}  #: the young; a number: all below it were seen, and nothing else
        self._old: dict[tuple[str, str], _Seen | int] = {}
        self._turned_ms: int | None = None
        self.before_turn: Callable[[None], None] | None = None  #: told before loads grow old: what others know of `newest` belongs into it

    def __len__(self) -> int:
        """Loads remembered."""
        return len(self.newest) + len(self._old)

    def turn(self, now_ms: int) -> None:
        """Lets what is old go; call it with the time of what comes next, before `fresh`."""
        if self._turned_ms is None or now_ms < self._turned_ms:  # a clock set back only keeps things longer
            self._turned_ms = now_ms
        elif now_ms - self._turned_ms >= self._memory_ms:
            if self.before_turn is not None:
                self.before_turn(None)
            self._old, self.newest = self.newest, {}
            self._turned_ms = now_ms

    # -- a start

    def snapshot(self) -> tuple[int | None, dict[Load, Numbers], dict[Load, Numbers]]:
        """When loads grew old last, and the numbers of the young and of the old. It stays as it is, whatever comes."""
        return self._turned_ms, _plain(self.newest), _plain(self._old)

    def restore(self, turned_ms: int | None, young: Mapping[Load, Numbers], old: Mapping[Load, Numbers]) -> None:
        """Takes up a snapshot instead of what is known."""
        self._turned_ms, self.newest, self._old = turned_ms, _lively(young), _lively(old)

    # -- batches

    def fresh(self, session: str, load: str, seq: int) -> bool:
        """True the first time that this batch is seen."""
        key = (session, load)
        seen = self.newest.get(key)
        if seen is None:
            seen = self._old.pop(key, None)
            if seen is None:
                self.newest[key] = _Seen(seq, seq + 1) if seq else 1
                return True
            self.newest[key] = seen
        if isinstance(seen, int):
            if seq <= seen:
                self.newest[key] = max(seen, seq + 1)
                return seq == seen
            self.newest[key] = seen = _Seen(0, seen)
        return seen.add(seq)

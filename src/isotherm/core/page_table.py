"""The page table: what the aggregator keeps of each live page beside its counts, in columns.

A page has a *place*; a place that becomes free is given to the next page. A batch names many pages, and all of them are brought up to
date in a few passes over columns, whatever their number; only finding a page by its key looks at each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, KeysView, Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counts import Counts
from isotherm.core.heat import PageNow, Pulse
from isotherm.core.layers import LAYERS
from isotherm.core.samples import NO_NUMBER, Numbered

__all__ = ["RATE_SPAN_MS", "PageTable"]

RATE_SPAN_MS: Final = 5_000.0  #: a page's rate is smoothed exponentially over this span: jittery below, sluggish above
_NONE: Final = -1  #: no place, no row, no offset


class PageTable:
    """Pages by key. `rows[place, layer]` is the row of the slab that counts a layer of a page; -1: it has none."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._free: list[int] = []
        self._keys: list[str] = []
        self._origins: list[str | None] = []
        self.rows: npt.NDArray[np.int64] = np.full((16, LAYERS), _NONE, np.int64)
        self.watched: npt.NDArray[np.bool_] = np.zeros(16, np.bool_)
        self._visitors: npt.NDArray[np.int64] = np.zeros(16, np.int64)  # the sum over all sources
        self._newest_ms: npt.NDArray[np.int64] = np.zeros(16, np.int64)
        self._rate: npt.NDArray[np.float64] = np.zeros(16)  # as of the time beside it
        self._rate_at_ms: npt.NDArray[np.int64] = np.zeros(16, np.int64)
        self._visitors_of: dict[int, npt.NDArray[np.int64]] = {}  # source -> sessions on each page, as it knows them
        self._numbers_of = 0  # the table whose numbers these are
        self._by_number: npt.NDArray[np.int64] = np.full(64, _NONE, np.int64)  # a page's place
        self._number: npt.NDArray[np.int64] = np.full(16, NO_NUMBER, np.int64)  # by which it is found
        self._offset_of: dict[int, npt.NDArray[np.int64]] = {}  # source -> its newest record that was merged

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[int]:
        """Places of all pages."""
        return iter(self._places.values())

    @property
    def keys(self) -> KeysView[str]:
        return self._places.keys()

    def key(self, place: int) -> str:
        return self._keys[place]

    def origin(self, place: int) -> str | None:
        return self._origins[place]

    def find(self, key: str) -> int:
        """The page's place; -1: it does not live."""
        return self._places.get(key, _NONE)

    def find_all(self, keys: Sequence[str], numbered: Numbered | None = None) -> npt.NDArray[np.int64]:
        """The places of pages, which may have numbers: then those that were found before are found by these."""
        if numbered is None:
            return np.fromiter(map(self._places.get, keys, repeat(_NONE)), np.int64, len(keys))
        if numbered.table != self._numbers_of:
            self._numbers_of, self._by_number = numbered.table, np.full(64, _NONE, np.int64)
            self._number[:] = NO_NUMBER
        places = np.empty(len(keys), np.int64)
        if self._find(numbered.number, places):
            self._find_by_keys(keys, numbered.number, places)
        return places

    def _find(self, number: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> int:
        """The places of pages that were found by their numbers before. Returns how many were not: of these it is -1."""
        if counting.compiled is not None:
            return counting.compiled.places(self._by_number, number, places)
        known = (number >= 0) & (number < len(self._by_number))
        places[:] = np.where(known, self._by_number[np.where(known, number, 0)], _NONE)
        return int((places < 0).sum())

    def _find_by_keys(self, keys: Sequence[str], number: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> None:
        for at in np.flatnonzero(places < 0).tolist():
            place = places[at] = self.find(keys[at])
            if place < 0 or number[at] == NO_NUMBER:
                continue
            while number[at] >= len(self._by_number):
                self._by_number = _longer(self._by_number, 2 * len(self._by_number), _NONE)
            self._by_number[number[at]], self._number[place] = place, number[at]

    def make_room(self, pages: int) -> None:
        """Room for so many more. Without memory for it, all stays as it is."""
        needed, there = len(self._keys) + pages - len(self._free), len(self.watched)
        while there < needed:
            there *= 2
        if there > len(self.watched):
            self._grow(there)

    def add(self, key: str, watched: bool) -> int:
        self.make_room(1)
        if self._free:
            place = self._free.pop()
            self._keys[place], self._origins[place] = key, None
        else:
            place = len(self._keys)
            self._keys.append(key)
            self._origins.append(None)
        self._places[key] = place
        self.watched[place] = watched
        return place

    def remove(self, place: int) -> None:
        """The page has no rows any more."""
        del self._places[self._keys[place]]
        if self._number[place] >= 0:
            self._by_number[self._number[place]] = _NONE
            self._number[place] = NO_NUMBER
        self._visitors[place] = self._newest_ms[place] = self._rate_at_ms[place] = 0
        self._rate[place] = 0.0
        for visitors in self._visitors_of.values():
            visitors[place] = 0
        for offsets in self._offset_of.values():
            offsets[place] = _NONE
        self._free.append(place)

    # -- what a source tells

    def merged(self, keys: Sequence[str], source: int, offset: int) -> npt.NDArray[np.bool_]:
        """Of which pages the source's record was merged before."""
        places = self.find_all(keys)
        return (places >= 0) & (self._column(self._offset_of, source, _NONE)[places] >= offset)

    def set_offset(self, places: npt.NDArray[np.int64], source: int, offset: int) -> None:
        self._column(self._offset_of, source, _NONE)[places] = offset

    def set_visitors(self, places: npt.NDArray[np.int64], source: int, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Sessions on each page, as the source knows them. Returns where that is news."""
        known = self._column(self._visitors_of, source, 0)
        before = known[places]
        self._visitors[places] += numbers - before
        known[places] = numbers
        changed: npt.NDArray[np.bool_] = numbers != before
        return changed

    def tell(self, places: npt.NDArray[np.int64], samples: npt.NDArray[np.float64], counts: Counts, now_ms: int, source: int) -> list[int]:
        """So many samples came to each page, and what else the counts say of it; places below 0 are of pages that do not live.

        Returns the places of those whose number of visitors changed without a sample.
        """
        for place, origin in zip(places.tolist(), counts.origins, strict=True) if any(counts.origins) else ():
            if origin and place >= 0:
                self._origins[place] = origin
        known = self._column(self._visitors_of, source, 0)
        if counting.compiled is not None:
            return counting.compiled.tell(
                places, samples, counts.visitors, counts.newest_ms,
                known, self._visitors, self._newest_ms, self._rate, self._rate_at_ms, now_ms, RATE_SPAN_MS,
            )  # fmt: skip
        live = np.flatnonzero(places >= 0)
        places, samples = places[live], samples[live]
        changed = self.set_visitors(places, source, np.array(counts.visitors, np.int64)[live])
        self._newest_ms[places] = np.maximum(self._newest_ms[places], np.array(counts.newest_ms, np.int64)[live])
        self._arrive(places[samples > 0], samples[samples > 0], now_ms)
        restless: list[int] = places[changed & (samples == 0)].tolist()
        return restless

    def _arrive(self, places: npt.NDArray[np.int64], samples: npt.NDArray[np.float64], now_ms: int) -> None:
        waited_ms = np.maximum(now_ms - self._rate_at_ms[places], 0)
        self._rate[places] = self._rate[places] * np.exp(waited_ms / -RATE_SPAN_MS) + samples * (1000 / RATE_SPAN_MS)
        self._rate_at_ms[places] = now_ms

    def now(self, place: int, samples: int, now_ms: int) -> PageNow:
        visitors, rate, newest_ms = self.pulse(place, now_ms)
        return PageNow(self._keys[place], self._origins[place], visitors, samples, rate, newest_ms)

    def pulse(self, place: int, now_ms: int) -> Pulse:
        waited_ms = max(0, now_ms - self._rate_at_ms.item(place))
        return Pulse(self._visitors.item(place), self._rate.item(place) * math.exp(-waited_ms / RATE_SPAN_MS), self._newest_ms.item(place))

    # -- room

    def _column(self, columns: dict[int, npt.NDArray[np.int64]], source: int, empty: int) -> npt.NDArray[np.int64]:
        column = columns.get(source)
        if column is None:
            column = columns[source] = np.full(len(self.watched), empty, np.int64)
        return column

    def _grow(self, to: int) -> None:
        rows, watched, number = _longer(self.rows, to, _NONE), _longer(self.watched, to, 0), _longer(self._number, to, NO_NUMBER)
        visitors, newest_ms = _longer(self._visitors, to, 0), _longer(self._newest_ms, to, 0)
        rate, rate_at_ms = _longer(self._rate, to, 0), _longer(self._rate_at_ms, to, 0)
        visitors_of = {source: _longer(column, to, 0) for source, column in self._visitors_of.items()}
        offset_of = {source: _longer(column, to, _NONE) for source, column in self._offset_of.items()}
        self.rows, self.watched, self._number, self._visitors, self._newest_ms = rows, watched, number, visitors, newest_ms
        self._rate, self._rate_at_ms, self._visitors_of, self._offset_of = rate, rate_at_ms, visitors_of, offset_of


def _longer(column: npt.NDArray[Any], to: int, empty: int) -> npt.NDArray[Any]:
    return np.concatenate((column, np.full((to - len(column), *column.shape[1:]), empty, column.dtype)))

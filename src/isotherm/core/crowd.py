"""The crowd: who was on which tile within the window that slides, for any page that somebody asks about.

What is fed waits in *slots* of some seconds, by its arrival. A slot that is over is *settled* once: each (page, session, cell) in it
becomes one mark, with the oldest and the newest pane in which it occurs. A question looks at its page's marks of all slots and keeps
those whose panes meet the window.

    ┌─ slot ─┬─ slot ─┬─ … ─┬─ slot: settled ─┬─ slot: counts, as they came ─
    a slot is forgotten once its newest pane has left the window

Counts are kept with the marks, so that the window can be looked at in its parts, a slot each.

Costs: a reference a record; O(n log n) of a slot's rows, once, wherever `settle` is called; O(marks of the page) a question. Numbers are
exact, but for a session that was on a tile both before the window and ahead of the clock and never within, and for crowds beyond
`MARKS_MAX` (see `people`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counts import Counts, CountsToRead, read
from isotherm.core.people import MARKS_MAX, Marks
from isotherm.core.rollup import Table

__all__ = ["Crowd"]

_READ_MAX = 1 << 20  #: marks of one answer: what was settled is not thinned further
_PANES_MAX = 0x7FFF_FFFF  #: after the oldest of a slot
_SLOTS = 20  #: of a window: the finer, the less is looked at beyond its start; the coarser, the more marks of a session are one


class _Place(NamedTuple):
    first: int
    last: int
    level: int


@dataclass(slots=True, frozen=True)
class _Settled:
    """Marks by page, each page's ascending; columns of equal length."""

    places: dict[str, _Place]
    marks: npt.NDArray[np.uint64]
    base: int  #: the pane that the next two are counted from: they are kept for the whole window, and as many as all that was done in it
    oldest: npt.NDArray[np.int32]
    newest: npt.NDArray[np.int32]
    sums: dict[str, tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]  #: page -> its cells and their counts


class _Slot:
    """Either counts as they came, or settled. `state` is replaced whole, so that another thread may settle."""

    __slots__ = ("newest", "number", "state")

    def __init__(self, number: int) -> None:
        self.number = number
        self.newest = -1
        self.state: list[Counts | CountsToRead] | _Settled = []


class Crowd:
    """Feed `add`; call `settle` about once a second, from any one thread; ask for `marks` at any time."""

    def __init__(self, *, tiles: int, hop_ms: int, window_ms: int) -> None:
        self._tiles = tiles
        self._hop_ms = hop_ms
        self._window_panes = window_ms // hop_ms
        self._slot_ms = max(hop_ms, window_ms // _SLOTS)
        self._slots: list[_Slot] = []

    def add(self, counts: Counts | CountsToRead, taken_ms: int) -> None:
        """Takes the counts of one record that was taken then, or of several of one slot."""
        number = taken_ms // self._slot_ms
        if not self._slots or self._slots[-1].number != number:
            first = taken_ms // self._hop_ms - self._window_panes
            self._slots = [slot for slot in self._slots if slot.newest >= first]
            self._slots.append(_Slot(number))
        slot = self._slots[-1]
        if counts.people and counts.rows:
            assert isinstance(slot.state, list), "only slots that are over are settled"
            slot.state.append(counts)
            slot.newest = max(slot.newest, counts.newest_pane)

    def settle(self) -> bool:
        """Settles the slots that are over; whether there were any that held something."""
        settled = False
        for slot in self._slots[:-1]:
            if isinstance(slot.state, list):
                settled |= bool(slot.state)
                slot.state = _settled(Table.of(list(map(read, slot.state)), self._tiles))
        return settled

    def marks(self, page: str, end_ms: int) -> Marks:
        """Who was on which cell of a page in the window that ends then."""
        end = end_ms // self._hop_ms
        return Marks.joined(self._parts(page, end - self._window_panes, end), _READ_MAX)

    @property
    def slot_ms(self) -> int:
        return self._slot_ms

    def parts(self, page: str, end_ms: int) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """The window in parts, by arrival: the end of each slot that is not empty, cells (any number of times), and counts."""
        for slot in self._slots:
            at_ms = (slot.number + 1) * self._slot_ms
            if not end_ms - self._window_panes * self._hop_ms < at_ms <= end_ms + self._slot_ms:
                continue
            state = slot.state
            if isinstance(state, list):
                table = Table.of(list(map(read, state)), self._tiles, page)
                yield at_ms, table.cell, table.count
            elif page in state.sums:
                cell, count = state.sums[page]
                yield at_ms, cell.astype(np.int64), count.astype(np.int64)

    def _parts(self, page: str, first: int, end: int) -> Iterator[Marks]:
        for slot in self._slots:
            state = slot.state
            if isinstance(state, list):
                table = Table.of(list(map(read, state)), self._tiles, page)
                within = (table.seen_pane >= first) & (table.seen_pane < end)
                yield Marks.of(table.who[within], table.seen_cell[within], _READ_MAX)
            elif page in state.places:
                place = state.places[page]
                rows = slice(place.first, place.last)
                within = (state.newest[rows] >= first - state.base) & (state.oldest[rows] < end - state.base)
                yield Marks(state.marks[rows][within], place.level)


def _settled(table: Table) -> _Settled:
    marks = (table.who.astype(np.uint64) << np.uint64(32)) | table.seen_cell.astype(np.uint64)
    order = counting.order(table.seen_page, marks)
    page, marks, pane = table.seen_page[order], marks[order], table.seen_pane[order]
    starts = _starts(page, marks)
    page, marks = page[starts], marks[starts]
    oldest: Any = np.minimum.reduceat(pane, starts) if len(starts) else pane
    newest: Any = np.maximum.reduceat(pane, starts) if len(starts) else pane
    bounds = np.searchsorted(page, np.arange(len(table.pages) + 1)).tolist()
    many = [at for at in range(len(table.pages)) if bounds[at + 1] - bounds[at] > MARKS_MAX]
    level = {at: Marks.joined([Marks(marks[bounds[at] : bounds[at + 1]])]).level for at in many}
    if level:
        levels = np.zeros(len(table.pages), np.uint64)
        levels[list(level)] = list(level.values())
        kept = (marks >> np.uint64(32)) & ((np.uint64(1) << levels[page]) - np.uint64(1)) == 0
        page, marks, oldest, newest = page[kept], marks[kept], oldest[kept], newest[kept]
        bounds = np.searchsorted(page, np.arange(len(table.pages) + 1)).tolist()
    spans = zip(table.pages, bounds, bounds[1:], strict=False)
    places = {key: _Place(first, last, level.get(at, 0)) for at, (key, first, last) in enumerate(spans) if first < last}
    base = int(oldest.min()) if len(oldest) else 0
    return _Settled(places, marks, base, _narrow(oldest, base), _narrow(newest, base), _sums(table))


def _narrow(pane: npt.NDArray[np.int64], base: int) -> npt.NDArray[np.int32]:
    return np.minimum(pane - base, _PANES_MAX).astype(np.int32)


def _sums(table: Table) -> dict[str, tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]]:
    """Each page's cells, once each, and their counts."""
    order = counting.order(table.page, table.cell.astype(np.uint64))
    page, cell, count = table.page[order], table.cell[order], table.count[order]
    starts = _starts(page, cell)
    if not len(starts):
        return {}
    cells, counts = cell[starts].astype(np.int32), np.add.reduceat(count, starts).astype(np.int32)
    page = page[starts]
    bounds = np.searchsorted(page, np.arange(len(table.pages) + 1)).tolist()
    spans = zip(table.pages, bounds, bounds[1:], strict=False)
    return {key: (cells[first:last], counts[first:last]) for key, first, last in spans if first < last}


def _starts(page: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Where each (page, other) begins; they are in order."""
    fresh = np.ones(len(page), np.bool_)
    fresh[1:] = (page[1:] != page[:-1]) | (other[1:] != other[:-1])
    return np.flatnonzero(fresh)

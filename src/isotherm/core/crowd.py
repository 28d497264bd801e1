"""The crowd: who was on which tile within the window that slides, for any page that somebody asks about.

What is fed waits in *slots* of some seconds, by its arrival; where much comes, several for the same seconds. A slot that is over is
*settled* once: each (page, session, cell) in it becomes one mark, with the oldest and the newest pane in which it occurs. A question looks
at its page's marks of all slots and keeps those whose panes meet the window.

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
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counts import Counts, CountsToRead, read
from isotherm.core.folding import Folded
from isotherm.core.people import MARKS_MAX, Marks
from isotherm.core.rollup import Table

__all__ = ["Crowd"]

_READ_MAX = 1 << 20  #: marks of one answer: what was settled is not thinned further
_PANES_MAX = 0xFFFF_FFFF  #: of a slot, more than any window: a sample of 1970 makes no column wider than 32 bits
_ROWS_ENOUGH = 1 << 18  #: of a slot as they came, some 40 bytes each: then another begins, so that this one can be settled
_SLOTS = 20  #: of a window: the finer, the less is looked at beyond its start; the coarser, the more marks of a session are one


class _Grouped(NamedTuple):
    """Rows of pages, one page's after the other's: those from `bounds[at]` to before `bounds[at + 1]` are of the page at that place."""

    bounds: npt.NDArray[Any]

    def of(self, at: int) -> slice:
        return slice(int(self.bounds[at]), int(self.bounds[at + 1]))


@dataclass(slots=True, frozen=True)
class _Settled:
    """Marks by page, each page's ascending, and sums by page. A slot is kept for the whole window, and is as much as all that was done in
    it; so a session stands there once a page, and each column is of the smallest type that holds it."""

    places: dict[str, int]  #: of each page in what is grouped
    levels: dict[int, int]  #: of the pages that have one above 0, by place
    sessions: _Grouped
    session: npt.NDArray[np.uint32]  #: hashed
    size: npt.NDArray[Any]  #: how many marks it has
    marks: _Grouped
    cell: npt.NDArray[Any]
    base: int  #: the pane that the oldest are counted from
    oldest: npt.NDArray[Any]
    lasting: npt.NDArray[Any]  #: panes from the oldest to the newest
    sums: _Grouped
    sum_cell: npt.NDArray[Any]  #: each once a page
    sum_count: npt.NDArray[Any]

    def marks_of(self, at: int, first: int, end: int) -> Marks:
        """Those of the page at a place whose panes meet ``[first, end)``."""
        rows, sessions = self.marks.of(at), self.sessions.of(at)
        oldest = self.oldest[rows].astype(np.int64) + self.base
        within = (oldest + self.lasting[rows].astype(np.int64) >= first) & (oldest < end)
        who = np.repeat(self.session[sessions].astype(np.uint64), self.size[sessions])
        return Marks((who << np.uint64(32) | self.cell[rows].astype(np.uint64))[within], self.levels.get(at, 0))


class _Slot:
    """Either counts as they came, or settled. `state` is replaced whole, so that another thread may settle."""

    __slots__ = ("newest", "number", "rows", "state")

    def __init__(self, number: int) -> None:
        self.number = number
        self.newest = -1
        self.rows = 0
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
        if not self._slots or self._slots[-1].number != number or self._slots[-1].rows > _ROWS_ENOUGH:
            first = taken_ms // self._hop_ms - self._window_panes
            self._slots = [slot for slot in self._slots if slot.newest >= first]
            self._slots.append(_Slot(number))
        slot = self._slots[-1]
        if counts.people and counts.rows:
            assert isinstance(slot.state, list), "only slots that are over are settled"
            slot.state.append(counts)
            slot.newest = max(slot.newest, counts.newest_pane)
            slot.rows += counts.rows

    def settle(self) -> bool:
        """Settles the slots that are over; whether there were any that held something."""
        settled = False
        for slot in self._slots[:-1]:
            if isinstance(slot.state, list):
                settled |= bool(slot.state)
                slot.state = _settled(list(map(read, slot.state)), self._tiles, self._hop_ms)
        return settled

    def marks(self, page: str, end_ms: int) -> Marks:
        """Who was on which cell of a page in the window that ends then."""
        end = end_ms // self._hop_ms
        return Marks.joined(self._parts(page, end - self._window_panes, end), _READ_MAX)

    @property
    def slot_ms(self) -> int:
        return self._slot_ms

    def parts(self, page: str, end_ms: int) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """The window in parts, by arrival: the end of each slot's seconds, cells (any number of times), and counts."""
        for number, slots in groupby(self._slots, key=lambda slot: slot.number):
            at_ms = (number + 1) * self._slot_ms
            if end_ms - self._window_panes * self._hop_ms < at_ms <= end_ms + self._slot_ms:
                found = [self._sums(slot, page) for slot in slots]
                cells, counts = zip(*found, strict=True)
                yield at_ms, np.concatenate(cells), np.concatenate(counts)

    def _sums(self, slot: _Slot, page: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """A page's cells, any number of times, and their counts."""
        state = slot.state
        if isinstance(state, list):
            table = Table.of(list(map(read, state)), self._tiles, page)
            return table.cell, table.count
        at = state.places.get(page)
        rows = state.sums.of(at) if at is not None else slice(0)
        return state.sum_cell[rows].astype(np.int64), state.sum_count[rows].astype(np.int64)

    def _parts(self, page: str, first: int, end: int) -> Iterator[Marks]:
        for slot in self._slots:
            state = slot.state
            if isinstance(state, list):
                table = Table.of(list(map(read, state)), self._tiles, page)
                within = (table.seen_pane >= first) & (table.seen_pane < end)
                yield Marks.of(table.who[within], table.seen_cell[within], _READ_MAX)
            elif page in state.places:
                yield state.marks_of(state.places[page], first, end)


class _Gathered(NamedTuple):
    """A slot's marks, by page and each page's ascending, each once; and its cells likewise."""

    places: dict[str, int]  #: of pages
    page: npt.NDArray[np.int64]  #: of each mark
    marks: npt.NDArray[np.uint64]
    oldest: npt.NDArray[np.int64]
    newest: npt.NDArray[np.int64]
    sum_page: npt.NDArray[np.int64]  #: of each cell
    sum_cell: npt.NDArray[np.int64]
    sum_count: npt.NDArray[np.int64]


def _settled(counts: list[Counts], tiles: int, hop_ms: int) -> _Settled:
    gathered = _gathered(counts, tiles, hop_ms) if counting.compiled is not None else _gathered_with_numpy(Table.of(counts, tiles))
    places, page, marks, oldest, newest, sum_page, sum_cell, sum_count = gathered
    if len(newest):
        floor = newest.max() - _PANES_MAX
        oldest, newest = np.maximum(oldest, floor), np.maximum(newest, floor)
    number = len(places)
    levels = _levels(page, marks, number)
    if levels:
        level_of = np.zeros(number, np.uint64)
        level_of[list(levels)] = list(levels.values())
        kept = (marks >> np.uint64(32)) & ((np.uint64(1) << level_of[page]) - np.uint64(1)) == 0
        page, marks, oldest, newest = page[kept], marks[kept], oldest[kept], newest[kept]
    base = int(oldest.min()) if len(oldest) else 0
    who = (marks >> np.uint64(32)).astype(np.uint32)
    first = _starts(page, who)
    return _Settled(
        places=places,
        levels=levels,
        sessions=_grouped(page[first], number),
        session=who[first],
        size=_narrow(np.diff(np.append(first, len(page)))),
        marks=_grouped(page, number),
        cell=_narrow(marks.astype(np.uint32)),
        base=base,
        oldest=_narrow(oldest - base),
        lasting=_narrow(newest - oldest),
        sums=_grouped(sum_page, number),
        sum_cell=_narrow(sum_cell),
        sum_count=_narrow(sum_count),
    )


def _gathered(counts: list[Counts], tiles: int, hop_ms: int) -> _Gathered:
    folded = Folded(counts, tiles=tiles, hop_ms=hop_ms, span_ms=0, with_panes=True)
    told = folded.tell([[group] for group in range(len(folded.page))])
    page, sum_page = (np.repeat(folded.page, np.diff(ends, prepend=0)) for ends in (told.mark_ends, told.cell_ends))
    return _Gathered(folded.places, page, told.mark, told.oldest, told.newest, sum_page, told.cell, told.counts)


def _gathered_with_numpy(table: Table) -> _Gathered:
    marks = (table.who.astype(np.uint64) << np.uint64(32)) | table.seen_cell.astype(np.uint64)
    order = counting.order(table.seen_page, marks)
    page, marks, pane = table.seen_page[order], marks[order], table.seen_pane[order]
    starts = _starts(page, marks)
    oldest: Any = np.minimum.reduceat(pane, starts) if len(starts) else pane
    newest: Any = np.maximum.reduceat(pane, starts) if len(starts) else pane
    places = {key: at for at, key in enumerate(table.pages)}
    return _Gathered(places, page[starts], marks[starts], oldest, newest, *_sums(table))


def _levels(page: npt.NDArray[np.int64], marks: npt.NDArray[np.uint64], number: int) -> dict[int, int]:
    """The levels of those of `number` pages whose marks are too many."""
    bounds = np.searchsorted(page, np.arange(number + 1))
    many = np.flatnonzero(np.diff(bounds) > MARKS_MAX).tolist()
    return {at: Marks.joined([Marks(marks[bounds[at] : bounds[at + 1]])]).level for at in many}


def _sums(table: Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Each page's cells, once each, and their counts, ordered by page."""
    order = counting.order(table.page, table.cell.astype(np.uint64))
    page, cell, count = table.page[order], table.cell[order], table.count[order]
    starts = _starts(page, cell)
    return page[starts], cell[starts], np.add.reduceat(count, starts) if len(starts) else count


def _grouped(page: npt.NDArray[np.int64], number: int) -> _Grouped:
    """How the rows of `number` pages lie, which are ordered by page."""
    return _Grouped(_narrow(np.searchsorted(page, np.arange(number + 1))))


def _narrow(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy of whole numbers, none below 0, in the smallest type that holds them."""
    return column.astype(np.min_scalar_type(int(column.max()) if len(column) else 0))


def _starts(page: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Where each (page, other) begins; they are in order."""
    fresh = np.ones(len(page), np.bool_)
    fresh[1:] = (page[1:] != page[:-1]) | (other[1:] != other[:-1])
    return np.flatnonzero(fresh)

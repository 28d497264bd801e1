"""Zone sums: samples, people and references of each zone of each page, as panes come into the window and leave it.

An *entry* is four whole numbers of 32 bits: row (of a zone of a page), kind, person, count; a pane is a list of entries. `loops/zones.c` is
the same, compiled, and what is used where there was a compiler. A person is on a row until the last pane in which they were there leaves.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counts import ZoneCounts
from isotherm.core.layers import KINDS

__all__ = ["Entries", "PlainZoneSums", "ZoneSums", "arranged", "pairs_of", "zone_sums"]

#: One line an entry: row, kind, person, count; dtype int32, C-contiguous.
Entries = npt.NDArray[np.int32]


_PANES_MAX: Final = 4096  #: between the oldest and the newest of one call: beyond it, of a wild clock, they are sorted


class ZoneSums(Protocol):
    """Rows and pages are small numbers of the caller's, used again once they are free."""

    def make(self, row: int, page: int, /) -> None:
        """A row begins, empty."""

    def refer(self, entries: Any, /) -> None:
        """The rows are named once more, an entry each."""

    def drop(self, entries: Any, /) -> list[int]:
        """The opposite; returns rows that nothing names any more."""
        ...

    def enter(self, entries: Any, pane: int, /) -> None:
        """Entries of one pane come into the window."""

    def leave(self, entries: Any, pane: int, /) -> None:
        """They leave it."""

    def recent(self, entries: Any, sign: int, kinds: int, /) -> None:
        """They come into the newest part of the window (1), or leave it (-1). Only the first so many kinds count."""

    def of(self, row: int, kinds: int, /) -> tuple[list[int], int, int]:
        """Samples of the window by kind, samples of its newest part of the kinds that count there, and people."""
        ...

    def people(self, page: int, /) -> int:
        """Distinct persons on any row of the page, in the window."""
        ...


def zone_sums() -> ZoneSums:
    return counting.compiled.ZoneSums() if counting.compiled is not None else PlainZoneSums()


def pairs_of(counts: ZoneCounts) -> tuple[list[int], npt.NDArray[np.int32]]:
    """The different (page, zone) in the order in which they come: the first row of each; and of each row, which it has."""
    if counting.compiled is not None:
        pair = np.empty(len(counts.page), np.int32)
        return counting.compiled.pairs(counts.page, counts.zone, pair), pair
    _, first, inverse = np.unique(counts.page * len(counts.names) + counts.zone, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return first[order].tolist(), place[inverse]


def arranged(
    counts: ZoneCounts, pair: npt.NDArray[np.int32], rows: npt.NDArray[np.int32]
) -> tuple[Entries, list[tuple[int, int, int]], int]:
    """Entries by pane; of each pane its number and where its entries start and stop; and the samples of rows below 0, left out.

    `rows` are those of the pairs.
    """
    lowest, highest = int(counts.pane.min()), int(counts.pane.max())
    if counting.compiled is not None and highest - lowest < _PANES_MAX:
        starts, made = np.zeros(highest - lowest + 3, np.int64), np.empty((len(pair), 4), np.int32)
        left_out = counting.compiled.arrange(pair, rows, counts.pane, counts.kind, counts.person, counts.count, lowest, starts, made)
        ends = starts.tolist()
        parts = [(lowest + at, ends[at], ends[at + 1]) for at in range(highest - lowest + 1) if ends[at] < ends[at + 1]]
        return made[: ends[-1]], parts, left_out
    row = rows[pair]
    known = np.flatnonzero(row >= 0)
    order = known[np.argsort(counts.pane[known], kind="stable")]
    person = counts.person[order].view(np.int32)
    entries = np.stack((row[order], counts.kind[order], person, counts.count[order]), axis=1, dtype=np.int32, casting="unsafe")
    panes, first = np.unique(counts.pane[order], return_index=True)
    stops = [*first[1:].tolist(), len(order)]
    parts = list(zip(panes.tolist(), first.tolist(), stops, strict=True))
    return np.ascontiguousarray(entries), parts, int(counts.count.sum() - counts.count[order].sum())


class _Row:
    __slots__ = ("counts", "page", "people", "recent", "references")

    def __init__(self, page: int) -> None:
        self.page = page
        self.counts = [0] * len(KINDS)
        self.recent = 0
        self.people: dict[int, int] = {}  # person -> the last pane of the window in which they were here
        self.references = 0  # entries that name it


class PlainZoneSums:
    """In Python: some microseconds an entry."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    def make(self, row: int, page: int, /) -> None:
        self._rows[row] = _Row(page)

    def refer(self, entries: Any, /) -> None:
        for row, _, _, _ in entries.tolist():
            self._rows[row].references += 1

    def drop(self, entries: Any, /) -> list[int]:
        empty = []
        for row, _, _, _ in entries.tolist():
            self._rows[row].references -= 1
            if not self._rows[row].references:
                empty.append(row)
        return empty

    def enter(self, entries: Any, pane: int, /) -> None:
        for at, kind, person, count in entries.tolist():
            row = self._rows[at]
            row.counts[kind] += count
            if row.people.get(person, pane) <= pane:
                row.people[person] = pane

    def leave(self, entries: Any, pane: int, /) -> None:
        for at, kind, person, count in entries.tolist():
            row = self._rows[at]
            row.counts[kind] -= count
            if row.people.get(person) == pane:
                del row.people[person]

    def recent(self, entries: Any, sign: int, kinds: int, /) -> None:
        for row, kind, _, count in entries.tolist():
            if kind < kinds:
                self._rows[row].recent += sign * count

    def of(self, row: int, kinds: int, /) -> tuple[list[int], int, int]:
        found = self._rows[row]
        return found.counts[:kinds], found.recent, len(found.people)

    def people(self, page: int, /) -> int:
        return len(set().union(*(row.people for row in self._rows.values() if row.page == page)))

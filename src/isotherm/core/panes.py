"""Panes: the sparse panes of all rows, and the window that is their sum.

Twice, as all of `counting`: in numpy here, and compiled (`loops/panes.c` and those beside it), where a pane is one list of 8 bytes an entry
and a hop one call. There, what comes to a row that nobody watches stands in a list of its own, summed when somebody looks (`loops/cold.c`).
Counts that come between hops wait for the next one. A pane that leaves the window, or lies further ahead than the skew allows, goes.

The arrays of rows are the aggregator's: `slab`, a row's tiles one behind the other (`dense_rows` rows; what lies beyond is handed back);
`totals`, a row's samples in the window; `watched`, whether changes of a row are wanted; `references`, how many entries of panes name a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counts import Counts
from isotherm.core.layers import LAYERS, PLAIN_LAYERS

__all__ = ["NumpyPanes", "Panes", "RowArrays", "Slid", "make_panes", "places_of"]

_LOOSE_CHUNKS = 16  #: of a pane, before they are joined: a chunk is two arrays, some hundred bytes each however few its rows are
_LOOSE_ROWS = 256  #: and one more for so many rows that are joined, so that joining copies no row more than some times
_CALM_PANES = 64  #: a pane of so many hops ago is joined: trackers gather for some seconds, then little comes
_COLD_LOOKS_MAX = 4096  #: entries of a row that nobody watches, summed at each look; of more, once: then the row is kept as a watched one
_BY_BITS = 24  #: of a note in the compiled loops: what its cell changes by

_NO_CELLS: npt.NDArray[np.int64] = np.zeros(0, np.int64)
_NO_COUNTS: npt.NDArray[np.int32] = np.zeros(0, np.int32)


class RowArrays(NamedTuple):
    """One element a row; of the slab one a tile."""

    slab: npt.NDArray[np.int32]
    totals: npt.NDArray[np.int64]
    watched: npt.NDArray[np.bool_]
    references: npt.NDArray[np.int64]


class Slid(NamedTuple):
    """What one hop did."""

    tiles: npt.NDArray[np.int64]  #: of watched rows whose count is another now: row by row, ascending in each
    counts: npt.NDArray[Any]  #: their counts now
    places: dict[int, slice]  #: where the tiles of each row stand
    dropped: list[int]  #: rows that no pane names any more
    late: int  #: samples older than the window
    ahead: int  #: samples further ahead than the skew allows
    beyond: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None  #: cells of rows beyond the slab, and by how much they change


class Panes(Protocol):
    """Numbers of panes are event times over the hop; a window that ends at `end` covers the panes below it."""

    def __len__(self) -> int:
        """Panes that hold anything, or wait."""
        ...

    def bind(self, arrays: RowArrays) -> None:
        """To be called first, and whenever one of the arrays is another. Where it raises, those before stay bound."""

    def merge(self, places: npt.NDArray[np.int64], counts: Counts, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64] | None:
        """Takes counts; `places` is that of each of their pages in `rows[place, layer]`. Returns the samples of each page, of plain kinds.

        None, and nothing is done: there are counts without a row.
        """

    def advance(self, old: int | None, new: int) -> Slid:
        """Brings the window from ending at pane `old` to ending at `new`; also over a leap of the clock, either way."""
        ...

    def bytes_held(self) -> int:
        """Of all that was counted, in panes or waiting."""
        ...

    def warm(self, row: int) -> None:
        """To be called before a row is watched: from then on all of its window is in the slab and in its total."""

    def add_cold(self, row: int, window: npt.NDArray[np.int64]) -> None:
        """Adds to `window`, one element a tile, what the slab does not have of the row's, as of the last hop. Look at the slab before."""

    def add_cold_totals(self, rows: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]) -> int:
        """The same for samples in the windows of rows; below 0 there is none. `totals` is added to. Returns how many entries were read."""


def make_panes(tiles: int, dense_rows: int, window_panes: int, skew_panes: int) -> Panes:
    """Rows of `tiles`; panes are kept up to `skew_panes` behind the window's end."""
    kind = NumpyPanes if counting.compiled is None else _CompiledPanes
    return kind(tiles, dense_rows, window_panes, skew_panes)


def places_of(rows: npt.NDArray[np.int64], begin: int = 0) -> dict[int, slice]:
    """Where each row stands in a column of rows that ascend, if the column begins there."""
    each, starts = np.unique(rows, return_index=True)
    bounds = pairwise(begin + start for start in (*starts.tolist(), len(rows)))
    return {row: slice(*bound) for row, bound in zip(each.tolist(), bounds, strict=True)}


class _CompiledPanes:
    def __init__(self, tiles: int, dense_rows: int, window_panes: int, skew_panes: int) -> None:
        assert counting.compiled is not None
        self._panes = counting.compiled.Panes(tiles, dense_rows, window_panes, skew_panes, _COLD_LOOKS_MAX)

    def __len__(self) -> int:
        return len(self._panes)

    def bind(self, arrays: RowArrays) -> None:
        self._panes.bind(*arrays)

    def merge(self, places: npt.NDArray[np.int64], counts: Counts, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64] | None:
        samples = np.zeros(len(places))
        done = self._panes.merge(
            places, counts.page, counts.layer, counts.pane, counts.tile, counts.count, rows, LAYERS, PLAIN_LAYERS, samples
        )
        return samples if done else None

    def advance(self, old: int | None, new: int) -> Slid:
        tiles, counts, places, dropped, late, ahead, notes = self._panes.advance(old, new)
        beyond = None
        if notes:
            note = np.frombuffer(notes, np.int64)
            beyond = note >> _BY_BITS, note << (64 - _BY_BITS) >> (64 - _BY_BITS)
        return Slid(np.frombuffer(tiles, np.int64), np.frombuffer(counts, np.int32), places, dropped, late, ahead, beyond)

    def bytes_held(self) -> int:
        return self._panes.bytes_held()

    def warm(self, row: int) -> None:
        self._panes.warm(row)

    def add_cold(self, row: int, window: npt.NDArray[np.int64]) -> None:
        self._panes.add_cold(row, window)

    def add_cold_totals(self, rows: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]) -> int:
        read: int = self._panes.add_cold_totals(rows, totals)
        return read


@dataclass(slots=True)
class _Pane:
    """Cells and counts of one pane, as chunks in the order they came, joined now and then. A cell is ``row x tiles + tile``."""

    cells: list[npt.NDArray[np.int64]]
    counts: list[npt.NDArray[np.int32]]
    chunks_max: int = _LOOSE_CHUNKS

    def add(self, cells: npt.NDArray[np.int64], counts: npt.NDArray[np.int32]) -> None:
        self.cells.append(cells)
        self.counts.append(counts)
        if len(self.cells) > self.chunks_max:
            joined, _ = self.joined()
            self.chunks_max = _LOOSE_CHUNKS + len(joined) // _LOOSE_ROWS

    def joined(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        if len(self.cells) > 1:
            self.cells, self.counts = [np.concatenate(self.cells)], [np.concatenate(self.counts)]
        return self.cells[0], self.counts[0]


class NumpyPanes:
    """`Panes` where there are no compiled loops."""

    def __init__(self, tiles: int, dense_rows: int, window_panes: int, skew_panes: int) -> None:
        self._tiles = tiles
        self._bound = dense_rows * tiles
        self._window_panes, self._skew_panes = window_panes, skew_panes
        self._panes: dict[int, _Pane] = {}
        self._waiting: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]]] = []  # panes, cells, counts
        self._arrays = RowArrays(_NO_COUNTS, _NO_CELLS, np.zeros(0, np.bool_), _NO_CELLS)

    def __len__(self) -> int:
        return len(self._panes) + len(self._waiting)

    def bind(self, arrays: RowArrays) -> None:
        self._arrays = arrays

    def merge(self, places: npt.NDArray[np.int64], counts: Counts, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64] | None:
        if not len(counts.page):
            return np.zeros(len(places))
        place = places[counts.page]
        row = rows[place, counts.layer]
        if place.min() < 0 or row.min() < 0:
            return None
        np.add.at(self._arrays.references, row, 1)
        self._waiting.append((counts.pane, row * self._tiles + counts.tile, counts.count.copy()))
        of_page: npt.NDArray[Any] = np.bincount(
            counts.page, weights=np.where(counts.layer < PLAIN_LAYERS, counts.count, 0), minlength=len(places)
        )
        return of_page

    def advance(self, old: int | None, new: int) -> Slid:
        chunks: list[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]] = []  # cells, and by how much they change
        dropped: list[int] = []
        ahead = self._slide(old, new, chunks, dropped) if old is not None else 0
        late, more_ahead = self._settle(new, chunks, dropped)
        calm = self._panes.get(new - _CALM_PANES)
        if calm is not None:
            calm.joined()
        if not chunks:
            return Slid(_NO_CELLS, _NO_COUNTS, {}, dropped, late, ahead + more_ahead, None)
        cells, by = map(np.concatenate, zip(*chunks, strict=True))
        within = cells < self._bound
        beyond = None if within.all() else (cells[~within], by[~within].astype(np.int64))
        return Slid(*self._add(cells[within], by[within]), dropped, late, ahead + more_ahead, beyond)

    def bytes_held(self) -> int:
        kept: list[npt.NDArray[Any]] = []
        for pane in self._panes.values():
            kept += [*pane.cells, *pane.counts]
        for waiting in self._waiting:
            kept += waiting
        return sum(column.nbytes for column in kept)

    def warm(self, row: int) -> None:
        """Nothing: here all rows are alike."""

    def add_cold(self, row: int, window: npt.NDArray[np.int64]) -> None:
        """Nothing: the slab has all."""

    def add_cold_totals(self, rows: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]) -> int:
        """Nothing: the totals have all."""
        return 0

    def _slide(self, old: int, new: int, chunks: list[Any], dropped: list[int]) -> int:
        """Panes that come into the window and leave it. Returns how many samples lay too far ahead."""
        ahead, window = 0, self._window_panes
        step = 0 < new - old <= min(len(self._panes), window)
        for number in [*range(old, new), *range(old - window, new - window)] if step else list(self._panes):
            pane = self._panes.get(number)
            if pane is None:
                continue
            was_in, is_in = old - window <= number < old, new - window <= number < new
            cells, counts = pane.joined()
            if is_in != was_in:
                chunks.append((cells, counts if is_in else -counts))
            if number < new - window or number >= new + self._skew_panes:
                ahead += int(counts.sum()) if number >= new else 0
                self._drop(cells, dropped)
                del self._panes[number]
        return ahead

    def _settle(self, end: int, chunks: list[Any], dropped: list[int]) -> tuple[int, int]:
        """Puts what waited into the panes of its time, and into the window where that pane is in it. Returns what was late, and ahead."""
        if not self._waiting:
            return 0, 0
        pane, cells, counts = map(np.concatenate, zip(*self._waiting, strict=True))
        self._waiting = []
        first, last = end - self._window_panes, end + self._skew_panes
        inside = (pane >= first) & (pane < last)
        late, ahead = int(counts[pane < first].sum()), int(counts[pane >= last].sum())
        self._drop(cells[~inside], dropped)
        order = np.argsort(pane[inside], kind="stable")
        pane, cells, counts = (column[inside][order] for column in (pane, cells, counts))
        numbers, starts = np.unique(pane, return_index=True)
        for number, (start, stop) in zip(numbers.tolist(), pairwise([*starts.tolist(), len(pane)]), strict=True):
            kept = self._panes.setdefault(number, _Pane([], []))
            kept.add(cells[start:stop], counts[start:stop])
        past = int(np.searchsorted(pane, end))
        if past:
            chunks.append((cells[:past], counts[:past]))
        return late, ahead

    def _add(self, cells: npt.NDArray[np.int64], by: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], Any]:
        """Changes the window. Returns tiles, counts and places of watched rows, as `Slid` has them."""
        slab, totals, watched, _ = self._arrays
        rows = cells // self._tiles
        np.add.at(totals, rows, by)
        np.add.at(slab, cells, by)
        seen = watched[rows]
        which, inverse = np.unique(cells[seen], return_inverse=True)
        changed = which[np.bincount(inverse, weights=by[seen], minlength=len(which)) != 0]
        row, tiles = np.divmod(changed, self._tiles)
        return tiles, slab[changed], places_of(row)

    def _drop(self, cells: npt.NDArray[np.int64], dropped: list[int]) -> None:
        """Rows of these cells are named once less."""
        references = self._arrays.references
        rows = cells // self._tiles
        np.subtract.at(references, rows, 1)
        dropped += np.unique(rows[references[rows] == 0]).tolist()

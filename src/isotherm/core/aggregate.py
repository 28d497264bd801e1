"""The aggregator: panes of counts become hopping windows, on the clock.

The pane is the atom (Li et al., *No Pane, No Gain*, SIGMOD Record 2005): window ``[e - W, e)``, in panes, is the window before it plus
pane ``e - 1`` minus pane ``e - W - 1``. All pages and layers share one slab of integers, a *row* for each page and layer that has
samples, a column a tile; a *cell* is ``row x tiles + tile``. A hop adds and subtracts sparse panes, whatever the number of pages:

         dropped            the window, W panes             next     ahead, up to the skew
    ───┬─────────┬─────────┬─────────┬─ … ─┬─────────┬─────────┬─────────┬─
       │ e-W-1   │  e-W    │         │     │  e-1    │   e     │         │
    ───┴─────────┴─────────┴─────────┴─ … ─┴─────────┴─────────┴─────────┴─
     subtracted at hop e                    added at hop e

Counts that come between hops wait for the next one, so that what is shown is always what the last hop emitted. A late sample is put in
the pane of its own time, and the window if that is in it. Costs: O(rows of counts) a merge, O(cells of two panes) a hop.

When the clock leaps, forward or back, nothing is stepped through: panes that left the window are taken out, those in it are
kept, once.
"""

from __future__ import annotations

import math
from collections.abc import KeysView
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.counts import Counts
from isotherm.core.heat import Changes, Heat, PageNow, View
from isotherm.core.layers import LAYERS, layers_of
from isotherm.core.limits import CELLS_DENSE_MAX

__all__ = ["RATE_SPAN_MS", "Aggregator", "Hop"]

RATE_SPAN_MS = 5_000.0  #: a page's rate is smoothed exponentially over this span: jittery below, sluggish above


@dataclass(slots=True)
class _Pane:
    """Counts of one pane, as chunks in the order they came."""

    cells: list[npt.NDArray[np.int64]]
    counts: list[npt.NDArray[np.int32]]

    def joined(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        if len(self.cells) > 1:
            self.cells, self.counts = [np.concatenate(self.cells)], [np.concatenate(self.counts)]
        return self.cells[0], self.counts[0]


class _Page:
    """What is kept of a page beside its rows."""

    __slots__ = ("key", "newest_ms", "offsets", "origin", "rate", "rate_at_ms", "rows", "visitors", "visitors_of", "watched")

    def __init__(self, key: str, watched: bool) -> None:
        self.key = key
        self.rows: list[int] = [-1] * LAYERS
        self.origin: str | None = None
        self.visitors = 0
        self.visitors_of: dict[int, int] = {}  # source -> sessions on the page, as it knows them
        self.offsets: dict[int, int] = {}  # source -> its newest record that was merged
        self.newest_ms = 0
        self.rate = 0.0
        self.rate_at_ms = 0
        self.watched = watched

    def rate_now(self, now_ms: int) -> float:
        return self.rate * math.exp(-max(0, now_ms - self.rate_at_ms) / RATE_SPAN_MS)

    def set_visitors(self, source: int, number: int) -> bool:
        """True: the sum over all sources changed."""
        before = self.visitors_of.get(source, 0)
        if number:
            self.visitors_of[source] = number
        else:
            self.visitors_of.pop(source, None)
        self.visitors += number - before
        return number != before


class Hop:
    """One emission: the end of the window and what changed in the rows of watched pages."""

    __slots__ = ("_aggregator", "_ends", "_rows", "_tiles", "end_ms")

    def __init__(self, aggregator: Aggregator, end_ms: int, cells: npt.NDArray[np.int64]) -> None:
        self.end_ms = end_ms
        self._aggregator = aggregator
        rows, self._tiles = np.divmod(cells, aggregator.tiles)
        found, starts = np.unique(rows, return_index=True)
        self._ends = np.append(starts, len(cells)).tolist()
        self._rows = {row: at for at, row in enumerate(found.tolist())}

    def changed_pages(self) -> list[str]:
        """Keys of the watched pages that changed."""
        return list({self._aggregator.page_of_row(row): None for row in self._rows})

    def changes(self, view: View) -> Changes | None:
        """What changed in a view of a watched page; None: nothing did."""
        places = [self._rows[row] for row in self._aggregator.rows_of(view) if row in self._rows]
        if not places:
            return None
        parts = [self._tiles[self._ends[at] : self._ends[at + 1]] for at in places]
        tiles = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts))
        return Changes(tiles, self._aggregator.counts_at(view, tiles))


class Aggregator:
    """Windows of all pages. `merge` counts, `advance` the clock at least every hop, ask for `whole` views at any time.

    `window_ms` and `skew_ms` are whole multiples of `hop_ms`; `skew_ms` is how far event times may lie ahead of the clock.
    """

    def __init__(
        self,
        *,
        grid_size: int,
        window_ms: int,
        hop_ms: int,
        skew_ms: int,
        cells_dense_max: int = CELLS_DENSE_MAX,
    ) -> None:
        if window_ms % hop_ms:
            raise ValueError(f"expected the window ({window_ms} ms) to be a multiple of the hop ({hop_ms} ms)")
        self.grid_size = grid_size
        self.tiles = grid_size * grid_size
        self.window_ms = window_ms
        self.hop_ms = hop_ms
        self._window_panes = window_ms // hop_ms
        self._skew_panes = -(-skew_ms // hop_ms) + 1
        self._dense_rows = max(1, cells_dense_max // self.tiles)
        self._slab: npt.NDArray[np.int32] = np.zeros(self._dense_rows * self.tiles, np.int32)
        self._sparse: dict[int, dict[int, int]] = {}  # row beyond the slab -> tile -> count
        self._panes: dict[int, _Pane] = {}
        self._waiting: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int32]]] = []
        self._end: int | None = None  # the window covers panes below this one
        self._pages: dict[str, _Page] = {}
        self._page_of_row: list[_Page | None] = []
        self._free_rows: list[int] = []
        self._dropped: list[npt.NDArray[np.int64]] = []  # rows of what left the ring since the last hop
        self._references: npt.NDArray[np.int64] = np.zeros(64, np.int64)  # a row: pane rows that name it
        self._totals: npt.NDArray[np.int64] = np.zeros(64, np.int64)  # a row: samples in the window
        self._watched_rows: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        self._watched: dict[str, int] = {}
        self._watch_all = 0
        self._restless: set[str] = set()  # watched pages whose number of visitors changed without a sample
        self.late = 0  #: samples older than the window: they belong to history alone
        self.ahead = 0  #: samples further ahead of the clock than the skew allows

    # -- what comes in

    def merge(self, counts: Counts, now_ms: int, source: int = 0, offset: int | None = None) -> None:
        """Takes counts of any panes; they show from the next hop on.

        `source` is who counted (a partition of `clickstream`), `offset` the number of its record: what was merged of a page up to
        there is not merged again, so that a source may tell twice. A source tells of a page in the order of its offsets.
        """
        if offset is not None:
            fresh = [not self._merged(key, source, offset) for key in counts.pages]
            if not all(fresh):
                counts = counts.only(fresh)
        row_of_layer = np.full(len(counts.pages) * LAYERS, -1, np.int64)
        used, inverse = np.unique(counts.page * LAYERS + counts.layer, return_inverse=True)
        sums = np.bincount(inverse, weights=counts.count, minlength=len(used)).tolist() if len(used) else []
        arrived = [0.0] * len(counts.pages)
        for at, samples in zip(used.tolist(), sums, strict=True):
            page_at, layer = divmod(at, LAYERS)
            row_of_layer[at] = self._row(counts.pages[page_at], layer)
            arrived[page_at] += samples
        for page_at, key in enumerate(counts.pages):
            page = self._pages.get(key)
            if page is None:
                continue
            if offset is not None:
                page.offsets[source] = offset
            if page.set_visitors(source, counts.visitors[page_at]) and page.watched and not arrived[page_at]:
                self._restless.add(key)
            page.origin = counts.origins[page_at] or page.origin
            page.newest_ms = max(page.newest_ms, counts.newest_ms[page_at])
            if arrived[page_at]:
                page.rate = page.rate_now(now_ms) + arrived[page_at] * 1000 / RATE_SPAN_MS
                page.rate_at_ms = now_ms
        if len(used):
            rows = row_of_layer[used][inverse]
            np.add.at(self._references, rows, 1)
            self._waiting.append((counts.pane, rows * self.tiles + counts.tile, counts.count))

    def _merged(self, key: str, source: int, offset: int) -> bool:
        page = self._pages.get(key)
        return page is not None and page.offsets.get(source, -1) >= offset

    def set_visitors(self, visitors: dict[str, int], source: int = 0) -> None:
        """Pages whose number of visitors changed without a sample."""
        for key, number in visitors.items():
            page = self._pages.get(key)
            if page is not None and page.set_visitors(source, number) and page.watched:
                self._restless.add(key)

    # -- the clock

    def advance(self, now_ms: int) -> Hop | None:
        """Brings the window up to the clock. Returns the newest window once its end has passed; None in between."""
        end = now_ms // self.hop_ms
        if end == self._end:
            return None
        self._forget()
        cells: list[npt.NDArray[np.int64]] = []
        counts: list[npt.NDArray[np.int32]] = []
        if self._end is not None:
            self._slide(self._end, end, cells, counts)
        self._end = end
        self._settle(cells, counts)
        changed = self._apply(np.concatenate(cells), np.concatenate(counts)) if cells else np.zeros(0, np.int64)
        return Hop(self, end * self.hop_ms, changed)

    @property
    def idle(self) -> bool:
        """Nothing is in the ring: time may pass without telling."""
        return not self._panes and not self._waiting

    def _slide(self, old: int, new: int, cells: list[Any], counts: list[Any]) -> None:
        """Moves the window from ending at pane `old` to ending at `new`; also over a leap of the clock, either way."""
        step = new - old
        numbers: Any
        if 0 < step < len(self._panes):
            numbers = [*range(old, new), *range(old - self._window_panes, new - self._window_panes)]
            if step > self._window_panes:
                numbers = sorted(set(numbers))
        else:
            numbers = list(self._panes)
        for number in numbers:
            pane = self._panes.get(number)
            if pane is None:
                continue
            was_in = old - self._window_panes <= number < old
            is_in = new - self._window_panes <= number < new
            pane_cells, pane_counts = pane.joined()
            if is_in != was_in:
                cells.append(pane_cells)
                counts.append(pane_counts if is_in else -pane_counts)
            if number < new - self._window_panes or number >= new + self._skew_panes:
                if number >= new:
                    self.ahead += int(pane_counts.sum())
                self._drop(pane_cells)
                del self._panes[number]

    def _settle(self, cells: list[Any], counts: list[Any]) -> None:
        """Puts what waited into the panes of its time, and into the window where that pane is in it."""
        assert self._end is not None
        first, last = self._end - self._window_panes, self._end + self._skew_panes
        for pane, cell, count in self._waiting:
            numbers, starts = np.unique(pane, return_index=True)
            if len(numbers) == 1:
                pieces = [(cell, count)]
            else:  # Group By hands rows on in the order of their panes; another source may not
                order = np.argsort(pane, kind="stable")
                starts = np.searchsorted(pane[order], numbers)
                pieces = list(zip(np.split(cell[order], starts[1:]), np.split(count[order], starts[1:]), strict=True))
            for number, (piece, piece_counts) in zip(numbers.tolist(), pieces, strict=True):
                if not first <= number < last:
                    if number < first:
                        self.late += int(piece_counts.sum())
                    else:
                        self.ahead += int(piece_counts.sum())
                    self._drop(piece)
                    continue
                kept = self._panes.get(number)
                if kept is None:
                    self._panes[number] = _Pane([piece], [piece_counts])
                else:
                    kept.cells.append(piece)
                    kept.counts.append(piece_counts)
                if number < self._end:
                    cells.append(piece)
                    counts.append(piece_counts)
        self._waiting.clear()

    def _apply(self, cells: npt.NDArray[np.int64], counts: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """Adds signed counts to the window; returns the cells of watched rows that changed, ascending, each once."""
        rows = cells // self.tiles
        np.add.at(self._totals, rows, counts)
        if len(self._page_of_row) <= self._dense_rows:
            np.add.at(self._slab, cells, counts)
        else:
            dense = cells < self._dense_rows * self.tiles
            np.add.at(self._slab, cells[dense], counts[dense])
            for row, tile, count in zip(
                rows[~dense].tolist(),
                (cells[~dense] % self.tiles).tolist(),
                counts[~dense].tolist(),
                strict=True,
            ):
                kept = self._sparse.setdefault(row, {})
                number = kept.get(tile, 0) + count
                if number:
                    kept[tile] = number
                else:
                    kept.pop(tile, None)
        watched = self._watched_rows[rows]
        if not watched.any():
            return np.zeros(0, np.int64)
        which, inverse = np.unique(cells[watched], return_inverse=True)
        changed: npt.NDArray[np.int64] = which[np.bincount(inverse, weights=counts[watched]) != 0]
        return changed

    def _drop(self, cells: npt.NDArray[np.int64]) -> None:
        rows = cells // self.tiles
        np.subtract.at(self._references, rows, 1)
        self._dropped.append(rows)

    def _forget(self) -> None:
        """Frees rows that no pane names any more: their windows are empty, their pages may go.

        A hop after they became so, since that hop still tells that they went cold.
        """
        if not self._dropped:
            return
        rows = np.unique(np.concatenate(self._dropped))
        self._dropped.clear()
        for row in rows[self._references[rows] == 0].tolist():
            page = self._page_of_row[row]
            if page is None:
                continue  # freed already: it was dropped from more than once
            page.rows[page.rows.index(row)] = -1
            if max(page.rows) < 0:
                del self._pages[page.key]
                self._restless.discard(page.key)
            self._page_of_row[row] = None
            self._watched_rows[row] = False
            self._sparse.pop(row, None)
            self._free_rows.append(row)

    # -- rows

    def _row(self, key: str, layer: int) -> int:
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = _Page(key, bool(self._watch_all or key in self._watched))
        row = page.rows[layer]
        if row >= 0:
            return row
        if self._free_rows:
            row = self._free_rows.pop()
            self._page_of_row[row] = page
        else:
            row = len(self._page_of_row)
            self._page_of_row.append(page)
            if row == len(self._references):
                self._references = np.concatenate((self._references, np.zeros_like(self._references)))
                self._totals = np.concatenate((self._totals, np.zeros_like(self._totals)))
                self._watched_rows = np.concatenate((self._watched_rows, np.zeros_like(self._watched_rows)))
        self._watched_rows[row] = page.watched
        page.rows[layer] = row
        return row

    def rows_of(self, view: View) -> list[int]:
        """The rows that a view adds up; none where the page has no samples."""
        page = self._pages.get(view.page)
        if page is None:
            return []
        return [page.rows[layer] for layer in layers_of(view.kind, view.device).tolist() if page.rows[layer] >= 0]

    def page_of_row(self, row: int) -> str:
        page = self._page_of_row[row]
        assert page is not None, "a row that changed belongs to a page"
        return page.key

    # -- who watches

    def watch(self, page_key: str | None) -> None:
        """Changes of this page (None: of every page) are wanted, once more."""
        if page_key is None:
            self._watch_all += 1
        else:
            self._watched[page_key] = self._watched.get(page_key, 0) + 1
        self._watch_changed(page_key)

    def unwatch(self, page_key: str | None) -> None:
        """The opposite of one `watch`."""
        if page_key is None:
            self._watch_all -= 1
        elif self._watched[page_key] > 1:
            self._watched[page_key] -= 1
        else:
            del self._watched[page_key]
        self._watch_changed(page_key)

    def _watch_changed(self, page_key: str | None) -> None:
        pages = self._pages.values() if page_key is None else filter(None, [self._pages.get(page_key)])
        for page in pages:
            page.watched = bool(self._watch_all or page.key in self._watched)
            for row in page.rows:
                if row >= 0:
                    self._watched_rows[row] = page.watched

    # -- what goes out

    @property
    def end_ms(self) -> int:
        """End of the newest window; 0 before the first."""
        return (self._end or 0) * self.hop_ms

    def end_of(self, _page_key: str) -> int:
        """End of the newest window of a page: here all pages go in step."""
        return self.end_ms

    def take_restless(self) -> set[str]:
        """Watched pages whose number of visitors changed without a sample, since last asked."""
        restless, self._restless = self._restless, set()
        return restless

    @property
    def keys(self) -> KeysView[str]:
        """Keys of all live pages."""
        return self._pages.keys()

    def whole(self, view: View) -> Heat:
        """The newest emitted window of a view. Raises `ValueError` for a kind or device that does not exist."""
        layers_of(view.kind, view.device)
        total = np.zeros(self.tiles, np.int64)
        for row in self.rows_of(view):
            total += self._window_of(row)
        cells = np.flatnonzero(total)
        return Heat(self.end_ms, self.window_ms, self.grid_size, cells, total[cells])

    def counts_at(self, view: View, tiles: npt.NDArray[Any]) -> npt.NDArray[Any]:
        total = np.zeros(len(tiles), np.int64)
        for row in self.rows_of(view):
            if row < self._dense_rows:
                total += self._slab[row * self.tiles + tiles]
            else:
                kept = self._sparse.get(row, {})
                total += np.array([kept.get(tile, 0) for tile in tiles.tolist()], np.int64)
        return total

    def _window_of(self, row: int) -> npt.NDArray[Any]:
        if row < self._dense_rows:
            return self._slab[row * self.tiles : (row + 1) * self.tiles]
        window = np.zeros(self.tiles, np.int64)
        for tile, count in self._sparse.get(row, {}).items():
            window[tile] = count
        return window

    def page(self, key: str, now_ms: int) -> PageNow | None:
        """What is known of a live page; None: it has no samples within the window."""
        page = self._pages.get(key)
        return self._page_now(page, now_ms) if page is not None else None

    def pages(self, now_ms: int) -> list[PageNow]:
        """All live pages, hottest first."""
        return sorted(
            (self._page_now(page, now_ms) for page in self._pages.values()),
            key=lambda page: (-page.rate, -page.samples, page.key),
        )

    def _page_now(self, page: _Page, now_ms: int) -> PageNow:
        samples = sum(int(self._totals[row]) for row in page.rows if row >= 0)
        return PageNow(page.key, page.origin, page.visitors, samples, page.rate_now(now_ms), page.newest_ms)

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

from collections.abc import Iterable, Iterator, KeysView
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.counts import Counts
from isotherm.core.heat import NO_PULSE, Changes, Heat, PageNow, Pulse, View
from isotherm.core.layers import LAYERS, PLAIN_LAYERS, layers_of
from isotherm.core.limits import CELLS_DENSE_MAX
from isotherm.core.page_table import RATE_SPAN_MS, PageTable
from isotherm.core.panes import RowArrays, Slid, make_panes, places_of

__all__ = ["RATE_SPAN_MS", "Aggregator", "Hop"]


class Hop:
    """One emission: the end of the window and what changed in the rows of watched pages."""

    __slots__ = ("_aggregator", "_counts", "_places", "_rows_of_view", "_tiles", "end_ms")

    def __init__(self, aggregator: Aggregator, end_ms: int, slid: Slid) -> None:
        self.end_ms = end_ms
        self._aggregator = aggregator
        self._rows_of_view = aggregator.known_rows  # a page a view: a call less for each is a tenth
        self._tiles, self._counts, self._places = slid.tiles, slid.counts, slid.places

    @property
    def number_changed(self) -> int:
        """How many watched pages changed; nothing is made of them."""
        return self._aggregator.number_of_pages(self._places)

    def changed_pages(self) -> list[str]:
        """Keys of the watched pages that changed."""
        return list(dict.fromkeys(map(self._aggregator.page_of_row, self._places)))

    def changed_layers(self) -> Iterator[tuple[str, list[tuple[int, list[int], list[int]]]]]:
        """The watched pages that changed, each once: its layers that did, ascending, with their cells, ascending, and new counts.

        For whoever wants all of them: `changes` of each view is a look at every layer there is. Take the next before the next hop.
        """
        places, key_of = self._places, self._aggregator.key_of_place
        tiles, counts = self._tiles.tolist(), self._counts.tolist()
        rows, of_page, layers = self._aggregator.by_page(list(places))
        start, end = 0, len(rows)
        while start < end:  # not all of them at once: ten thousand lists that live for a moment are work for the collector
            place, told = of_page[start], []
            while start < end and of_page[start] == place:
                part = places[rows[start]]
                told.append((layers[start], tiles[part], counts[part]))
                start += 1
            yield key_of(place), told

    def changes(self, view: View) -> Changes | None:
        """What changed in a view of a watched page; None: nothing did."""
        rows = self._rows_of_view.get(view) or self._aggregator.rows_of(view)
        if len(rows) == 1:
            part = self._places.get(rows[0])
            return Changes(self._tiles[part], self._counts[part]) if part is not None else None
        changed = [self._part(row) for row in rows if row in self._places]
        if not changed:
            return None
        tiles = changed[0] if len(changed) == 1 else np.unique(np.concatenate(changed))
        return Changes(tiles, self._aggregator.counts_at(view, tiles))

    def _part(self, row: int) -> npt.NDArray[np.int64]:
        return self._tiles[self._places[row]]


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
        self._panes = make_panes(self.tiles, self._dense_rows, self._window_panes, self._skew_panes)
        self._end: int | None = None  # the window covers panes below this one
        self._pages = PageTable()
        self._page_of_row: list[int] = []  # place in the table; -1: the row is free
        self._layer_of_row: list[int] = []
        self._free_rows: list[int] = []
        self._dropped: list[int] = []  # rows that no pane named any more, at some time since the last hop
        self.known_rows: dict[View, list[int]] = {}  #: what `rows_of` found, as long as rows stay the same
        self._references: npt.NDArray[np.int64] = np.zeros(64, np.int64)  # a row: pane rows that name it
        self._totals: npt.NDArray[np.int64] = np.zeros(64, np.int64)  # a row: samples in the window
        self._watched_rows: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        self._panes.bind(RowArrays(self._slab, self._totals, self._watched_rows, self._references))
        self._watched: dict[str, int] = {}
        self._watch_all = 0
        self._restless: set[str] = set()  # watched pages whose number of visitors changed without a sample
        self.late = 0  #: samples older than the window: they belong to history alone
        self.ahead = 0  #: samples further ahead of the clock than the skew allows

    # -- what comes in

    def merge(
        self, counts: Counts, now_ms: int, source: int = 0, offset: int | None = None, *, arrived: npt.NDArray[np.float64] | None = None
    ) -> None:
        """Takes counts of any panes; they show from the next hop on. `arrived`: samples of each page as its rate takes them, where not all
        of them arrived now.

        `source` is who counted (a partition of `clickstream`), `offset` the number of its record: what was merged of a page up to
        there is not merged again, so that a source may tell twice. A source tells of a page in the order of its offsets.
        """
        table = self._pages
        if offset is not None and len(table):
            merged = table.merged(counts.pages, source, offset)
            if merged.any():
                counts = counts.only((~merged).tolist())
        places = table.find_all(counts.pages, counts.numbered)
        samples = self._panes.merge(places, counts, table.rows)
        if samples is None:
            self._make_rows(places, counts)
            samples = self._panes.merge(places, counts, table.rows)
            assert samples is not None, "all rows are made"
        for place in table.tell(places, samples if arrived is None else arrived, counts, now_ms, source):
            if table.watched[place]:
                self._restless.add(table.key(place))
        if offset is not None:
            table.set_offset(places[places >= 0], source, offset)

    def _make_rows(self, places: npt.NDArray[np.int64], counts: Counts) -> None:
        """The pages and rows that counts need and do not have. The pages' places are put into `places`.

        First the room for all of them: where there is no memory for it, there is neither a page nor a row more.
        """
        table = self._pages
        pages, layers = np.divmod(np.flatnonzero(np.bincount(counts.page * LAYERS + counts.layer)), LAYERS)
        missing = (places[pages] < 0) | (table.rows[places[pages], layers] < 0)
        pages, layers = pages[missing], layers[missing]
        table.make_room(len(np.unique(pages[places[pages] < 0])))
        self._make_room(len(pages))
        for page, layer in zip(pages.tolist(), layers.tolist(), strict=True):
            if places[page] < 0:
                key = counts.pages[page]
                places[page] = table.add(key, bool(self._watch_all or key in self._watched))
            place = int(places[page])
            table.rows[place, layer] = self._new_row(place, layer)
            self.known_rows.clear()

    def set_visitors(self, visitors: dict[str, int], source: int = 0) -> None:
        """Pages whose number of visitors changed without a sample."""
        table = self._pages
        known = [(table.find(key), number) for key, number in visitors.items() if table.find(key) >= 0]
        if known:
            columns = np.array(known, np.int64)
            changed = table.set_visitors(columns[:, 0], source, columns[:, 1]) & table.watched[columns[:, 0]]
            self._restless.update(table.key(place) for place in columns[changed, 0].tolist())

    # -- the clock

    def advance(self, now_ms: int) -> Hop | None:
        """Brings the window up to the clock. Returns the newest window once its end has passed; None in between."""
        end = now_ms // self.hop_ms
        if end == self._end:
            return None
        self._forget()
        slid = self._panes.advance(self._end, end)
        self._end = end
        self.late += slid.late
        self.ahead += slid.ahead
        self._dropped += slid.dropped
        return Hop(self, end * self.hop_ms, slid if slid.beyond is None else self._with_sparse(slid, *slid.beyond))

    @property
    def idle(self) -> bool:
        """Nothing is in the ring: time may pass without telling."""
        return not len(self._panes)

    def _with_sparse(self, slid: Slid, cells: npt.NDArray[np.int64], by: npt.NDArray[np.int64]) -> Slid:
        """What changed, rows beyond the slab with it."""
        changed, counts = self._add_sparse(cells, by)
        rows, tiles = np.divmod(changed, self.tiles)
        places = slid.places | places_of(rows, len(slid.tiles))
        return slid._replace(tiles=np.concatenate((slid.tiles, tiles)), counts=np.concatenate((slid.counts, counts)), places=places)

    def _add_sparse(self, cells: npt.NDArray[Any], counts: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
        """The same for rows beyond the slab."""
        np.add.at(self._totals, cells // self.tiles, counts)
        net: dict[int, int] = {}
        for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
            net[cell] = net.get(cell, 0) + count
        changed = {}
        for cell in sorted(cell for cell, count in net.items() if count):
            row, tile = divmod(cell, self.tiles)
            kept = self._sparse.setdefault(row, {})
            number = kept.get(tile, 0) + net[cell]
            if number:
                kept[tile] = number
            else:
                del kept[tile]
            if self._watched_rows[row]:
                changed[cell] = number
        return np.array(list(changed), np.int64), np.array(list(changed.values()), np.int64)

    def _forget(self) -> None:
        """Frees rows that no pane names any more: their windows are empty, their pages may go.

        A hop after they became so, since that hop still tells that they went cold.
        """
        dropped, self._dropped = self._dropped, []
        for row in dropped:
            if not self._references[row]:
                self._free(row)

    def _free(self, row: int) -> None:
        place = self._page_of_row[row]
        if place < 0:
            return  # freed already: it was dropped from more than once
        of_page = self._pages.rows[place]
        of_page[of_page == row] = -1
        self.known_rows.clear()
        if of_page.max() < 0:
            self._restless.discard(self._pages.key(place))
            self._pages.remove(place)
        self._page_of_row[row] = -1
        self._watched_rows[row] = False
        self._sparse.pop(row, None)
        self._free_rows.append(row)

    # -- rows

    def _make_room(self, rows: int) -> None:
        """Room for so many more rows. The arrays are others only once all of them are there and `panes` has taken them."""
        needed, there = len(self._page_of_row) + rows - len(self._free_rows), len(self._references)
        if needed <= there:
            return
        while there < needed:
            there *= 2
        totals, watched, references = (_longer(of, there) for of in (self._totals, self._watched_rows, self._references))
        self._panes.bind(RowArrays(self._slab, totals, watched, references))
        self._totals, self._watched_rows, self._references = totals, watched, references

    def _new_row(self, place: int, layer: int) -> int:
        """A row for a layer of the page at that place. There is room for it (`_make_room`)."""
        if self._free_rows:
            row = self._free_rows.pop()
            self._page_of_row[row], self._layer_of_row[row] = place, layer
        else:
            row = len(self._page_of_row)
            self._page_of_row.append(place)
            self._layer_of_row.append(layer)
        self._watched_rows[row] = self._pages.watched[place]
        return row

    def rows_of(self, view: View) -> list[int]:
        """The rows that a view adds up; none where the page has no samples."""
        found = self.known_rows.get(view)
        if found is None:
            layers = _layers(view.kind, view.device)
            place = self._pages.find(view.page)
            if place < 0:
                return []
            rows = self._pages.rows[place].tolist()
            found = self.known_rows[view] = [rows[layer] for layer in layers if rows[layer] >= 0]
        return found

    def page_of_row(self, row: int) -> str:
        return self._pages.key(self._page_of_row[row])

    def key_of_place(self, place: int) -> str:
        """The key of the page at that place of the table."""
        return self._pages.key(place)

    def by_page(self, rows: list[int]) -> tuple[list[int], list[int], list[int]]:
        """These rows page by page, layers ascending; the place of the page of each, and the layer."""
        pages = np.fromiter(map(self._page_of_row.__getitem__, rows), np.int64, len(rows))
        layers = np.fromiter(map(self._layer_of_row.__getitem__, rows), np.int64, len(rows))
        order = np.argsort(pages * LAYERS + layers)
        return np.array(rows, np.int64)[order].tolist(), pages[order].tolist(), layers[order].tolist()

    def number_of_pages(self, rows: Iterable[int]) -> int:
        """How many pages these rows are of."""
        return len(set(map(self._page_of_row.__getitem__, rows)))

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
        table = self._pages
        for place in table if page_key is None else filter(lambda place: place >= 0, [table.find(page_key)]):
            watched = bool(self._watch_all or table.key(place) in self._watched)
            rows = table.rows[place][table.rows[place] >= 0]
            for row in rows.tolist() if watched else ():
                self._panes.warm(row)
            table.watched[place] = watched
            self._watched_rows[rows] = watched

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
        return self._pages.keys

    def whole(self, view: View) -> Heat:
        """The newest emitted window of a view. Raises `ValueError` for a kind or device that does not exist."""
        total = np.zeros(self.tiles, np.int64)
        for row in self.rows_of(view):
            self._add_window(row, total)
        cells = np.flatnonzero(total)
        return Heat(self.end_ms, self.window_ms, self.grid_size, cells, total[cells])

    def counts_at(self, view: View, tiles: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The counts of some tiles of a watched page."""
        total = np.zeros(len(tiles), np.int64)
        for row in self.rows_of(view):
            if row < self._dense_rows:
                total += self._slab[row * self.tiles + tiles]
            else:
                kept = self._sparse.get(row, {})
                total += np.array([kept.get(tile, 0) for tile in tiles.tolist()], np.int64)
        return total

    def _add_window(self, row: int, total: npt.NDArray[np.int64]) -> None:
        if row < self._dense_rows:
            total += self._slab[row * self.tiles : (row + 1) * self.tiles]
            self._panes.add_cold(row, total)
        for tile, count in self._sparse.get(row, {}).items():
            total[tile] += count

    def page(self, key: str, now_ms: int) -> PageNow | None:
        """What is known of a live page; None: it has no samples within the window."""
        place = self._pages.find(key)
        return self._pages_now([place], now_ms)[0] if place >= 0 else None

    def pulse(self, key: str, now_ms: int) -> Pulse:
        """What `page` says, without a look at its samples."""
        place = self._pages.find(key)
        return self._pages.pulse(place, now_ms) if place >= 0 else NO_PULSE

    def origin(self, key: str) -> str | None:
        """Where a page's visitors say that it is; None: it does not live, or nobody said."""
        place = self._pages.find(key)
        return self._pages.origin(place) if place >= 0 else None

    def pages(self, now_ms: int) -> list[PageNow]:
        """All live pages, hottest first."""
        return sorted(self._pages_now(list(self._pages), now_ms), key=lambda page: (-page.rate, -page.samples, page.key))

    def _pages_now(self, places: list[int], now_ms: int) -> list[PageNow]:
        rows = np.ascontiguousarray(self._pages.rows[places, :PLAIN_LAYERS])
        totals = np.where(rows >= 0, self._totals[rows], 0)
        self._panes.add_cold_totals(rows, totals)
        samples = totals.sum(axis=1).tolist()
        return [self._pages.now(place, number, now_ms) for place, number in zip(places, samples, strict=True)]


def _longer(column: npt.NDArray[Any], to: int) -> npt.NDArray[Any]:
    longer: npt.NDArray[Any] = np.zeros(to, column.dtype)
    longer[: len(column)] = column
    return longer


@lru_cache(maxsize=64)
def _layers(kind: str, device: str) -> tuple[int, ...]:
    return tuple(layers_of(kind, device).tolist())

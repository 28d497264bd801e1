"""Spots: where on its element each sample of a page lay, over the same hopping window as the heat. Only of pages that somebody asks for.

A sample says which element it lay on and where in its box (`docs/wire.md`, anchors). The box is cut into `SIDE` by `SIDE` *spots*, so fine
that their middle is within 8 px of the sample on an element of 4,000 px. Several elements of a page may have one name; so a sample also
says where it lay in the document, roughly (`near`), by which a viewer tells them apart.

    spot_counts   the part of Group By: rows of the pages that are asked for, one a sample
    Spots         the part of the aggregator: rows go into the pane of their own time, and into the window while that pane is in it

A row is one number: layer, element (a place in the page's table of names), near, spot. A page that nobody asks for is one look-up a record.
Costs where somebody asks: some tenths of a microsecond a row when it comes and when it goes, 8 bytes between, and some 100 bytes a spot
that is warm. `ROWS_MAX` bounds both: what comes beyond is counted in `beyond`, not kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, KeysView, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.counting import kind_places
from isotherm.core.counts import SpotCounts
from isotherm.core.drawn import element_of
from isotherm.core.heat import View
from isotherm.core.layers import DEVICES, layers_of
from isotherm.core.samples import Samples

__all__ = ["NEAR_COLUMNS", "NEAR_ROWS", "ROWS_MAX", "SIDE", "SpotHeat", "Spots", "spot_counts"]

SIDE: Final = 250  #: spots a side of a box: its cells are numbers of 16 bits
NEAR_COLUMNS: Final = 32  #: a document is cut into so many columns,
NEAR_ROWS: Final = 256  #: and so many rows: some 30 px of a long page
ROWS_MAX: Final = 1_000_000  #: of all pages that are asked for: 8 MB, and at most some 100 MB of spots
_ELEMENTS_MAX: Final = 4096  #: names of a page at a time
_THOUSANDTHS: Final = 1000
_NO_KIND: Final = 0xFF
_NONE: Final = -1
_BITS: Final = 16  #: of an element, of near, and of a cell
_MASK: Final = (1 << _BITS) - 1
_ELEMENT_AT: Final = 2 * _BITS
_LAYER_AT: Final = 3 * _BITS
_SPOT: Final = (1 << _LAYER_AT) - 1  #: a row without its layer

Column = npt.NDArray[np.int64]


class SpotHeat(NamedTuple):
    """Spots of a view with their counts now (0: cold). Lists of equal length."""

    end_ms: int
    names: list[str]
    element: list[int]  #: place in `names`
    near: list[int]
    cell: list[int]
    counts: list[int]


def spot_counts(
    samples: Samples, keys: Sequence[str], counted: npt.NDArray[np.bool_], asked: Container[str], hop_ms: int
) -> dict[str, SpotCounts]:
    """Rows of those of the `counted` samples (a mask) that have an element, by page. `keys` are those of the samples' pages."""
    wanted = [key in asked for key in keys]
    if samples.anchored is None or not any(wanted):
        return {}
    runs, anchored = samples.runs, samples.anchored
    run = np.repeat(np.arange(len(runs)), runs.size)
    kind = np.frombuffer(kind_places(tuple(samples.kinds)) or bytes((_NO_KIND,)), np.uint8)[samples.kind].astype(np.int64)
    chosen = np.flatnonzero(counted & np.array(wanted)[runs.page[run]] & (anchored.anchor >= 0) & (kind != _NO_KIND))
    run = run[chosen]
    across = _part(samples.x[chosen] / runs.width[run], NEAR_COLUMNS)
    down = _part(samples.y[chosen] / runs.height[run], NEAR_ROWS)
    layer = kind[chosen] * len(DEVICES) + runs.device[run]
    cell = _part(anchored.y[chosen] / _THOUSANDTHS, SIDE) * SIDE + _part(anchored.x[chosen] / _THOUSANDTHS, SIDE)
    columns = (layer, anchored.anchor[chosen].astype(np.int64), samples.time_ms[chosen] // hop_ms, down * NEAR_COLUMNS + across, cell)
    page = runs.page[run]
    found = {}
    for at in np.unique(page).tolist():
        rows = page == at
        found[keys[at]] = SpotCounts(samples.anchors, *(column[rows] for column in columns))
    return found


def _part(share: npt.NDArray[np.float64], parts: int) -> Column:
    """In which of so many equal parts a share of the whole lies; outside is clamped to the edge."""
    return np.clip(np.floor(share * parts), 0, parts - 1).astype(np.int64)


class _Pane:
    __slots__ = ("in_window", "parts")

    def __init__(self) -> None:
        self.parts: list[Column] = []
        self.in_window = False


class _Page:
    """A page that somebody asks for."""

    def __init__(self) -> None:
        self.viewers = 0
        self.names: list[str] = []
        self.places: dict[str, int] = {}
        self.rows_of: list[int] = []  # by element: how many rows of the panes name it
        self.free: list[int] = []
        self.gone: set[int] = set()  # elements that no row names any more; the newest hop may still tell of them
        self.panes: dict[int, _Pane] = {}
        self.window: Counter[int] = Counter()
        self.changed: set[int] = set()  # rows whose count is another one since the newest hop
        self.news: set[int] = set()  # what that hop changed

    def place(self, name: str) -> int:
        """The element's place; -1: there is no room for one more."""
        place = self.places.get(name)
        if place is not None:
            return place
        if self.free:
            place = self.free.pop()
            self.names[place] = name
        elif len(self.names) < _ELEMENTS_MAX:
            place = len(self.names)
            self.names.append(name)
            self.rows_of.append(0)
        else:
            return _NONE
        self.places[name] = place
        self.gone.add(place)  # until a row names it
        return place

    def keep(self, number: int, rows: Column, in_window: bool) -> None:
        pane = self.panes.get(number)
        if pane is None:
            pane = self.panes[number] = _Pane()
            pane.in_window = in_window
        pane.parts.append(rows)
        for place, count in _numbers(rows >> _ELEMENT_AT & _MASK):
            self.rows_of[place] += count
        if pane.in_window:
            self.count(rows, 1)

    def turn(self, number: int, in_window: bool) -> None:
        """The pane comes into the window, or leaves it."""
        pane = self.panes[number]
        if pane.in_window != in_window:
            pane.in_window = in_window
            self.count(np.concatenate(pane.parts), 1 if in_window else -1)

    def drop(self, number: int) -> int:
        """Forgets a pane that is not in the window; returns how many rows it had."""
        rows = np.concatenate(self.panes.pop(number).parts)
        for place, count in _numbers(rows >> _ELEMENT_AT & _MASK):
            self.rows_of[place] -= count
            if not self.rows_of[place]:
                self.gone.add(place)
        return len(rows)

    def count(self, rows: Column, sign: int) -> None:
        window = self.window
        for row, count in _numbers(rows):
            number = window[row] + sign * count
            if number:
                window[row] = number
            else:
                del window[row]
            self.changed.add(row)

    def hop(self) -> None:
        """What changed until now is the newest hop's news; names that only the one before it told of are free."""
        for place in self.gone:
            if not self.rows_of[place]:
                del self.places[self.names[place]]
                self.free.append(place)
        self.gone = set()
        self.news, self.changed = self.changed, set()


def _numbers(values: Column) -> Iterator[tuple[int, int]]:
    """Each different value, and how often it is there."""
    which, counts = np.unique(values, return_counts=True)
    return zip(which.tolist(), counts.tolist(), strict=True)


class Spots:
    """Windows of the pages that are asked for. `watch` a page, `merge` what is counted of it, `advance` the clock; ask what changed."""

    def __init__(self, *, window_ms: int, hop_ms: int, skew_ms: int, rows_max: int = ROWS_MAX) -> None:
        self.hop_ms = hop_ms
        self.window_ms = window_ms
        self._window_panes = window_ms // hop_ms
        self._skew_panes = -(-skew_ms // hop_ms) + 1
        self._rows_max = rows_max
        self._rows = 0
        self._pages: dict[str, _Page] = {}
        self._end: int | None = None
        self.beyond = 0  #: rows not kept because there were `rows_max`, or too many elements on their page

    @property
    def end_ms(self) -> int:
        """End of the newest window; 0 before the first."""
        return (self._end or 0) * self.hop_ms

    @property
    def asked(self) -> KeysView[str]:
        """Keys of the pages that are asked for."""
        return self._pages.keys()

    def watch(self, page: str) -> bool:
        """Somebody asks for a page, once more. True: nobody did before, and nothing is known of it yet."""
        found = self._pages.get(page)
        if found is None:
            found = self._pages[page] = _Page()
        found.viewers += 1
        return found.viewers == 1

    def unwatch(self, page: str) -> None:
        """The opposite of one `watch`; after the last nothing is known of the page."""
        found = self._pages[page]
        found.viewers -= 1
        if not found.viewers:
            del self._pages[page]
            self._rows -= sum(found.rows_of)

    def merge(self, counts: Mapping[str, SpotCounts]) -> None:
        """Takes rows of any panes; what is older than the window is left out, and so are pages that nobody asks for any more."""
        for key, of_page in counts.items():
            page = self._pages.get(key)
            if page is not None:
                self._merge(page, of_page)

    def _merge(self, page: _Page, counts: SpotCounts) -> None:
        pane = counts.pane
        kept = pane >= (self._end - self._window_panes if self._end is not None else 0)
        if self._rows + len(pane) > self._rows_max:
            self.beyond += int(kept.sum())
            return
        used, element = np.unique(counts.element, return_inverse=True)
        places = np.array([page.place(element_of(counts.names[at])) for at in used.tolist()], np.int64)[element]
        self.beyond += int((kept & (places < 0)).sum())
        kept &= places >= 0
        rows = ((counts.layer << _BITS | places) << _BITS | counts.near) << _BITS | counts.cell
        for number in np.unique(pane[kept]).tolist():
            of_pane = rows[kept & (pane == number)]
            self._rows += len(of_pane)
            page.keep(number, of_pane, self._covered(number))

    def _covered(self, number: int) -> bool:
        return self._end is not None and self._end - self._window_panes <= number < self._end

    def advance(self, now_ms: int) -> bool:
        """Brings the windows up to the clock; True where their end moved. After a leap, either way, every pane is looked at."""
        end = now_ms // self.hop_ms
        if end == self._end:
            return False
        old, self._end = self._end, end
        window = self._window_panes
        for page in self._pages.values():
            numbers: Iterable[int]
            if old is None or not 0 < end - old < len(page.panes):
                numbers = list(page.panes)
            else:
                numbers = {*range(old - window, end - window), *range(old, end)} & page.panes.keys()
            for number in numbers:
                page.turn(number, self._covered(number))
                if not end - window <= number < end + self._skew_panes:
                    self._rows -= page.drop(number)
            page.hop()
        return True

    def whole(self, view: View) -> SpotHeat:
        """All warm spots of a view. Nobody asks for its page: there are none."""
        page = self._pages.get(view.page)
        return self._told(page, view, page.window) if page is not None else SpotHeat(self.end_ms, [], [], [], [], [])

    def changes(self, view: View) -> SpotHeat | None:
        """What the newest hop changed in a view; None: nothing."""
        page = self._pages.get(view.page)
        told = self._told(page, view, page.news) if page is not None and page.news else None
        return told if told is not None and told.cell else None

    def _told(self, page: _Page, view: View, rows: Iterable[int]) -> SpotHeat:
        """These spots with their counts in the window."""
        layers = layers_of(view.kind, view.device).tolist()
        spots = {row & _SPOT for row in rows if row >> _LAYER_AT in layers}
        element, near, cell, counts = [], [], [], []
        names: dict[int, int] = {}  # places of the page's table -> of the answer's
        for spot in spots:
            element.append(names.setdefault(spot >> _ELEMENT_AT, len(names)))
            near.append(spot >> _BITS & _MASK)
            cell.append(spot & _MASK)
            counts.append(sum(page.window[layer << _LAYER_AT | spot] for layer in layers))
        return SpotHeat(self.end_ms, [page.names[place] for place in names], element, near, cell, counts)

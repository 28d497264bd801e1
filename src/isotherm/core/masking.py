"""Masking: heat without the tiles that too few people were on, for viewers who are told the newest window hop by hop.

Who was on a tile changes where its count does not (one sample leaves the window as another's comes in), so a masked view is not made
from what a hop changed: it is looked at anew at each hop, and held against what was last told. Who was where is asked once a second,
since on a page with thousands of people that takes 40 ms: so long at most is a tile still shown after one too many has gone, or not yet
after enough have come. Costs: O(marks of a page) a watched page and second, O(tiles) a watched view and hop; nothing for pages that
nobody watches.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.heat import AllPages, Changes, Heat, PageNow, Pulse, View
from isotherm.core.layers import layers_of
from isotherm.core.people import Marks

__all__ = ["Masked", "MaskedHop"]


_ASKED_EVERY_MS: Final = 1_000


class _Told(NamedTuple):
    """What viewers of a view have."""

    turn: int
    counts: npt.NDArray[np.int64]


class Masked:
    """`heats` without the tiles that fewer than `people_min` people were on; `hop` says the same of a hop.

    `marks(page_key, end_ms)`: who was on which cell in the window that ends then; None: that is not known, and no tile is shown.
    """

    def __init__(
        self, heats: AllPages, marks: Callable[[str, int], Marks | None], people_min: int, *, asked_every_ms: int = _ASKED_EVERY_MS
    ) -> None:
        self._every_ms = asked_every_ms
        self._heats = heats
        self._marks = marks
        self._least = people_min
        self.grid_size, self.window_ms, self.hop_ms = heats.grid_size, heats.window_ms, heats.hop_ms
        self._tiles = self.grid_size * self.grid_size
        self._turn = 0
        self._told: dict[View, _Told] = {}
        self._differing: dict[View, int] = {}  # views of which not all viewers have the same, since which turn
        self._enough: dict[View, tuple[int, npt.NDArray[np.bool_] | None]] = {}  # as of when, on which tiles; None: nobody knows

    @property
    def end_ms(self) -> int:
        return self._heats.end_ms

    def end_of(self, page_key: str) -> int:
        return self._heats.end_of(page_key)

    def page(self, key: str, now_ms: int) -> PageNow | None:
        return self._heats.page(key, now_ms)

    def pulse(self, key: str, now_ms: int) -> Pulse:
        return self._heats.pulse(key, now_ms)

    @property
    def keys(self) -> Collection[str]:
        return self._heats.keys

    def pages(self, now_ms: int) -> list[PageNow]:
        return self._heats.pages(now_ms)

    def watch(self, page_key: str | None) -> None:
        self._heats.watch(page_key)

    def unwatch(self, page_key: str | None) -> None:
        self._heats.unwatch(page_key)

    def whole(self, view: View) -> Heat:
        """The newest window of a view. Raises `ValueError` for a kind or device that does not exist."""
        told = self._told.get(view)
        if told is not None and told.turn == self._turn:
            counts, end_ms = told.counts, self.end_of(view.page)
        else:
            counts, end_ms = self._look(view)
            if told is None:
                self._told[view] = _Told(self._turn, counts)
            else:  # others have what was told before
                self._differing[view] = self._turn
        cells = np.flatnonzero(counts)
        return Heat(end_ms, self.window_ms, self.grid_size, cells, counts[cells])

    def hop(self, end_ms: int) -> MaskedHop:
        """The hop to the window that ends then: each is asked for once, before the first question after it."""
        self._turn += 1
        last = self._turn - 1  # what was not told then nobody looks at
        self._told = {view: told for view, told in self._told.items() if told.turn >= last}
        self._differing = {view: turn for view, turn in self._differing.items() if turn >= last}
        self._enough = {view: known for view, known in self._enough.items() if view in self._told}
        return MaskedHop(self, end_ms)

    def changes(self, view: View) -> Changes | None:
        """What is not as it was last told; None: all is."""
        told = None if view in self._differing else self._told.get(view)
        if told is not None and told.turn == self._turn:
            return None
        counts, _ = self._look(view)
        self._told[view] = _Told(self._turn, counts)
        self._differing.pop(view, None)
        cells: npt.NDArray[Any] = np.arange(self._tiles) if told is None else np.flatnonzero(counts != told.counts)
        return Changes(cells, counts[cells]) if len(cells) else None

    def _look(self, view: View) -> tuple[npt.NDArray[np.int64], int]:
        heat = self._heats.whole(view)
        counts: npt.NDArray[np.int64] = np.zeros(self._tiles, np.int64)
        if len(heat.cells):
            enough = self._enough_at(view, heat.end_ms)
            if enough is not None:
                counts[heat.cells] = heat.counts
                counts[~enough] = 0
        return counts, heat.end_ms

    def _enough_at(self, view: View, end_ms: int) -> npt.NDArray[np.bool_] | None:
        asked_ms, enough = self._enough.get(view, (None, None))
        if asked_ms is None or not 0 <= end_ms - asked_ms < max(1, self._every_ms):
            marks = self._marks(view.page, end_ms)
            enough = marks.enough(layers_of(view.kind, view.device), self._tiles, self._least) if marks is not None else None
            self._enough[view] = (end_ms, enough)
        return enough


class MaskedHop:
    """What one hop changed of what may be shown."""

    __slots__ = ("_masked", "end_ms")

    def __init__(self, masked: Masked, end_ms: int) -> None:
        self._masked = masked
        self.end_ms = end_ms

    def changes(self, view: View) -> Changes | None:
        return self._masked.changes(view)

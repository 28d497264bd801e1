"""The bare core: panes of counts in numpy, the newest added to the window, the oldest taken away, the tiles that changed told.

The ceiling of what Python and numpy can do here. Nothing is looked at but pages and positions: no repeats, no people, no rates, no layers,
no late data, pages never go. Each step is whichever of numpy's ways is the quicker for these pages and samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.samples import Samples

__all__ = ["BarePanes", "Changed"]

_DENSE_CELLS_MAX = 20_000  #: up to so many a whole window is added and compared faster than its changed cells are sorted


class Changed(NamedTuple):
    """Of one page: tiles, ascending, and their counts now."""

    tiles: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int32]


class BarePanes:
    """Windows of `pages`, given by their keys; all are told of where `watched`."""

    def __init__(self, pages: Sequence[str], *, grid_size: int, window_panes: int, hop_ms: int, watched: bool) -> None:
        self._grid = grid_size
        self._tiles = grid_size * grid_size
        self._window_panes = window_panes
        self._hop_ms = hop_ms
        self._watched = watched
        self._place = {key: place for place, key in enumerate(pages)}
        self._ends = np.arange(len(pages) + 1) * self._tiles
        self.window = np.zeros(len(pages) * self._tiles, np.int32)
        self._dense = len(self.window) <= _DENSE_CELLS_MAX
        self._panes: dict[int, list[npt.NDArray[Any]]] = {}

    def hop(self, samples: Samples) -> dict[int, Changed]:
        """One hop's samples come, one pane goes. Returns what changed, by the place of the page; nothing where nobody watches."""
        cells = self._cells(samples)
        for number, some in self._by_pane(samples.time_ms // self._hop_ms, cells):
            counted = np.bincount(some, minlength=len(self.window)).astype(np.int32) if self._dense else some
            self._panes.setdefault(number, []).append(counted)
        gone = self._panes.pop((samples.arrived_ms + 1) // self._hop_ms - self._window_panes - 1, [])
        return self._slide_dense(cells, gone) if self._dense else self._slide(cells, gone)

    def _cells(self, samples: Samples) -> npt.NDArray[np.int64]:
        runs, grid = samples.runs, self._grid
        page = np.array([self._place[site + path] for site, path in samples.pages])[runs.page]
        width, height = runs.width, runs.height
        if len(runs) != len(samples):
            page, width, height = (np.repeat(column, runs.size) for column in (page, width, height))
        row = np.clip(grid * samples.y / height, 0, grid - 1).astype(np.int64)
        column = np.clip(grid * samples.x / width, 0, grid - 1).astype(np.int64)
        cells: npt.NDArray[np.int64] = page * self._tiles + row * grid + column
        return cells

    def _by_pane(self, pane: npt.NDArray[np.int64], cells: npt.NDArray[np.int64]) -> list[tuple[int, npt.NDArray[np.int64]]]:
        lowest = int(pane.min())
        if lowest == int(pane.max()):
            return [(lowest, cells)]
        order = np.argsort((pane - lowest).astype(np.uint16), kind="stable")
        pane, cells = pane[order], cells[order]
        starts = np.flatnonzero(np.diff(pane, prepend=lowest - 1))
        return list(zip(pane[starts].tolist(), np.split(cells, starts[1:]), strict=True))

    def _slide_dense(self, cells: npt.NDArray[np.int64], gone: list[npt.NDArray[Any]]) -> dict[int, Changed]:
        by = np.bincount(cells, minlength=len(self.window)).astype(np.int32)
        for counted in gone:
            by -= counted
        self.window += by
        return self._told(np.flatnonzero(by)) if self._watched else {}

    def _slide(self, cells: npt.NDArray[np.int64], gone: list[npt.NDArray[Any]]) -> dict[int, Changed]:
        left = np.concatenate(gone) if gone else cells[:0]
        if not self._watched:
            np.add.at(self.window, cells, 1)
            np.subtract.at(self.window, left, 1)
            return {}
        touched = np.unique(np.concatenate((cells, left)))
        before = self.window[touched]
        np.add.at(self.window, cells, 1)
        np.subtract.at(self.window, left, 1)
        return self._told(touched[self.window[touched] != before])

    def _told(self, changed: npt.NDArray[np.int64]) -> dict[int, Changed]:
        counts = self.window[changed]
        if len(self._place) == 1:
            return {0: Changed(changed, counts)}
        bounds = np.searchsorted(changed, self._ends).tolist()
        tiles = changed % self._tiles
        return {
            place: Changed(tiles[start:stop], counts[start:stop])
            for place, (start, stop) in enumerate(pairwise(bounds))
            if start < stop
        }

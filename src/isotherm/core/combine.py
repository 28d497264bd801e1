"""Combining counts before they are handed on: what came of a page in several records becomes one row a pane, layer and tile.

The combiner of MapReduce (Dean & Ghemawat, OSDI 2004): whoever is behind it hears of a page once a turn, however many records named it.
"""

from __future__ import annotations

import numpy as np

from isotherm.core.counts import Counts
from isotherm.core.layers import LAYERS

__all__ = ["Combiner"]


class Combiner:
    """`add` counts as they come; `take` all that was added as one."""

    def __init__(self, grid_size: int) -> None:
        self._cells = grid_size * grid_size
        self._parts: list[Counts] = []

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, counts: Counts) -> None:
        if counts.pages:
            self._parts.append(counts)

    def take(self) -> Counts | None:
        """None: nothing was added. Of visitors and origins the newest hold."""
        parts, self._parts = self._parts, []
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        place: dict[str, int] = {}
        origins: list[str | None] = []
        visitors: list[int] = []
        newest_ms: list[int] = []
        columns = []
        for part in parts:
            at = []
            for key, origin, number, time_ms in zip(part.pages, part.origins, part.visitors, part.newest_ms, strict=True):
                index = place.setdefault(key, len(place))
                at.append(index)
                if index == len(visitors):
                    origins.append(origin)
                    visitors.append(number)
                    newest_ms.append(time_ms)
                else:
                    origins[index] = origin or origins[index]
                    visitors[index] = number
                    newest_ms[index] = max(newest_ms[index], time_ms)
            columns.append(np.array(at, np.intp)[part.page])
        panes, pane_at = np.unique(np.concatenate([part.pane for part in parts]), return_inverse=True)
        page, layer = np.concatenate(columns), np.concatenate([part.layer for part in parts])
        tile = np.concatenate([part.tile for part in parts])
        cells = ((pane_at * len(place) + page) * LAYERS + layer) * self._cells + tile
        which, row = np.unique(cells, return_inverse=True)
        count = np.zeros(len(which), np.int64)
        np.add.at(count, row, np.concatenate([part.count for part in parts]))
        rest, tile_of_row = np.divmod(which, self._cells)
        rest, layer_of_row = np.divmod(rest, LAYERS)
        pane_of_row, page_of_row = np.divmod(rest, len(place))
        return Counts(
            pages=list(place),
            origins=origins,
            visitors=visitors,
            newest_ms=newest_ms,
            page=page_of_row,
            layer=layer_of_row,
            pane=panes[pane_of_row],
            tile=tile_of_row.astype(np.int32),
            count=count.astype(np.int32),
        )

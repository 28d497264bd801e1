"""Group By: samples of many sessions become counts of each page, a pane, layer and tile.

Here, where a session always meets the same partition, repeats are told and left out, and it is known who is on which page. Combining
before re-keying (the combiner of MapReduce; Dean & Ghemawat, OSDI 2004) makes a page that everybody looks at a few rows a batch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.cap import Cap
from isotherm.core.counts import Counts
from isotherm.core.layers import DEVICES, KINDS, LAYERS
from isotherm.core.presence import Presence
from isotherm.core.records import Visit
from isotherm.core.repeats import Repeats
from isotherm.core.samples import NO_LOAD, Samples
from isotherm.core.tiles import tiles_of

__all__ = ["GroupBy"]


class GroupBy:
    """The stage. Its state is the memory of repeats and of who is where; both are a function of the records fed."""

    def __init__(self, *, grid_size: int, hop_ms: int, samples_a_tile_max: int = 0) -> None:
        """`samples_a_tile_max`: of a session on one tile in one pane; 0: all are counted."""
        self.grid_size = grid_size
        self.hop_ms = hop_ms
        self.repeats = Repeats()
        self.presence = Presence()
        self._cap = Cap(samples_a_tile_max) if samples_a_tile_max else None
        self.capped = 0  #: samples left out because their session had given that tile its most in that pane
        self.repeated = 0  #: samples left out because their batch had been counted

    def group(self, samples: Samples) -> Counts:
        """The counts of one record. Pages whose visitors changed are among them, with counts or without."""
        fresh = self._meet(samples)
        runs = samples.runs
        rows = np.repeat(np.arange(len(runs)), runs.size)
        kinds = np.array([KINDS.index(kind) if kind in KINDS else -1 for kind in samples.kinds], np.intp)
        kind = kinds[samples.kind] if len(kinds) else np.zeros(0, np.intp)
        chosen = np.flatnonzero(fresh[rows] & (kind >= 0))
        rows = rows[chosen]
        tile = tiles_of(samples.x[chosen], samples.y[chosen], runs.width[rows], runs.height[rows], self.grid_size)
        layer = kind[chosen] * len(DEVICES) + runs.device[rows]
        time_ms = samples.time_ms[chosen]
        if self._cap is not None:
            self._cap.turn(samples.arrived_ms)
            sessions = [samples.sessions[at] for at in runs.session[rows].tolist()]
            pages = [samples.pages[at].key for at in runs.page[rows].tolist()]
            kept = self._cap.within(zip(pages, sessions, layer.tolist(), tile.tolist(), (time_ms // self.hop_ms).tolist(), strict=True))
            self.capped += len(kept) - int(kept.sum())
            rows, layer, tile, time_ms = rows[kept], layer[kept], tile[kept], time_ms[kept]
        return self._combine(samples, runs.page[rows], layer, time_ms, tile)

    def tick(self, now_ms: int) -> Counts | None:
        """Time went on. The visitors of pages that sessions left by being silent, as counts without rows; None: nobody left."""
        left = self.expire(now_ms)
        if not left:
            return None
        none = np.zeros(0, np.int64)
        return Counts(
            pages=list(left),
            origins=[None] * len(left),
            visitors=list(left.values()),
            newest_ms=[0] * len(left),
            page=none,
            layer=none,
            pane=none,
            tile=none.astype(np.int32),
            count=none.astype(np.int32),
        )

    def remember(self, samples: Samples) -> None:
        """Takes a record that was counted before, so that it is known who was where and what was a repeat."""
        if self._cap is None:
            self._meet(samples)
        else:
            self.group(samples)
        self.presence.changes()

    @property
    def remembers_visits(self) -> bool:
        """`relive` is enough to know what went before; otherwise whole records must be taken (`remember`)."""
        return self._cap is None

    def relive(self, arrived_ms: int, visits: Iterable[Visit]) -> None:
        """Takes the visits of a record that was counted before, as `remember` does its samples."""
        self.repeats.turn(arrived_ms)
        for page, session, load, seq, last_ms in visits:
            new = load is None or self.repeats.fresh(session, load, seq)
            if new and last_ms is not None:
                self.presence.seen(page.partition("/")[0], session, page, last_ms)
        self.presence.changes()

    def expire(self, now_ms: int) -> dict[str, int]:
        """Lets silent sessions go; returns the pages whose number of visitors changed since last asked."""
        self.presence.expire(now_ms)
        return self.presence.changes()

    def _meet(self, samples: Samples) -> npt.NDArray[np.bool_]:
        """Which runs are no repeats; and remembers who was seen where."""
        runs, fresh = samples.runs, []
        self.repeats.turn(samples.arrived_ms)
        ends = np.cumsum(runs.size)
        columns = zip(
            runs.session.tolist(), runs.page.tolist(), runs.load.tolist(), runs.seq.tolist(), runs.size.tolist(), ends.tolist(),
            strict=True,
        )  # fmt: skip
        for session_at, page_at, load_at, seq, size, end in columns:
            session, page = samples.sessions[session_at], samples.pages[page_at]
            new = load_at == NO_LOAD or self.repeats.fresh(session, samples.loads[load_at], seq)
            fresh.append(new)
            if not new:
                self.repeated += size
            elif size:
                self.presence.seen(page.site, session, page.key, int(samples.time_ms[end - 1]))
        return np.array(fresh, np.bool_)

    def _combine(
        self,
        samples: Samples,
        page: npt.NDArray[Any],
        layer: npt.NDArray[Any],
        time_ms: npt.NDArray[np.int64],
        tile: npt.NDArray[np.int32],
    ) -> Counts:
        cells = self.grid_size * self.grid_size
        panes, pane_at = np.unique(time_ms // self.hop_ms, return_inverse=True)
        combined = ((pane_at * len(samples.pages) + page) * LAYERS + layer) * cells + tile
        which, count = np.unique(combined, return_counts=True)
        which, tile_of_row = np.divmod(which, cells)
        which, layer_of_row = np.divmod(which, LAYERS)
        pane_of_row, page_of_row = np.divmod(which, max(1, len(samples.pages)))
        newest = np.zeros(len(samples.pages), np.int64)
        np.maximum.at(newest, page, time_ms)
        keys = [at.key for at in samples.pages]
        origins, newest_ms = list(samples.origins), newest.tolist()
        present = set(keys)
        for left in self.presence.changes().keys() - present:
            keys.append(left)
            origins.append(None)
            newest_ms.append(0)
        return Counts(
            pages=keys,
            origins=origins,
            visitors=[self.presence.on(key) for key in keys],
            newest_ms=newest_ms,
            page=page_of_row,
            layer=layer_of_row,
            pane=panes[pane_of_row],
            tile=tile_of_row.astype(np.int32),
            count=count.astype(np.int32),
        )

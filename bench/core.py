"""The core alone: samples as columns in, changed tiles of every watched page out, each hop. CPU seconds of this process.

Beside it, on the same samples and in turns of some hops, the bare panes in numpy (`bench.twins.core`). Before anything is measured both
have filled their windows, so that as much leaves at each hop as comes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

from bench.traces import HOP_MS, START_MS, hops, page_keys
from bench.twins.core import BarePanes
from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import Changes, View
from isotherm.core.samples import Samples

__all__ = ["Core", "Row", "measure"]

_WINDOW_PANES = 1200
_WARM_HOPS = _WINDOW_PANES + 40  #: the window is full, and panes that were filled for a while leave it
_CPU_S = 2.0  #: of measuring, at least
_TURN_SAMPLES = 4000  #: of one, then of the other: so few that a turn's columns are still in the cache
_TURN_HOPS_MAX = 25


class Core:
    """Isotherm's, on one core: Group By, the aggregator, and what each watched page's viewers would be told."""

    def __init__(self, pages: int, *, watched: bool, grid_size: int = 50, window_panes: int = _WINDOW_PANES) -> None:
        self._group_by = GroupBy(grid_size=grid_size, hop_ms=HOP_MS)
        self._aggregator = Aggregator(grid_size=grid_size, window_ms=window_panes * HOP_MS, hop_ms=HOP_MS, skew_ms=10_000)
        self._views = [View(key, "move", "all") for key in page_keys(pages)] if watched else []
        for view in self._views:
            self._aggregator.watch(view.page)
        self._aggregator.advance(START_MS)

    def hop(self, samples: Samples) -> list[Changes | None]:
        """What changed on each watched page."""
        self._aggregator.merge(self._group_by.group(samples), samples.arrived_ms)
        hop = self._aggregator.advance(samples.arrived_ms + 1)
        assert hop is not None
        return [hop.changes(view) for view in self._views]


class Row(NamedTuple):
    visitors: int
    pages: int
    watched: bool
    gathered: int  #: samples that a tracker gathers before it sends
    samples: int
    cpu_s: float
    bare_cpu_s: float

    @property
    def samples_per_cpu_s(self) -> float:
        return self.samples / self.cpu_s

    @property
    def bare_samples_per_cpu_s(self) -> float:
        return self.samples / self.bare_cpu_s


def measure(visitors: int, pages: int, *, watched: bool, gathered: int = 1) -> Row:
    """Runs hops until enough CPU was spent; making the trace is not counted."""
    ours = Core(pages, watched=watched).hop
    bare = BarePanes(page_keys(pages), grid_size=50, window_panes=_WINDOW_PANES, hop_ms=HOP_MS, watched=watched).hop
    trace = hops(visitors, pages, samples_a_batch=gathered)
    turn_hops = min(_TURN_HOPS_MAX, max(1, _TURN_SAMPLES // visitors))
    for samples in islice(trace, _WARM_HOPS):
        ours(samples)
        bare(samples)
    cpu_s, bare_cpu_s, counted = 0.0, 0.0, 0
    turn: list[Samples] = []
    while cpu_s < _CPU_S:
        before, turn = turn, list(islice(trace, turn_hops))  # held, as a digest does: to let its names go is part of making the trace
        cpu_s += _spent_s(ours, turn)
        bare_cpu_s += _spent_s(bare, turn)
        counted += sum(map(len, turn))
        del before
    return Row(visitors, pages, watched, gathered, counted, cpu_s, bare_cpu_s)


def _spent_s(hop: Callable[[Samples], Any], turn: list[Samples]) -> float:
    began_s = time.process_time()
    for samples in turn:
        hop(samples)
    return time.process_time() - began_s

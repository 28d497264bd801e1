"""The core alone: samples as columns in, changed tiles of every watched page out, each hop. CPU seconds of this process."""

from __future__ import annotations

import time
from itertools import islice
from typing import NamedTuple

from bench.traces import HOP_MS, START_MS, hops, page_keys
from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View

__all__ = ["Row", "measure"]

_WARM_HOPS = 20
_CPU_S = 2.0  #: of measuring, at least


class Row(NamedTuple):
    visitors: int
    pages: int
    watched: bool
    gathered: int  #: samples that a tracker gathers before it sends
    samples: int
    cpu_s: float

    @property
    def samples_per_cpu_s(self) -> float:
        return self.samples / self.cpu_s


def measure(visitors: int, pages: int, *, watched: bool, gathered: int = 1) -> Row:
    """Runs hops until enough CPU was spent; making the trace is not counted."""
    group_by = GroupBy(grid_size=50, hop_ms=HOP_MS)
    aggregator = Aggregator(grid_size=50, window_ms=300_000, hop_ms=HOP_MS, skew_ms=10_000)
    views = [View(key, "move", "all") for key in page_keys(pages)] if watched else []
    for view in views:
        aggregator.watch(view.page)
    trace = hops(visitors, pages, samples_a_batch=gathered)
    aggregator.advance(START_MS)
    cpu_s, counted, number = 0.0, 0, 0
    while cpu_s < _CPU_S or number < 2 * _WARM_HOPS:
        (samples,) = islice(trace, 1)
        began_s = time.process_time()
        aggregator.merge(group_by.group(samples), samples.arrived_ms)
        hop = aggregator.advance(samples.arrived_ms + 1)
        assert hop is not None
        for view in views:
            hop.changes(view)
        spent_s = time.process_time() - began_s
        number += 1
        if number > _WARM_HOPS:
            cpu_s += spent_s
            counted += len(samples)
    return Row(visitors, pages, watched, gathered, counted, cpu_s)

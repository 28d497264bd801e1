"""Isotherm's core on the trace: a hop's events as columns in, the tiles that changed on every page out. CPU of this process."""

from __future__ import annotations

import itertools
import json
import sys
import time

import numpy as np

from bench.peers.trace import GRID, HOP_MS, WINDOW_MS, Event, events
from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, Runs, Samples


def _samples(some: list[Event], arrived_ms: int) -> Samples:
    number = len(some)
    names = list(dict.fromkeys(page for page, _, _ in some))
    tiles = np.array([tile for _, _, tile in some])
    return Samples(
        arrived_ms=arrived_ms,
        pages=[Page("default", name) for name in names],
        origins=[None] * len(names),
        sessions=[f"s{at}" for at in range(number)],
        loads=[],
        runs=Runs(
            page=np.array([names.index(page) for page, _, _ in some], np.int64),
            session=np.arange(number, dtype=np.int64),
            device=np.full(number, 2, np.int64),
            load=np.full(number, NO_LOAD, np.int64),
            seq=np.zeros(number, np.int64),
            width=np.full(number, float(GRID)),
            height=np.full(number, float(GRID)),
            size=np.ones(number, np.int64),
        ),
        time_ms=np.array([time_ms for _, time_ms, _ in some], np.int64),
        x=tiles % GRID + 0.5,
        y=tiles // GRID + 0.5,
        kind=np.zeros(number, np.uint8),
        kinds=["move"],
    )


def main() -> None:
    visitors, pages, seconds, _ = json.loads(sys.argv[1])
    given = events(visitors, pages, seconds)
    hops = [(number, list(some)) for number, some in itertools.groupby(given, lambda event: event[1] // HOP_MS)]
    batches = [_samples(some, (number + 1) * HOP_MS - 1) for number, some in hops]
    group_by = GroupBy(grid_size=GRID, hop_ms=HOP_MS)
    aggregator = Aggregator(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS, skew_ms=10_000)
    views = [View(f"default/p/{at}", "move", "all") for at in range(pages)]
    for view in views:
        aggregator.watch(view.page)
    aggregator.advance(hops[0][0] * HOP_MS)
    began_s = time.process_time()
    for samples in batches:
        aggregator.merge(group_by.group(samples), samples.arrived_ms)
        hop = aggregator.advance(samples.arrived_ms + 1)
        for view in views:
            hop.changes(view)
    cpu_s = time.process_time() - began_s
    end_ms = aggregator.end_ms
    whole = {view.page.removeprefix("default"): aggregator.whole(view) for view in views}
    last = {page: dict(zip(heat.cells.tolist(), heat.counts.tolist(), strict=True)) for page, heat in whole.items()}
    print(json.dumps({"events": len(given), "cpu_s": cpu_s, "windows": [[end_ms, last]]}))


if __name__ == "__main__":
    main()

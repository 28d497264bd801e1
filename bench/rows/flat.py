"""What a sample costs the core does not grow: with the windows it lies in, the pages there are, the grid, the age of the run.

Every axis is measured at several points, their cores side by side: each in turn does some hops, again and again, and the least CPU time a
hop counts, so that a busy machine bends no curve. The figure is the dearest point against the cheapest; `about` has the curve.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice

from bench.figures import Figure, at_most
from bench.progress import Progress
from bench.traces import HOP_MS, START_MS, hops, page_keys
from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.samples import Samples

__all__ = ["run"]

_ROUNDS = 25
_HOPS_A_ROUND = 15
_BOUND = 1.3

_AXES = {
    "window ÷ hop": ("panes", (40, 120, 400, 1200, 4000, 12_000)),
    "pages alive": ("alive", (1, 10, 100, 1000, 10_000)),
    "pages visited, a share of the samples each": ("visited", (1, 10, 100, 1000, 10_000)),
    "grid": ("grid_size", (10, 25, 50, 100, 200, 400)),
    "age of the run in hops": ("age", (100, 300, 1000, 3000, 10_000)),
}


class _Core:
    """A core with its trace, run up to where its window is full."""

    def __init__(self, *, panes: int = 40, grid_size: int = 50, alive: int = 0, visited: int = 0, age: int = 0) -> None:
        self._group_by = GroupBy(grid_size=grid_size, hop_ms=HOP_MS)
        self._aggregator = Aggregator(grid_size=grid_size, window_ms=panes * HOP_MS, hop_ms=HOP_MS, skew_ms=10_000)
        self._views = [] if visited else [View(key, "move", "all") for key in page_keys(1)]  # `visited`: all that are visited are alike
        for view in self._views:
            self._aggregator.watch(view.page)
        self._aggregator.advance(START_MS)
        if alive:  # pages that were looked at once, and stay in the window
            (quiet,) = islice(hops(alive, alive), 1)
            self._aggregator.merge(self._group_by.group(quiet), quiet.arrived_ms)
        self._trace: Iterator[Samples] = hops(10_000, visited, samples_a_batch=20) if visited else hops(500, 1)
        self.least_s = float("inf")
        for _ in range(max(panes + 8, age) if not alive else 30):
            self._hop(next(self._trace))

    def _hop(self, samples: Samples) -> None:
        self._aggregator.merge(self._group_by.group(samples), samples.arrived_ms)
        hop = self._aggregator.advance(samples.arrived_ms + 1)
        assert hop is not None
        for view in self._views:
            hop.changes(view)

    def measure(self) -> None:
        for samples in list(islice(self._trace, _HOPS_A_ROUND)):
            began_s = time.process_time()
            self._hop(samples)
            self.least_s = min(self.least_s, (time.process_time() - began_s) / len(samples))


def _core(parameter: str, value: int) -> _Core:
    if parameter == "panes":
        return _Core(panes=value)
    if parameter == "alive":
        return _Core(alive=value, panes=1200)
    if parameter == "visited":
        return _Core(visited=value)
    if parameter == "grid_size":
        return _Core(grid_size=value)
    return _Core(age=value)


def _curve(parameter: str, values: tuple[int, ...]) -> list[tuple[int, float]]:
    cores = [_core(parameter, value) for value in values]
    for _ in range(_ROUNDS):
        for core in cores:
            core.measure()
    return [(value, core.least_s * 1e9) for value, core in zip(values, cores, strict=True)]


async def run(progress: Progress) -> list[Figure]:
    figures = []
    for name, (parameter, values) in _AXES.items():
        progress.tell(f"core, {name}")
        curve = await asyncio.to_thread(_curve, parameter, values)
        costs = [cost for _, cost in curve]
        about = {"axis": name, "ns_a_sample": curve}
        figures.append(Figure(f"core, {name} {values[0]:,} … {values[-1]:,}: dearest sample ÷ cheapest", max(costs) / min(costs), "×",
                              target=at_most(_BOUND), about=about))  # fmt: skip
    return figures

"""What a sample costs the core does not grow: with the windows it lies in, the pages there are, the grid, the age of the run.

Every axis is measured at several points, their cores side by side, in rounds: in each round every point has a turn of some hops, in an
order that turns round each time, so that whatever the machine does meanwhile meets all points alike. A point's figure is the least quarter
of its turns. A turn begins with hops that are not counted, until the core's own memory is in the caches again, and its samples are made
some hops at a time, for the same reason. The figure is the dearest point against the cheapest; `about` has the curve.

Against the grid there is a bare twin in the same rounds: the least program that keeps such a window and tells the same changes
(`twins/window.c`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from bench.figures import Figure, at_most
from bench.progress import Progress
from bench.traces import HOP_MS, START_MS, hops, page_keys
from bench.twins.window import BareWindow, can_be_made
from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import Changes, View
from isotherm.core.samples import Samples

__all__ = ["run"]

_ROUNDS = 16
_HOPS_AT_ONCE = 6  #: whose samples are made in one go
_TURN = 4  #: so many times; the first is not counted
_BOUND = 1.3
_VISITORS = 500

_AXES = {
    "window ÷ hop": ("panes", (40, 120, 400, 1200, 4000, 12_000)),
    "pages alive": ("alive", (1, 10, 100, 1000, 10_000)),
    "pages visited, a share of the samples each": ("visited", (1, 10, 100, 1000, 10_000)),
    "grid": ("grid_size", (10, 25, 50, 100, 200, 400)),
    "age of the run in hops": ("age", (100, 300, 1000, 3000, 10_000)),
}


class _Core:
    """A core, and the page's view where somebody watches."""

    def __init__(self, *, panes: int, grid_size: int, watched: bool, alive: int) -> None:
        self._group_by = GroupBy(grid_size=grid_size, hop_ms=HOP_MS)
        self._aggregator = Aggregator(grid_size=grid_size, window_ms=panes * HOP_MS, hop_ms=HOP_MS, skew_ms=10_000)
        self._views = [View(key, "move", "all") for key in page_keys(1)] if watched else []
        for view in self._views:
            self._aggregator.watch(view.page)
        self._aggregator.advance(START_MS)
        if alive:  # pages that were looked at once, and stay in the window
            (quiet,) = islice(hops(alive, alive), 1)
            self._aggregator.merge(self._group_by.group(quiet), quiet.arrived_ms)

    def hop(self, samples: Samples) -> list[Changes | None]:
        self._aggregator.merge(self._group_by.group(samples), samples.arrived_ms)
        hop = self._aggregator.advance(samples.arrived_ms + 1)
        assert hop is not None
        return [hop.changes(view) for view in self._views]


class _Point:
    """Whatever takes a trace, hop by hop, and what a sample cost it in each of its turns."""

    def __init__(self, hop: Callable[[Samples], object], trace: Iterator[Samples], warm_hops: int) -> None:
        self._hop = hop
        self._trace = trace
        self._turns_s: list[float] = []
        for samples in islice(trace, warm_hops):
            hop(samples)

    def turn(self) -> None:
        spent_s = [self._spent_s(list(islice(self._trace, _HOPS_AT_ONCE))) for _ in range(_TURN)]
        self._turns_s.append(sum(spent_s[1:]) / len(spent_s[1:]))

    def _spent_s(self, some: list[Samples]) -> float:
        began_s = time.process_time()
        for samples in some:
            self._hop(samples)
        return (time.process_time() - began_s) / sum(map(len, some))

    @property
    def cost_ns(self) -> float:
        return sorted(self._turns_s)[len(self._turns_s) // 4] * 1e9


def _point(*, panes: int = 40, grid_size: int = 50, alive: int = 0, visited: int = 0, age: int = 0) -> _Point:
    """`visited`: so many pages have a share of the samples, and nobody watches; 0: all samples are one watched page's."""
    core = _Core(panes=panes, grid_size=grid_size, watched=not visited, alive=alive)
    trace = hops(10_000, visited, samples_a_batch=20) if visited else hops(_VISITORS, 1)
    return _Point(core.hop, trace, 30 if alive else max(panes + 8, age))


def _bare(grid_size: int, panes: int = 40) -> _Point:
    return _Point(BareWindow(grid_size, panes, _VISITORS).hop, hops(_VISITORS, 1), panes + 8)


class Curve(NamedTuple):
    """What a sample costs at each point, in ns; the bare twin's, where there is one."""

    costs: list[float]
    bare: list[float]


def _curve(parameter: str, values: tuple[int, ...]) -> Curve:
    points = [_point(panes=1200, alive=value) if parameter == "alive" else _point(**{parameter: value}) for value in values]
    bare = [_bare(value) for value in values] if parameter == "grid_size" and can_be_made() else []
    turns = [*points, *bare]
    for _ in range(_ROUNDS):
        for point in turns:
            point.turn()
        turns.reverse()
    return Curve([point.cost_ns for point in points], [point.cost_ns for point in bare])


def _figures(name: str, values: tuple[int, ...], curve: Curve) -> Iterator[Figure]:
    what = f"core, {name} {values[0]:,} … {values[-1]:,}"
    about: dict[str, Any] = {"axis": name, "ns_a_sample": list(zip(values, curve.costs, strict=True))}
    if curve.bare:
        about["bare_ns_a_sample"] = list(zip(values, curve.bare, strict=True))
    yield Figure(f"{what}: dearest sample ÷ cheapest", _steep(curve.costs), "×", _steep(curve.bare), target=at_most(_BOUND), about=about)
    if curve.bare:
        above = [cost - least for cost, least in zip(curve.costs, curve.bare, strict=True)]
        yield Figure(f"{what}, the bare twin's cost taken off: dearest ÷ cheapest", _steep(above), "×")


def _steep(costs: list[float]) -> float | None:
    return max(costs) / min(costs) if costs else None


async def run(progress: Progress) -> list[Figure]:
    figures: list[Figure] = []
    for name, (parameter, values) in _AXES.items():
        progress.tell(f"core, {name}")
        figures += _figures(name, values, await asyncio.to_thread(_curve, parameter, values))
    return figures

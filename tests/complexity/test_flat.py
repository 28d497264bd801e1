"""What a hop costs does not grow with windows, pages, the grid, the age of the run or viewers: a guard that times nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from isotherm.core import counting
from isotherm.core.aggregate import Aggregator, Hop
from isotherm.core.counters import Counters
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.samples import Samples
from isotherm.live.frames import keyframe
from isotherm.live.groups import Format, Groups, _Run
from tests.complexity.work import Work, assert_flat, least_work
from tests.core.test_windows import START_MS, to_samples

HOP_MS = 250
VISITORS = 30


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiled loops, and without."""
    if request.param == "numpy":
        monkeypatch.setattr(counting, "compiled", None)
    elif counting.compiled is None:
        pytest.skip("there was no C compiler when Isotherm was installed")


class Viewer:
    """Takes everything, keeps nothing."""

    def push(self, data: str | bytes) -> bool:
        return True

    def abort(self) -> None:
        raise AssertionError("a viewer that takes everything is never dropped")


def batch(page: str, number: int) -> dict[str, Any]:
    return {
        "page": page, "session": f"s{number}", "load": "l", "seq": 0, "width": 1000.0, "height": 1000.0, "viewport": 1280.0,
        "kind": [0], "x": [number * 31 % 1000], "y": [number * 57 % 1000], "age": [1],
    }  # fmt: skip


class Running:
    """Thirty visitors of one watched page, from hop to hop."""

    def __init__(
        self, *, panes: int = 1200, grid_size: int = 50, quiet_pages: int = 0, viewers: int = 1, kind: type[Aggregator] = Aggregator
    ) -> None:
        self.group_by = GroupBy(grid_size=grid_size, hop_ms=HOP_MS)
        self.aggregator = kind(grid_size=grid_size, window_ms=panes * HOP_MS, hop_ms=HOP_MS, skew_ms=10_000)
        self.groups = Groups(self.aggregator, Counters())
        for _ in range(viewers):
            self.groups.join(View("default/", "move", "all"), Viewer(), Format.BINARY, START_MS)
        self.now_ms = START_MS
        self.number = 0
        self.aggregator.advance(self.now_ms)
        if quiet_pages:
            quiet = to_samples([batch(f"default/quiet/{number}", number) for number in range(quiet_pages)], self.now_ms)
            assert quiet is not None
            self.aggregator.merge(self.group_by.group(quiet), self.now_ms)
        made = to_samples([batch("default/", number) for number in range(VISITORS)], START_MS)
        assert made is not None
        self.made = made

    def samples(self) -> Samples:
        """Those of this hop: everybody's next batch, from another place than before, so that each hop changes something."""
        since_ms, runs = self.now_ms - START_MS, self.made.runs
        return replace(
            self.made,
            arrived_ms=self.now_ms,
            time_ms=self.made.time_ms + since_ms,
            x=(self.made.x + self.number % 997) % 1000,
            runs=replace(runs, seq=runs.seq + self.number),
        )

    def hop(self) -> Hop:
        self.now_ms += HOP_MS
        self.aggregator.merge(self.group_by.group(self.samples()), self.now_ms)
        self.number += 1
        hop = self.aggregator.advance(self.now_ms)
        assert hop is not None
        sending = self.groups.broadcast(hop, self.now_ms)
        try:
            while True:
                sending.send(None)
        except StopIteration:
            return hop

    def work(self, hops: int) -> Work:
        """Of one hop, after so many."""
        for _ in range(hops):
            self.hop()
        return least_work(self.hop)


def test_windows() -> None:
    """The number of windows that a sample lies in: 40, 1,200, 12,000."""
    assert_flat([Running(panes=panes).work(panes + 8) for panes in (40, 1200, 12_000)])


def test_pages() -> None:
    """The number of live pages: the one that is watched, and 10, 1,000, 10,000 quiet ones."""
    assert_flat([Running(quiet_pages=pages).work(20) for pages in (10, 1000, 10_000)])


def test_grid() -> None:
    """The number of tiles: 100, 2,500, 160,000."""
    assert_flat([Running(grid_size=grid_size, panes=40).work(60) for grid_size in (10, 50, 400)])


def test_age() -> None:
    """The hops since the start: 60, 600, 3,000."""
    running = Running(panes=40)
    assert_flat([running.work(hops) for hops in (60, 540, 2400)])


def test_viewers() -> None:
    """A viewer more is a push more, with its bookkeeping; nothing is encoded anew, nothing else is looked at."""
    one, some, many = [Running(viewers=viewers, panes=40).work(60) for viewers in (1, 10, 1000)]
    for fewer, more, between in ((one, some, 9), (some, many, 990)):
        assert more.calls - fewer.calls <= between * 4, "calls grow"
        assert more.lines - fewer.lines <= between * 20, "lines grow"
    assert many.bytes_at_once <= 1.3 * one.bytes_at_once + 8192 + 16 * 1000  # a list of who is served may be held


@pytest.mark.parametrize("number", [5000, 20_000])
def test_rows_of_counts(number: int) -> None:
    """Group By hands on little more than a row for each tile that was pointed at, however many samples: of 50 pages, of which few are busy."""
    chance, weights = np.random.default_rng(number), 1 / np.arange(1, 51)
    pages = chance.choice(50, number, p=weights / weights.sum()).tolist()
    x, y = chance.normal(500, 150, number).clip(0, 999).tolist(), chance.uniform(0, 999, number).tolist()
    samples = to_samples([{**batch(f"default/{pages[at]}", at), "x": [x[at]], "y": [y[at]]} for at in range(number)], START_MS)
    assert samples is not None
    counts = GroupBy(grid_size=20, hop_ms=HOP_MS).group(samples)
    least = len(set(zip(counts.page.tolist(), counts.layer.tolist(), counts.pane.tolist(), counts.tile.tolist(), strict=True)))
    assert int(counts.count.sum()) == number
    assert len(counts.count) <= 1.3 * least < number


class LooksAtEveryWindow(Aggregator):
    """As a hopping window kept the naive way: it adds up all panes anew at each hop."""

    def advance(self, now_ms: int) -> Hop | None:
        hop = super().advance(now_ms)
        for _ in range(self._window_panes):
            self._totals.sum()
        return hop


class CountsWindows(Aggregator):
    """Goes round once a window, and calls nothing."""

    def advance(self, now_ms: int) -> Hop | None:
        newest = 0
        for number in range(self._window_panes):
            newest = number
        assert newest >= 0
        return super().advance(now_ms)


class CountsPages(Aggregator):
    """Goes round once a page, and calls nothing."""

    def advance(self, now_ms: int) -> Hop | None:
        newest = 0
        for number in self._pages:
            newest = number
        assert newest >= 0
        return super().advance(now_ms)


class LooksAtEveryPage(Aggregator):
    """Compares the whole windows of all pages."""

    def advance(self, now_ms: int) -> Hop | None:
        hop = super().advance(now_ms)
        (self._slab[: len(self._page_of_row) * self.tiles] != 0).any()
        return hop


def test_the_guard_sees_a_look_at_every_window() -> None:
    """A change that makes the hot way grow with the windows does not pass."""
    with pytest.raises(AssertionError, match="calls grow"):
        assert_flat([Running(panes=panes, kind=LooksAtEveryWindow).work(panes + 8) for panes in (40, 1200)])


def test_the_guard_sees_a_look_at_every_page() -> None:
    """Nor one with the pages, even as one operation on arrays."""
    with pytest.raises(AssertionError, match="bytes grow"):
        assert_flat([Running(quiet_pages=pages, kind=LooksAtEveryPage).work(20) for pages in (10, 1000)])


def test_the_guard_sees_loops_that_call_nothing() -> None:
    """Nor a bare loop over the windows, or the pages."""
    with pytest.raises(AssertionError, match="lines grow"):
        assert_flat([Running(panes=panes, kind=CountsWindows).work(panes + 8) for panes in (40, 160)])
    with pytest.raises(AssertionError, match="lines grow"):
        assert_flat([Running(quiet_pages=pages, kind=CountsPages).work(20) for pages in (10, 1000)])


def test_the_guard_sees_a_frame_encoded_for_each_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one frame encoded as often as there are viewers."""

    def push(groups: Groups, runs: list[_Run], now_ms: int) -> None:
        for run in runs:
            for _ in run.viewers:
                keyframe(groups._source.whole(run.group.view), groups._status(run.group.view, now_ms))
        pushed_once(groups, runs, now_ms)

    pushed_once = Groups._push
    monkeypatch.setattr(Groups, "_push", push)
    with pytest.raises(AssertionError, match="calls grow"):
        test_viewers()

"""What a sample costs in the compiled loops does not grow with what comes with it, nor with what is there: a guard that times nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from isotherm.core import counting
from isotherm.core.aggregate import Aggregator
from isotherm.core.counts import Counts
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.pages import Page
from isotherm.core.people import Sightings
from isotherm.core.rollup import fold
from isotherm.core.samples import NO_LOAD, Runs, Samples
from isotherm.core.tiers import Floors
from tests.complexity.loops import CountedLoops
from tests.complexity.test_flat import Running
from tests.core.test_windows import START_MS, to_samples

HOP_MS = 250
GATHERED = 125  #: samples of a batch: half a minute, of which most is older than what lists of quiet pages take


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountedLoops]:
    if counting.compiled is None:
        pytest.skip("there was no C compiler when Isotherm was installed")
    try:
        counted = CountedLoops(tmp_path_factory.mktemp("loops"))
    except OSError as error:
        pytest.skip(f"no lines are counted: {error}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "compiled", counted.module)
        yield counted


def assert_no_growth(lines: Sequence[float], most: float = 1.3) -> None:
    """Along the axis; that it becomes less, as what is done once a call is shared by more, is as it should be."""
    assert min(lines) > 0
    for at, number in enumerate(lines):
        assert number <= most * min(lines[: at + 1]), f"lines of a sample grow: {[round(one, 1) for one in lines]}"


def least(loops: CountedLoops, do: Callable[[], Any]) -> int:
    """Of some times: what is done now and then (a table that grows) is left out."""
    return min(sum(loops.lines(do).values()) for _ in range(3))


class Gathering:
    """Pages on which trackers' batches arrive, so many in a hop."""

    def __init__(self, *, pages: int, batches: int, samples: int = GATHERED, watched: bool = False, step_ms: int = HOP_MS) -> None:
        self.group_by = GroupBy(grid_size=50, hop_ms=HOP_MS)
        self.aggregator = Aggregator(grid_size=50, window_ms=300_000, hop_ms=HOP_MS, skew_ms=10_000)
        self.now_ms, self.seq = START_MS, 0
        self.aggregator.advance(self.now_ms)
        self.pages, self.batches, self.step_ms = pages, batches, step_ms
        self.views = [View(f"default/{page}", "move", "all") for page in range(pages)] if watched else []
        for view in self.views:
            self.aggregator.watch(view.page)
        chance = np.random.default_rng(1)
        self.x, self.y = (chance.uniform(0, 1000, (pages * batches, samples)) for _ in range(2))
        self.number = pages * batches * samples

    def counts(self) -> Counts:
        """Those of the next hop."""
        age = np.arange(self.x.shape[1])[::-1] * self.step_ms + 1
        made = [
            {
                "page": f"default/{at % self.pages}", "session": f"s{at}", "load": "l", "seq": self.seq, "width": 1000.0, "height": 1000.0,
                "viewport": 1280.0, "kind": np.zeros(len(age)), "x": self.x[at], "y": self.y[at], "age": age,
            }
            for at in range(len(self.x))
        ]  # fmt: skip
        self.seq += 1
        self.now_ms += HOP_MS
        samples = to_samples(made, self.now_ms)
        assert samples is not None
        return self.group_by.group(samples)

    def hop(self) -> None:
        self.aggregator.merge(self.counts(), self.now_ms)
        hop = self.aggregator.advance(self.now_ms)
        assert hop is not None
        for view in self.views:
            hop.changes(view)

    def lines(self, loops: CountedLoops) -> float:
        """Of a sample."""
        for _ in range(3):
            self.hop()
        return least(loops, self.hop) / self.number


@pytest.mark.parametrize("watched", [False, True])
def test_batches_of_a_page_in_a_hop(loops: CountedLoops, watched: bool) -> None:
    """1, 8, 64 batches of half a minute, of one page."""
    assert_no_growth([Gathering(pages=1, batches=batches, watched=watched).lines(loops) for batches in (1, 8, 64)])


@pytest.mark.parametrize("watched", [False, True])
def test_pages_that_share_the_samples(loops: CountedLoops, watched: bool) -> None:
    """10, 100, 1,000 pages, four batches each."""
    assert_no_growth([Gathering(pages=pages, batches=4, samples=10, watched=watched).lines(loops) for pages in (10, 100, 1000)])


def test_what_a_batch_reaches_back(loops: CountedLoops) -> None:
    """Half a minute, a minute, four minutes, where each pane of the window holds something already."""
    lines = []
    for hops in (1, 2, 8):
        gathering = Gathering(pages=10, batches=4, step_ms=hops * HOP_MS)
        whole = Gathering(pages=10, batches=1, samples=1150)
        gathering.aggregator.merge(whole.counts(), whole.now_ms)
        lines.append(gathering.lines(loops))
    assert_no_growth(lines, most=1.6)


def test_windows(loops: CountedLoops) -> None:
    """40, 1,200, 12,000 panes a window."""
    lines = []
    for panes in (40, 1200, 12_000):
        running = Running(panes=panes)
        for _ in range(panes + 8):
            running.hop()
        lines.append(least(loops, running.hop))
    assert_no_growth(lines)


def test_pages_that_are_quiet(loops: CountedLoops) -> None:
    """10, 1,000, 10,000 beside the one that is watched."""
    lines = []
    for pages in (10, 1000, 10_000):
        running = Running(quiet_pages=pages)
        for _ in range(20):
            running.hop()
        lines.append(least(loops, running.hop))
    assert_no_growth(lines)


def test_grid(loops: CountedLoops) -> None:
    """2,500, 10,000, 160,000 tiles."""
    lines = []
    for grid_size in (50, 100, 400):
        running = Running(grid_size=grid_size, panes=40)
        for _ in range(60):
            running.hop()
        lines.append(least(loops, running.hop))
    assert_no_growth(lines)


def test_history(loops: CountedLoops) -> None:
    """1, 8, 64 records of ten pages, folded together."""
    lines = []
    for records in (1, 8, 64):
        gathering = Gathering(pages=10, batches=2, samples=40)
        counts = [gathering.counts() for _ in range(records)]
        folded = partial(fold, counts, hop_ms=HOP_MS, tiles=2500, floors=Floors())
        lines.append(least(loops, folded) / (records * gathering.number))
    assert_no_growth(lines, most=1.6)


def test_places_and_times_that_a_sender_chose(loops: CountedLoops) -> None:
    """2,000 samples, of which no two share a row: random ones, and such as a table would have in one slot whose numbers all can read."""
    number, panes, tiles, slots, click_on_mobile = 2000, 2400, 2500, 4096, 3
    pane = np.repeat(np.arange(START_MS // HOP_MS - panes, START_MS // HOP_MS, dtype=np.uint64), tiles)
    tile = np.tile(np.arange(tiles, dtype=np.uint64), panes)
    key = (np.uint64(click_on_mobile << 30) | tile) ^ pane * np.uint64(0xD6E8FEB86659FD93)
    key *= np.uint64(0x9E3779B97F4A7C15)
    chosen = np.argsort((key ^ key >> np.uint64(32)) % np.uint64(slots), kind="stable")[:number]
    lines = []
    for places in (np.random.default_rng(1).choice(len(pane), number, replace=False), chosen):
        samples = Samples(
            arrived_ms=START_MS, pages=[Page("default", f"/{page}") for page in range(9)], origins=[None] * 9, sessions=["s"], loads=[],
            runs=Runs(*(np.full(1, value, np.int64) for value in (0, 0, 0, NO_LOAD, 0)), np.full(1, 1000.0), np.full(1, 1000.0),
                      np.full(1, number, np.int64)),
            time_ms=pane[places].astype(np.int64) * HOP_MS, x=tile[places] % 50 * 20.0 + 10, y=tile[places] // 50 * 20.0 + 10,
            kind=np.zeros(number, np.uint8), kinds=["click"],
        )  # fmt: skip
        lines.append(least(loops, partial(counting.tally, samples, np.ones(1, np.bool_), None, 50, HOP_MS)) / number)
    assert_no_growth(lines)


def test_sessions_that_a_sender_chose(loops: CountedLoops) -> None:
    """2,000 persons: with random hashes, and with such as differ in their upper bits only."""
    number = 2000
    gathering = Gathering(pages=1, batches=4, samples=number // 4)
    counts = gathering.counts()
    lines = []
    for who in (np.random.default_rng(1).choice(2**32, number, replace=False), np.arange(number) << 20):
        seen = Sightings(np.arange(number) % len(counts.count), who.astype(np.uint32))
        folded = partial(fold, [replace(counts, seen=seen)], hop_ms=HOP_MS, tiles=2500, floors=Floors())
        lines.append(least(loops, folded) / number)
    assert_no_growth(lines)


def test_the_guard_sees_a_loop_that_grows(loops: CountedLoops) -> None:
    """Ten times as many rows are sorted: lines of all together are ten times as many, and more than a sample's share of before."""
    found = []
    for rows in (100, 1000):
        first, second, places = np.zeros(rows, np.int64), np.zeros(rows, np.uint64), np.zeros(rows, np.int64)
        found.append(sum(loops.lines(partial(loops.module.order, first, second, places)).values()))
    assert 5 < found[1] / found[0] < 20
    with pytest.raises(AssertionError, match="grow"):
        assert_no_growth(found)

"""What the topic `heatmap` costs: nothing a page while nobody reads it, and the same for each page while somebody does."""

from __future__ import annotations

import numpy as np

from isotherm.core.aggregate import Aggregator
from isotherm.core.counts import Counts
from isotherm.core.publish import Publisher
from isotherm.runtimes.showing import Showing
from isotherm.runtimes.topics import Topic
from tests.complexity.work import Work, least_work

HOP_MS, START_MS, SIZES = 250, 1_700_000_000_000, (100, 400, 1600)


class Moving:
    """A visitor moves on each of so many pages, all watched."""

    def __init__(self, pages: int) -> None:
        self.keys, self.now_ms = [f"default/p/{at}" for at in range(pages)], START_MS
        self.source = Aggregator(grid_size=20, window_ms=2000, hop_ms=HOP_MS, skew_ms=1000)
        self.source.watch(None)
        self.publisher, self.showing = Publisher(self.source), Showing(Topic("heatmap"), self.source)
        for _ in range(20):
            self.write()

    def move(self) -> None:
        number, at = len(self.keys), self.now_ms // HOP_MS
        ones, one = np.full(number, 1, np.int32), np.zeros(number, np.int64)
        counts = Counts(
            self.keys, [None] * number, [1] * number, [self.now_ms] * number, np.arange(number), one, one + at, ones * (at * 7 % 400), ones
        )
        self.source.merge(counts, self.now_ms)
        self.now_ms += HOP_MS
        hop = self.source.advance(self.now_ms)
        assert hop is not None
        assert hop.number_changed == number
        self.hop = hop

    def write(self) -> None:
        """As the worker on Kafka does, all pages watched by name."""
        self.move()
        keys = self.source.keys
        assert len(list(self.publisher.records(self.hop, list(keys), self.now_ms, list(keys)))) >= len(self.keys)

    def show(self) -> None:
        assert not list(self.showing.hop(self.hop, self.now_ms))

    def work_of_nobody_reading(self) -> Work:
        self.move()
        return least_work(self.show)


def test_nobody_reads() -> None:
    """The pages that changed are counted, and nothing is made of any of them: no key, no record."""
    few, *more = [Moving(pages).work_of_nobody_reading() for pages in SIZES]
    for many in more:
        assert many.calls <= few.calls + 12
        assert many.lines <= few.lines + 30


def test_all_are_written() -> None:
    """A page more is as much work as the others: none of them looks at all."""
    few, *more = [least_work(Moving(pages).write) for pages in SIZES]
    for pages, many in zip(SIZES[1:], more, strict=True):
        times = pages / SIZES[0]
        assert many.calls <= 1.1 * times * few.calls
        assert many.lines <= 1.1 * times * few.lines
        assert many.lines <= 100 * pages, "and little"

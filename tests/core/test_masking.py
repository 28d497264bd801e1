"""Masked heat, held against brute force: a viewer who applies each hop's changes has what a masked look shows, whenever he came."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.aggregate import Aggregator
from isotherm.core.counts import Counts
from isotherm.core.crowd import Crowd
from isotherm.core.heat import View
from isotherm.core.masking import Masked
from isotherm.core.people import Sightings, hash_of

HOP_MS, WINDOW_MS, START_MS, GRID = 250, 1_000, 1_700_000_000_000, 2
VIEW = View("a/", "move", "all")
visits = st.lists(st.tuples(st.integers(0, GRID * GRID - 1), st.integers(0, 3)), max_size=4)  # tile, who


def counts_of(made: list[tuple[int, int]], now_ms: int) -> Counts:
    number = len(made)
    nothing = np.zeros(number, np.int64)
    return Counts(
        ["a/"], [None], [0], [0], nothing, nothing, np.full(number, now_ms // HOP_MS), np.array([tile for tile, _ in made], np.int32),
        np.ones(number, np.int32), Sightings(np.arange(number), np.array([hash_of(f"s{who}") for _, who in made], np.uint32)),
    )  # fmt: skip


class Stage:
    """An aggregator and a crowd that are fed alike."""

    def __init__(self, asked_every_ms: int = 0) -> None:
        self.aggregator = Aggregator(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS, skew_ms=HOP_MS)
        self.crowd = Crowd(tiles=GRID * GRID, hop_ms=HOP_MS, window_ms=WINDOW_MS)
        self.masked = Masked(self.aggregator, self.crowd.marks, 2, asked_every_ms=asked_every_ms)
        self.panes: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def take(self, made: list[tuple[int, int]], now_ms: int) -> None:
        if made:
            counts = counts_of(made, now_ms)
            self.aggregator.merge(counts, now_ms)
            self.crowd.add(counts, now_ms)
            self.panes[now_ms // HOP_MS] += made

    def expected(self, now_ms: int) -> dict[int, int]:
        end = now_ms // HOP_MS
        within = [one for pane, made in self.panes.items() if end - WINDOW_MS // HOP_MS <= pane < end for one in made]
        samples = Counter(tile for tile, _ in within)
        return {tile: count for tile, count in samples.items() if len({who for at, who in within if at == tile}) >= 2}


@settings(deadline=None)
@given(st.lists(st.tuples(visits, st.integers(1, 3), st.booleans(), st.booleans()), min_size=1, max_size=25))
def test_viewers_have_what_may_be_shown(steps: list[tuple[list[tuple[int, int]], int, bool, bool]]) -> None:
    """Whoever comes at any moment, also between a hop and what is told of it; whatever moment the others leave for."""
    stage, now_ms, pictures = Stage(), START_MS, list[dict[int, int]]()
    stage.aggregator.advance(now_ms)
    masked = stage.masked

    def came() -> None:
        heat = masked.whole(VIEW)
        pictures.append(dict(zip(heat.cells.tolist(), heat.counts.tolist(), strict=True)))

    for made, hops, comes, goes in steps:
        if goes:
            pictures.clear()
        if comes:
            came()
        stage.take(made, now_ms)
        for _ in range(hops):
            now_ms += HOP_MS
            hop = stage.aggregator.advance(now_ms)
            assert hop is not None
            told = masked.hop(hop.end_ms)
            if comes:
                came()
            changes = told.changes(VIEW) if pictures else None
            for picture in pictures if changes is not None else ():
                assert changes is not None
                picture.update(zip(changes.cells.tolist(), changes.counts.tolist(), strict=True))
            heat = masked.whole(VIEW)
            assert dict(zip(heat.cells.tolist(), heat.counts.tolist(), strict=True)) == stage.expected(now_ms)
            for picture in pictures:
                assert {tile: count for tile, count in picture.items() if count} == stage.expected(now_ms)


def test_who_was_where_is_asked_again_after_a_second() -> None:
    """A page's marks are not joined anew for every frame; what that leaves open is a second."""
    stage = Stage(asked_every_ms=1_000)
    asked = []
    stage.masked._marks = lambda page, end_ms: asked.append(end_ms) or stage.crowd.marks(page, end_ms)  # type: ignore[func-returns-value]
    for hop in range(9):
        now_ms = START_MS + hop * HOP_MS
        stage.take([(0, 1), (0, 2)], now_ms)
        stage.aggregator.advance(now_ms + HOP_MS)
        stage.masked.hop(now_ms + HOP_MS).changes(VIEW)
    assert asked == [START_MS + HOP_MS, START_MS + 5 * HOP_MS, START_MS + 9 * HOP_MS]
    assert stage.masked.whole(VIEW).counts.tolist() == [8]


def test_where_nobody_knows_the_people_nothing_is_shown() -> None:
    stage = Stage()
    stage.take([(0, 1), (0, 2)], START_MS)
    stage.aggregator.advance(START_MS + HOP_MS)
    unknowing: Any = Masked(stage.aggregator, lambda _page, _end_ms: None, 2)
    assert not len(unknowing.whole(VIEW).cells)
    assert len(stage.masked.whole(VIEW).cells) == 1

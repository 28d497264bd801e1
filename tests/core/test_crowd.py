"""The crowd within a sliding window, held against brute force."""

from __future__ import annotations

from collections import Counter
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.counts import Counts
from isotherm.core.crowd import Crowd
from isotherm.core.layers import layers_of
from isotherm.core.people import Sightings, hash_of

pytestmark = pytest.mark.usefixtures("both_ways")

HOP_MS, TILES, START_MS = 250, 4, 1_700_000_000_000
MOVES = layers_of("move", "all")
visits = st.lists(st.tuples(st.integers(0, 1), st.integers(0, TILES - 1), st.integers(0, 40_000), st.integers(0, 5)), max_size=8)


def counts_of(made: list[tuple[int, int, int, int]], now_ms: int) -> Counts:
    """Rows of (page, tile, age, who)."""
    columns = np.array(made, np.int64).reshape(-1, 4).T
    return Counts(
        ["a/", "b/"], [None, None], [0, 0], [0, 0], columns[0], np.zeros(len(made), np.int64), (now_ms - columns[2]) // HOP_MS,
        columns[1].astype(np.int32), np.ones(len(made), np.int32),
        Sightings(np.arange(len(made)), np.array([hash_of(f"s{who}") for *_, who in made], np.uint32)),
    )  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9_000), visits, st.booleans()), min_size=1, max_size=20),
    st.sampled_from([5_000, 20_000]),
    st.sampled_from([2, 1_000]),
)
def test_people_in_the_window_equal_brute_force(steps: Any, window_ms: int, rows_enough: int) -> None:
    """At each moment, on each tile and in all, whatever was settled before, late samples in the time that they are of; and however little
    is enough for a slot."""
    with mock.patch("isotherm.core.crowd._ROWS_ENOUGH", rows_enough):
        _people_in_the_window_equal_brute_force(steps, window_ms)


def _people_in_the_window_equal_brute_force(steps: Any, window_ms: int) -> None:
    crowd = Crowd(tiles=TILES, hop_ms=HOP_MS, window_ms=window_ms)
    now_ms, every = START_MS, []
    for step_ms, made, settle in steps:
        now_ms += step_ms
        crowd.add(counts_of(made, now_ms), now_ms)
        every += [(page, tile, (now_ms - age) // HOP_MS, who) for page, tile, age, who in made]
        if settle:
            crowd.settle()
        end = now_ms // HOP_MS + 1
        for page in (0, 1):
            inside = [(tile, who) for at, tile, pane, who in every if at == page and end - window_ms // HOP_MS <= pane < end]
            marks = crowd.marks("ab"[page] + "/", end * HOP_MS)
            assert marks.by_tile(MOVES, TILES).tolist() == [len({who for at, who in inside if at == tile}) for tile in range(TILES)]
            assert marks.within(MOVES, TILES) == len({who for _, who in inside})
        if (
            all(pane >= end - window_ms // HOP_MS for _, _, pane, _ in every) and now_ms - START_MS < window_ms
        ):  # all of it is in the window
            for (page, tile), number in Counter((page, tile) for page, tile, _, _ in every).items():
                parts = list(crowd.parts("ab"[page] + "/", end * HOP_MS))
                assert sum(int(count[cell == tile].sum()) for _, cell, count in parts) == number
                assert len({at_ms for at_ms, _, _ in parts}) == len(parts), "each part of the window is told once"


def test_a_sample_of_long_ago_hides_nobody_who_is_here() -> None:
    """One event says that it is of 1970; who came in the same slot is known all the same, settled or not."""
    crowd = Crowd(tiles=TILES, hop_ms=HOP_MS, window_ms=20_000)
    crowd.add(counts_of([(0, 1, START_MS, 0), (0, 1, 0, 1), (0, 2, 500, 2)], START_MS), START_MS)
    crowd.add(counts_of([], START_MS + 2_000), START_MS + 2_000)
    for _ in range(2):
        assert crowd.marks("a/", START_MS + HOP_MS).by_tile(MOVES, TILES).tolist() == [0, 1, 1, 0]
        crowd.settle()


def test_a_crowd_beyond_the_budget_is_sampled() -> None:
    """10,000 sessions with 6 tiles each in one slot: told within 15 %, and a page beside it exactly."""
    crowd = Crowd(tiles=2500, hop_ms=HOP_MS, window_ms=20_000)
    chance = np.random.default_rng(2)
    session = np.repeat([hash_of(f"visitor {number}") for number in range(10_000)], 6).astype(np.uint32)
    rows = len(session) + 1
    page = np.append(np.zeros(rows - 1, np.int64), 1)
    counts = Counts(
        ["a/", "b/"], [None, None], [0, 0], [0, 0], page, np.zeros(rows, np.int64), np.full(rows, START_MS // HOP_MS),
        chance.integers(0, 2500, rows).astype(np.int32), np.ones(rows, np.int32),
        Sightings(np.arange(rows), np.append(session, np.uint32(7))),
    )  # fmt: skip
    crowd.add(counts, START_MS)
    crowd.add(counts_of([], START_MS + 1000), START_MS + 1000)
    crowd.settle()
    marks = crowd.marks("a/", START_MS + HOP_MS)
    assert marks.level > 0
    assert abs(marks.within(MOVES, 2500) / 10_000 - 1) < 0.15
    assert crowd.marks("b/", START_MS + HOP_MS).within(MOVES, 2500) == 1

"""The counting loops: compiled and in numpy, they give the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import counting
from isotherm.core.pages import Page
from isotherm.core.presence import Presence
from isotherm.core.repeats import Repeats
from isotherm.core.samples import NO_LOAD, Runs, Samples

needs_compiler = pytest.mark.skipif(counting.compiled is None, reason="there was no C compiler when Isotherm was installed")
positions = st.one_of(st.floats(-1e308, 1e308), st.floats(0, 1000), st.integers(-5, 1005))
extents = st.one_of(st.sampled_from([320.0, 1000.0]), st.floats(1e-300, 1e6))
runs = st.tuples(
    st.integers(0, 2), st.integers(0, 3), st.integers(0, 2), st.integers(NO_LOAD, 1), st.integers(0, 4), extents, extents,
    st.lists(st.tuples(positions, positions, st.integers(-3000, 3000), st.integers(0, 2), st.booleans()), max_size=6),
)  # fmt: skip
records = st.lists(runs, min_size=1, max_size=12)
PAGES = [Page("a", "/1"), Page("a", "/2"), Page("b", "/1")]


def to_samples(made: list[Any], at_ms: int = 1_700_000_000_000) -> Samples:
    columns = [np.array(column) for column in zip(*[run[:7] for run in made], strict=True)]
    page, session, device, load, seq = (column.astype(np.int64) for column in columns[:5])
    samples = [sample for run in made for sample in run[7]]
    return Samples(
        arrived_ms=at_ms, pages=PAGES, origins=[None] * 3, sessions=list("stuv"), loads=list("lm"),
        runs=Runs(page, session, device, load, seq, columns[5].astype(np.float64), columns[6].astype(np.float64),
                  np.array([len(run[7]) for run in made], np.int64)),
        time_ms=np.array([at_ms + sample[2] for sample in samples], np.int64),
        x=np.array([sample[0] for sample in samples], np.float64),
        y=np.array([sample[1] for sample in samples], np.float64),
        kind=np.array([sample[3] for sample in samples], np.uint8), kinds=["click", "move", "scroll"],
    )  # fmt: skip


@needs_compiler
@settings(deadline=None)
@given(records, st.sampled_from([2, 50, 400]), st.sampled_from([50, 250]))
def test_tallies_are_the_same(made: list[Any], grid_size: int, hop_ms: int) -> None:
    """Rows may come in another order; each sample is counted by the row of its own place."""
    samples = to_samples(made)
    counted = np.array([sample[4] for run in made for sample in run[7]], np.bool_)
    ours, theirs = (way(samples, counted, grid_size, hop_ms) for way in (counting.tally, counting.tally_with_numpy))
    assert ours.newest_ms.tolist() == theirs.newest_ms.tolist()
    rows = [
        list(zip(*[column.tolist() for column in (one.page, one.layer, one.pane, one.tile, one.count)], strict=True))
        for one in (ours, theirs)
    ]
    assert sorted(rows[0]) == sorted(rows[1])
    places = [[found[row] if row >= 0 else None for row in one.row.tolist()] for found, one in zip(rows, (ours, theirs), strict=True)]
    assert places[0] == places[1]


@needs_compiler
@settings(deadline=None)
@given(st.lists(records, max_size=5))
def test_meetings_are_the_same(several: list[list[Any]]) -> None:
    """Repeats, and who is where, record for record."""
    memories = [(Repeats(), Presence()), (Repeats(), Presence())]
    for number, made in enumerate(several):
        samples = to_samples(made, 1_700_000_000_000 + 1000 * number)
        ours, theirs = (way(samples, *memory) for way, memory in zip((counting.meet, counting.meet_in_python), memories, strict=True))
        assert ours.tolist() == theirs.tolist()
        assert memories[0][1].where == memories[1][1].where
        assert memories[0][1].changes() == memories[1][1].changes()


@needs_compiler
@settings(deadline=None)
@given(st.lists(st.tuples(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 3))), st.sampled_from([1, -1])), max_size=6))
def test_windows_are_the_same(made: list[Any]) -> None:
    """The slab, the totals and what changed: cells that came and went in one hop did not."""
    chunks = [
        (np.array([cell for cell, _ in chunk], np.int64), np.array([count for _, count in chunk], np.int32), sign) for chunk, sign in made
    ]
    answers = []
    for way in (counting.add, counting.add_with_numpy):
        slab, totals, watched = np.zeros(40, np.int32), np.zeros(4, np.int64), np.array([True, False, True, True])
        cells, counts = way(slab, totals, watched, 10, chunks)
        answers.append([slab.tolist(), totals.tolist(), cells.tolist(), counts.tolist()])
    assert answers[0] == answers[1]


@needs_compiler
def test_what_does_not_fit_is_refused() -> None:
    """Columns of unequal lengths, places out of range, cells outside the slab: an error, never a wild write."""
    made = [(0, 0, 0, 0, 0, 1.0, 1.0, [(0.5, 0.5, 0, 1, True)])]
    whole = to_samples(made)
    short = replace(whole, y=np.zeros(0))
    with pytest.raises(ValueError, match="at least 1"):
        counting.tally(short, np.ones(1, np.bool_), 50, 250)
    with pytest.raises(IndexError):
        counting.add(np.zeros(10, np.int32), np.zeros(1, np.int64), np.ones(1, np.bool_), 10, [(np.array([10]), np.ones(1, np.int32), 1)])

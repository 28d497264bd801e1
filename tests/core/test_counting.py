"""The counting loops: compiled and in numpy, they give the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import counting
from isotherm.core.meeting import Meeting
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, Runs, Samples

needs_compiler = pytest.mark.skipif(counting.compiled is None, reason="there was no C compiler when Isotherm was installed")
positions = st.one_of(st.floats(-1e308, 1e308), st.floats(0, 1000), st.integers(-5, 1005))
extents = st.one_of(st.sampled_from([320.0, 1000.0]), st.floats(1e-300, 1e6))
runs = st.tuples(
    st.integers(0, 2), st.integers(0, 3), st.integers(0, 2), st.integers(NO_LOAD, 1), st.integers(0, 4), extents, extents, st.booleans(),
    st.lists(st.tuples(positions, positions, st.integers(-3000, 3000), st.integers(0, 2), st.booleans()), max_size=6),
)  # fmt: skip
records = st.lists(runs, min_size=1, max_size=12)
PAGES = [Page("a", "/1"), Page("a", "/2"), Page("b", "/1")]


def both_ways(do: Callable[[], Any]) -> None:
    """Does the same with the compiled loops and with numpy, and holds what comes of it to each other."""
    with_loops = do()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "compiled", None)
        assert do() == with_loops


def to_samples(made: list[Any], at_ms: int = 1_700_000_000_000, far: int = 1) -> Samples:
    """`far`: how far apart the times lie."""
    columns = [np.array(column) for column in zip(*[run[:7] for run in made], strict=True)]
    page, session, device, load, seq = (column.astype(np.int64) for column in columns[:5])
    samples = [sample for run in made for sample in run[8]]
    return Samples(
        arrived_ms=at_ms, pages=PAGES, origins=[None] * 3, sessions=list("stuv"), loads=list("lm"),
        runs=Runs(page, session, device, load, seq, columns[5].astype(np.float64), columns[6].astype(np.float64),
                  np.array([len(run[8]) for run in made], np.int64)),
        time_ms=np.array([at_ms + far * sample[2] for sample in samples], np.int64),
        x=np.array([sample[0] for sample in samples], np.float64),
        y=np.array([sample[1] for sample in samples], np.float64),
        kind=np.array([sample[3] for sample in samples], np.uint8), kinds=["click", "move", "scroll"],
    )  # fmt: skip


def rows_of(tally: counting.Tally) -> list[tuple[int, ...]]:
    return list(zip(*[column.tolist() for column in (tally.page, tally.layer, tally.pane, tally.tile)], strict=True))


def summed(tally: counting.Tally) -> Counter[tuple[int, ...]]:
    counts: Counter[tuple[int, ...]] = Counter()
    for row, count in zip(rows_of(tally), tally.count.tolist(), strict=True):
        counts[row] += count
    return counts


def tallied_both_ways(
    samples: Samples, fresh: Any, *, grid_size: int, hop_ms: int, want_rows: bool
) -> tuple[counting.Tally, counting.Tally]:
    """Compiled and by numpy: the same sums, the same newest times, and rows (where they are wanted) that are as often told as counted."""
    ours = counting.tally(samples, fresh, None, grid_size, hop_ms, want_rows=want_rows)
    theirs = counting.tally_with_numpy(samples, fresh, None, grid_size, hop_ms)
    assert summed(ours) == summed(theirs)
    assert ours.newest_ms.tolist() == theirs.newest_ms.tolist()
    if want_rows:
        assert ours.row is not None
        assert np.bincount(ours.row[ours.row >= 0], minlength=len(ours.count)).tolist() == ours.count.tolist()
    return ours, theirs


@needs_compiler
@settings(deadline=None)
@given(records, st.data(), st.sampled_from([2, 50, 400]), st.sampled_from([50, 250]), st.sampled_from([1, 10**7]))
def test_tallies_are_the_same(made: list[Any], data: st.DataObject, grid_size: int, hop_ms: int, far: int) -> None:
    """The same counts, in rows that may be several where one would do; each sample is counted by a row of its own place."""
    samples = to_samples(made, far=far)
    fresh = np.array([run[7] for run in made], np.bool_)
    within = np.array([sample[4] for run in made for sample in run[8]], np.bool_) if data.draw(st.booleans(), label="capped") else None
    ours = counting.tally(samples, fresh, within, grid_size, hop_ms, want_rows=True)
    theirs = counting.tally_with_numpy(samples, fresh, within, grid_size, hop_ms)
    assert ours.newest_ms.tolist() == theirs.newest_ms.tolist()
    assert summed(ours) == summed(theirs)
    assert ours.row is not None
    assert theirs.row is not None
    assert np.bincount(ours.row[ours.row >= 0], minlength=len(ours.count)).tolist() == ours.count.tolist()
    places = [
        [found[row] if row >= 0 else None for row in one.row.tolist()] for found, one in ((rows_of(one), one) for one in (ours, theirs))
    ]
    assert places[0] == places[1]


@needs_compiler
@pytest.mark.parametrize("panes", [1, 60, 70, 400])
def test_tallies_of_few_panes_and_of_many_are_the_same(panes: int) -> None:
    """Whether a record has a counter for each tile, or so many panes that rows are looked up; and one never leaves anything to the next."""
    chance = np.random.default_rng(panes)
    for tiles in (2, 3, 50):
        made = [(number % 3, 0, number % 3, 0, number, 1000.0, 1000.0, True, [
            (x, y, pane, 1, True) for x, y, pane in zip(chance.integers(0, 1000, 40).tolist(), chance.integers(0, 1000, 40).tolist(),
                                                        chance.integers(0, panes, 40).tolist(), strict=True)
        ]) for number in range(20)]  # fmt: skip
        samples = to_samples(made, far=1000)
        fresh = np.ones(len(made), np.bool_)
        ours = counting.tally(samples, fresh, None, tiles, 1000, want_rows=True)
        theirs = counting.tally_with_numpy(samples, fresh, None, tiles, 1000)
        assert summed(ours) == summed(theirs)
        assert ours.row is not None
        assert np.bincount(ours.row).tolist() == ours.count.tolist()


@needs_compiler
@pytest.mark.parametrize("sizes", [[1] * 1300, [1300], [1] * 15 + [2] + [1] * 17 + [0, 600, 1], [1] * 513])
@pytest.mark.parametrize("odd", [None, "page", "device", "width", "height", "stale", "kind", "time"])
def test_tallies_of_runs_that_are_alike_are_the_same(sizes: list[int], odd: str | None) -> None:
    """Runs that have all in common are looked at together, up to the one that differs in anything."""
    chance = np.random.default_rng(len(sizes))
    made = []
    for number, size in enumerate(sizes):
        strange = bool(odd) and chance.random() < 0.02
        samples = [(x, y, 700 if odd == "time" and chance.random() < 0.02 else 0, 0 if odd == "kind" and chance.random() < 0.02 else 1, True)
                   for x, y in zip(chance.uniform(-9, 1009, size).tolist(), chance.uniform(-9, 1009, size).tolist(), strict=True)]  # fmt: skip
        made.append((
            int(strange and odd == "page"), 0, int(strange and odd == "device"), 0, number,
            900.0 if strange and odd == "width" else 1000.0, 900.0 if strange and odd == "height" else 1000.0,
            not (strange and odd == "stale"), samples,
        ))  # fmt: skip
    samples, fresh = to_samples(made), np.array([run[7] for run in made], np.bool_)
    for want_rows in (False, True):
        tallied_both_ways(samples, fresh, grid_size=50, hop_ms=250, want_rows=want_rows)


@needs_compiler
@pytest.mark.parametrize("pages", [8, 9, 40])
@pytest.mark.parametrize("size", [1, 20, 700])
def test_a_hot_page_is_combined_whatever_others_there_are(pages: int, size: int) -> None:
    """A page has at most 64 rows more than it need have, however many pages its record names."""
    chance = np.random.default_rng(pages)
    hot = 8000 // size
    made = [(0 if number < hot else number - hot + 1, 0, number % 2, NO_LOAD, number, 1000.0, 1000.0, True, [
        (x, y, pane, kind, True) for x, y, pane, kind in zip(chance.integers(0, 200, size).tolist(), chance.integers(0, 200, size).tolist(),
                                                             chance.integers(0, 3, size).tolist(), chance.integers(0, 2, size).tolist(), strict=True)
    ]) for number in chance.permutation(hot + pages - 1).tolist()]  # fmt: skip
    samples = replace(to_samples(made, far=1000), pages=[Page("a", f"/{page}") for page in range(pages)], origins=[None] * pages)
    fresh = np.ones(len(made), np.bool_)
    fresh[::7] = False
    for _ in range(2):  # what one call remembers says nothing to the next
        ours, theirs = tallied_both_ways(samples, fresh, grid_size=20, hop_ms=1000, want_rows=True)
        rows, least = (Counter(tally.page.tolist()) for tally in (ours, theirs))
        assert all(rows[page] <= least[page] + 64 for page in range(pages))


@needs_compiler
@given(st.one_of(st.integers(-(2**52), 2**52), st.integers(-(2**63), 2**63 - 1)), st.sampled_from([1, 3, 50, 250, 999, 86_400_000]))
def test_panes_of_any_time(time_ms: int, hop_ms: int) -> None:
    """The division that multiplies is floor division, over all of 64 bits."""
    samples = to_samples([(0, 0, 0, NO_LOAD, 0, 1.0, 1.0, True, [(0.5, 0.5, 0, 1, True)])], 0)
    samples.time_ms[0] = time_ms
    assert counting.tally(samples, np.ones(1, np.bool_), None, 2, hop_ms).pane.tolist() == [time_ms // hop_ms]


@needs_compiler
def test_what_does_not_fit_is_refused() -> None:
    """Columns of unequal lengths or other types, places out of range: an error, never a wild write."""
    made = [(0, 0, 0, 0, 0, 1.0, 1.0, True, [(0.5, 0.5, 0, 1, True)])]
    whole, fresh = to_samples(made), np.ones(1, np.bool_)
    for wrong, words in (
        (replace(whole, y=np.zeros(0)), "at least 1"),
        (replace(whole, x=np.zeros(2, np.float32)), "8 bytes"),
        (replace(whole, runs=replace(whole.runs, page=np.array([3]))), "fit"),
        (replace(whole, runs=replace(whole.runs, device=np.array([3]))), "fit"),
        (replace(whole, runs=replace(whole.runs, size=np.array([2]))), "fit"),
        (replace(whole, runs=replace(whole.runs, size=np.array([0]))), "fit"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            counting.tally(wrong, fresh, None, 50, 250, want_rows=True)
    meeting = Meeting()
    with pytest.raises(IndexError):
        meeting.meet(replace(whole, sessions=[]), [page.key for page in whole.pages])
    with pytest.raises(ValueError, match="fit"):
        meeting.meet(replace(whole, runs=replace(whole.runs, size=np.array([2]))), [page.key for page in whole.pages])


@needs_compiler
@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 2047, 2048, 70_000, 2**32 - 1]), st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 3))))
)
def test_rows_are_sorted_the_same(made: list[tuple[int, int]]) -> None:
    """By the first number, then the second, and those that are alike as they came."""
    first, second = np.array([one for one, _ in made], np.int64), np.array([other for _, other in made], np.uint64)
    both_ways(lambda: counting.order(first, second).tolist())

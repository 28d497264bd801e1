"""Panes and the window that is their sum: compiled and in numpy, they give the same."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import counting, panes
from isotherm.core.counts import Counts
from isotherm.core.layers import LAYERS, PLAIN_LAYERS
from isotherm.core.panes import NumpyPanes, Panes, RowArrays, make_panes

pytestmark = pytest.mark.skipif(counting.compiled is None, reason="there was no C compiler when Isotherm was installed")

TILES = 12
WINDOW, SKEW = 6, 3
PAGES = 3
pane_numbers = st.one_of(st.integers(-4, 14), st.sampled_from([-(2**62), 2**62, 1000]))
count_rows = st.tuples(
    st.integers(0, PAGES - 1), st.sampled_from([0, 1, LAYERS - 1]), pane_numbers, st.integers(0, TILES - 1),
    st.one_of(st.integers(0, 3), st.sampled_from([65_535, 65_536, 200_000])),
)  # fmt: skip
steps = st.one_of(
    st.tuples(st.just("merge"), st.lists(count_rows, max_size=12)),
    st.tuples(st.just("advance"), st.one_of(st.just(1), st.integers(1, 3), st.sampled_from([-5, 7, 40]))),
    st.tuples(st.just("ask"), st.none()),
    st.tuples(st.just("watch"), st.integers(0, PAGES * LAYERS - 1)),
)


def counts_of(made: list[tuple[int, int, int, int, int]]) -> Counts:
    columns = np.array(made, np.int64).reshape(-1, 5)
    return Counts(
        pages=["a/", "b/", "c/"], origins=[None] * PAGES, visitors=[0] * PAGES, newest_ms=[0] * PAGES,
        page=columns[:, 0].copy(), layer=columns[:, 1].copy(), pane=columns[:, 2].copy(),
        tile=columns[:, 3].astype(np.int32), count=columns[:, 4].astype(np.int32),
    )  # fmt: skip


class Held:
    """Panes with their arrays of rows; a window that a brute-force count can be held against."""

    def __init__(self, panes: Panes, dense_rows: int) -> None:
        self.panes = panes
        rows = PAGES * LAYERS
        self.arrays = RowArrays(
            np.zeros(dense_rows * TILES, np.int32), np.zeros(rows, np.int64), np.zeros(rows, np.bool_), np.zeros(rows, np.int64)
        )
        panes.bind(self.arrays)
        self.rows = np.arange(rows).reshape(PAGES, LAYERS)
        self.places = np.array([2, 0, 1])
        self.end: int | None = None

    def watch(self, row: int, watched: bool) -> None:
        if watched:
            self.panes.warm(row)
        self.arrays.watched[row] = watched

    def merge(self, made: list[tuple[int, int, int, int, int]]) -> Any:
        samples = self.panes.merge(self.places, counts_of(made), self.rows)
        return None if samples is None else samples.tolist()

    def advance(self, by: int) -> Any:
        end = 5 if self.end is None else self.end + by
        slid = self.panes.advance(self.end, end)
        self.end = end
        beyond: dict[int, int] = {}
        for cell, change in zip(*(column.tolist() for column in slid.beyond), strict=True) if slid.beyond is not None else ():
            beyond[cell] = beyond.get(cell, 0) + change
        return (
            slid.tiles.tolist(), slid.counts.tolist(), slid.places, sorted(set(slid.dropped)), slid.late, slid.ahead,
            {cell: change for cell, change in beyond.items() if change}, self.state(),
        )  # fmt: skip

    def state(self) -> Any:
        """References count entries, of which a count of many thousands may be several."""
        return self.windows(), self.totals(), (self.arrays.references > 0).tolist(), len(self.panes) > 0

    def totals(self) -> list[int]:
        totals = self.arrays.totals.copy()
        self.panes.add_cold_totals(np.arange(len(totals)), totals)
        return totals.tolist()

    def windows(self) -> list[int]:
        """Of the rows in the slab."""
        windows = self.arrays.slab.reshape(-1, TILES).astype(np.int64)
        for row, window in enumerate(windows[: len(self.arrays.totals)]):
            self.panes.add_cold(row, window)
        return windows.ravel().tolist()


@settings(deadline=None)
@given(st.lists(steps, max_size=30), st.sampled_from([1, 4, PAGES * LAYERS]), st.sampled_from([0, 3, 1000]))
def test_windows_are_the_same(made: list[Any], dense_rows: int, looks_max: int) -> None:
    """What changed, what was dropped, late and ahead, the slab and the totals: whatever comes, wherever the clock goes; and the window is
    the sum of the counts whose panes are in it."""
    with patch.object(panes, "_COLD_LOOKS_MAX", looks_max):
        both = [
            Held(make_panes(TILES, dense_rows, WINDOW, SKEW), dense_rows),
            Held(NumpyPanes(TILES, dense_rows, WINDOW, SKEW), dense_rows),
        ]
    kept: list[tuple[int, int, int, int, int]] = []
    waiting: list[tuple[int, int, int, int, int]] = []
    for what, value in made:
        if what == "merge":
            assert both[0].merge(value) == both[1].merge(value)
            waiting += value
        elif what == "ask":
            assert both[0].totals() == both[1].totals()
        elif what == "watch":
            for one in both:
                one.watch(value, not one.arrays.watched[value])
        else:
            assert both[0].advance(value) == both[1].advance(value)
            end = both[0].end
            assert end is not None
            kept = [row for row in kept + waiting if end - WINDOW <= row[2] < end + SKEW]
            waiting = []
            window = np.zeros(PAGES * LAYERS * TILES, np.int64)
            for page, layer, pane, tile, count in kept:
                if pane < end:
                    window[both[0].rows[both[0].places[page], layer] * TILES + tile] += count
            assert both[0].windows() == window[: dense_rows * TILES].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_nobody_watches(seed: int) -> None:
    """Over several windows: what is summed when somebody looks is what is kept slid, whoever begins and ceases to watch, and whichever way
    samples are late, ahead, many at once or missing for a while."""
    window, skew = 150, 20
    chance = np.random.default_rng(seed)
    with patch.object(panes, "_COLD_LOOKS_MAX", int(chance.choice([50, 10_000]))):
        both = [Held(kind(TILES, 99, window, skew), 99) for kind in (make_panes, NumpyPanes)]
    for held in both:
        held.advance(1)
    for hop in range(500):
        end = both[0].end
        assert end is not None
        for _ in range(int(chance.integers(0, 4)) if hop % 170 < 120 else 0):
            page, batch = int(chance.integers(PAGES)), int(chance.integers(1, 30))
            newest = end + int(chance.integers(-3, 3)) if chance.random() < 0.95 else end + int(chance.integers(-window - 4, skew + 4))
            made = [(page, int(chance.integers(2)), newest - back, int(chance.integers(TILES)), 1) for back in range(batch)]
            assert both[0].merge(made) == both[1].merge(made)
        if chance.random() < 0.05:
            row = int(chance.integers(PAGES * LAYERS))
            watched = not both[0].arrays.watched[row]
            for held in both:
                held.watch(row, bool(watched))
        if hop % 5 == 0:
            assert both[0].state() == both[1].state()
        by = 1 if chance.random() < 0.97 else int(chance.choice([-3, 2, 60, 100, 400]))
        told = [held.advance(by) for held in both]
        assert told[0] == told[1]
    assert both[0].panes.bytes_held() > 0
    told = [held.advance(2 * window) for held in both]
    assert told[0] == told[1]
    assert len(both[0].panes) == 0


@pytest.mark.parametrize("tiles", [1, 63, 64, 65, 100, 2500, 4096, 5000, 300_000])
def test_what_changed_is_told_in_order(tiles: int) -> None:
    """Of any number of tiles, few and nearly all of them touched, some once and some there and back again: row by row, ascending in each, and
    nothing whose count is what it was. The same from both, and what two windows, counted by hand, differ by."""
    chance = np.random.default_rng(tiles)
    rows = 5
    both = [kind(tiles, rows, 3, 1) for kind in (make_panes, NumpyPanes)]
    arrays = [RowArrays(*(np.zeros(length, kind) for length, kind in ((rows * tiles, np.int32), (rows, np.int64), (rows, np.bool_), (rows, np.int64))))
              for _ in both]  # fmt: skip
    for one, of in zip(both, arrays, strict=True):
        of.watched[[0, 1, 3, 4]] = True
        one.bind(of)
    places, of_page = np.arange(rows), np.array([[row] + [-1] * (LAYERS - 1) for row in range(rows)])
    panes_kept: dict[int, Any] = {}
    shown = np.zeros(rows * tiles, np.int32)
    for end in range(1, 12):
        few = chance.random() < 0.5
        made = [
            (int(page), 0, end - 1, int(chance.integers(min(tiles, 3 if few else tiles))), int(chance.integers(1, 3)))
            for page in chance.integers(0, rows, int(chance.integers(0, 40 if few else 3000)))
        ]
        columns = np.array(made, np.int64).reshape(-1, 5)
        counts = Counts(
            pages=list("abcde"), origins=[None] * rows, visitors=[0] * rows, newest_ms=[0] * rows, page=columns[:, 0].copy(),
            layer=columns[:, 1].copy(), pane=columns[:, 2].copy(), tile=columns[:, 3].astype(np.int32), count=columns[:, 4].astype(np.int32),
        )  # fmt: skip
        panes_kept[end - 1] = np.bincount(columns[:, 0] * tiles + columns[:, 3], columns[:, 4], minlength=rows * tiles).astype(np.int32)
        told = []
        for one in both:
            assert one.merge(places, counts, of_page) is not None
            slid = one.advance(end - 1, end)
            told.append((slid.tiles.tolist(), slid.counts.tolist(), slid.places))
        assert told[0] == told[1]
        window = sum(panes_kept.get(pane, 0) for pane in range(end - 3, end))
        before, shown = shown, np.where(np.arange(rows * tiles) // tiles == 2, 0, window)
        changed = np.flatnonzero(shown != before).tolist()
        assert told[0][:2] == ([cell % tiles for cell in changed], shown[changed].tolist())
        assert {row: part.stop - part.start for row, part in told[0][2].items()} == dict(Counter(cell // tiles for cell in changed))


@pytest.mark.parametrize("by", [1, 70, 140, 1000, -1, -50, -1000])
def test_a_leap_takes_no_row_into_panes(by: int) -> None:
    """However far the clock leaps, and either way, a row that nobody watches keeps a list of its own: what stays is named once and not entry by
    entry, and what is late, ahead and in the window is what it is when every entry stands in a pane."""
    window, skew = 150, 20
    both = [Held(kind(TILES, 99, window, skew), 99) for kind in (make_panes, NumpyPanes)]
    for held in both:
        held.advance(1)
        for _ in range(window):
            assert held.end is not None
            held.merge([(page, 0, held.end + ahead, page, 1) for page in range(PAGES) for ahead in (0, 3, skew - 1)])
            held.advance(1)
        held.merge([(page, 0, held.end + ahead, page, 2) for page in range(PAGES) for ahead in (-60, -1, 0, skew - 1)])
    told = [held.advance(by) for held in both]
    assert told[0] == told[1]
    assert not both[0].arrays.slab.any()
    assert both[0].arrays.references.max() <= 1


def test_what_left_the_window_is_let_go() -> None:
    """A row that nobody watches or looks at keeps a window's entries, however long it is fed, and nothing once that has passed."""
    window = 150
    held = Held(make_panes(TILES, 99, window, SKEW), 99)
    empty = held.panes.bytes_held()
    held.advance(1)
    for _ in range(20 * window):
        assert held.end is not None
        held.merge([(0, 0, held.end - back, 1, 1) for back in range(5)])
        held.end, end = held.end + 1, held.end
        held.panes.advance(end, held.end)
    assert held.panes.bytes_held() < 2 * 8 * 5 * window
    assert held.totals()[2 * LAYERS] == held.totals()[2 * LAYERS] == 5 * window - 10
    assert held.advance(window + SKEW)[3] == [2 * LAYERS]
    assert (held.panes.bytes_held(), len(held.panes)) == (empty, 0)


def test_a_burst_on_a_watched_row_is_given_back() -> None:
    """What tells which cells a hop changed has room for a burst as long as it lasts, and a hop more."""
    held = Held(make_panes(TILES, 99, WINDOW, SKEW), 99)
    held.arrays.watched[:] = True
    held.advance(1)
    calm = held.panes.bytes_held()
    held.merge([(0, 0, 4, tile % TILES, 1) for tile in range(50_000)])
    held.advance(1)
    assert held.panes.bytes_held() > 50_000 * (8 + 16), "each entry, and for each a cell that it may have touched"
    for _ in range(WINDOW + 2):
        held.advance(1)
    assert held.panes.bytes_held() <= calm


@pytest.mark.parametrize("seed", range(4))
def test_totals_at_any_time(seed: int) -> None:
    """How many samples a row has, asked at any time and looked at by nobody: what it is when every entry stands in a pane, however late and
    ahead samples are, and whichever way the clock leaps."""
    window, skew = 150, 10
    chance = np.random.default_rng(seed)
    both = [Held(kind(TILES, 99, window, skew), 99) for kind in (make_panes, NumpyPanes)]
    for held in both:
        held.advance(1)
    for _ in range(600):
        end = both[0].end
        assert end is not None
        for _ in range(int(chance.integers(0, 4))):
            back = int(chance.choice([3, 30, 63, 66, window]))
            made = [
                (int(chance.integers(PAGES)), 0, end + int(chance.integers(-back, skew + 1)), 0, int(chance.choice([1, 2, 60_000])))
                for _ in range(int(chance.integers(1, 20)))
            ]
            for held in both:
                held.merge(made)
            if chance.random() < 0.3:
                assert both[0].totals() == both[1].totals()
        by = 1 if chance.random() < 0.95 else int(chance.choice([-200, -60, -8, -1, 2, 60, 70, 140, 400]))
        for held in both:
            assert held.end is not None
            held.panes.advance(held.end, held.end + by)
            held.end += by
        if chance.random() < 0.5:
            assert both[0].totals() == both[1].totals()


def test_a_total_is_told_without_reading_the_list() -> None:
    """Of a window of any length as many entries are read: those about its ends."""

    def read(window: int) -> int:
        held = Held(make_panes(TILES, 99, window, SKEW), 99)
        held.advance(1)
        for _ in range(window + 100):
            assert held.end is not None
            held.merge([(0, 0, held.end - back, 1, 1) for back in range(4)])
            held.end, end = held.end + 1, held.end
            held.panes.advance(end, held.end)
        held.merge([(0, 0, held.end, 1, 1)])
        totals = held.arrays.totals.copy()
        entries = held.panes.add_cold_totals(np.arange(len(totals)), totals)
        assert totals[2 * LAYERS] == 4 * window - 6
        return entries

    assert 0 < read(300) == read(1200) < 4 * 2 * (64 + SKEW + 4)


def test_a_peak_is_given_back() -> None:
    """Rows that were flooded one after the other, with somebody asking how much they have, keep what their window has and not what it had."""
    window = 150
    held = Held(make_panes(TILES, 99, window, SKEW), 99)
    held.advance(1)

    def hop(flooded: int | None) -> None:
        assert held.end is not None
        held.merge([(page, 0, held.end, 1, 1) for page in range(PAGES) for _ in range(200 if page == flooded else 1)])
        held.totals()
        held.end, end = held.end + 1, held.end
        held.panes.advance(end, held.end)

    for page in range(PAGES):
        for _ in range(20):
            hop(page)
    peak = held.panes.bytes_held()
    assert peak > PAGES * 8 * 20 * 200
    for _ in range(3 * window):
        hop(None)
    assert held.panes.bytes_held() < PAGES * (8 * 4 * window + 1024), f"after a peak of {peak} bytes"
    assert sorted(held.totals())[-PAGES:] == [window] * PAGES


def test_lists_of_all_sizes() -> None:
    """From no entry to ten thousand at a time, growing, shrinking and going beside one another: what each row has stays its own, and a peak
    is given back."""
    window, chance = 60, np.random.default_rng(3)
    both = [Held(kind(TILES, 99, window, SKEW), 99) for kind in (make_panes, NumpyPanes)]
    for held in both:
        held.advance(1)
    most = 0
    for hop in range(4 * window):
        end = both[0].end
        assert end is not None
        scale = 10 ** chance.uniform(0, 4, PAGES * LAYERS) * (chance.random(PAGES * LAYERS) < 0.35) * (1 if hop < 2 * window else 0.01)
        row = np.repeat(np.arange(PAGES * LAYERS), scale.astype(np.int64))
        page, layer = np.divmod(row, LAYERS)
        tile, pane = chance.integers(0, TILES, len(row)).astype(np.int32), end - chance.integers(0, 5, len(row))
        counts = replace(counts_of([]), page=page, layer=layer, pane=pane, tile=tile, count=np.ones(len(row), np.int32))
        ours, theirs = (held.panes.merge(held.places, counts, held.rows) for held in both)
        assert ours is not None
        assert theirs is not None
        assert ours.tolist() == theirs.tolist()
        told = []
        for held in both:
            slid, held.end = held.panes.advance(held.end, end + 1), end + 1
            told.append((sorted(set(slid.dropped)), slid.late, slid.ahead))
        assert told[0] == told[1]
        most = max(most, both[0].panes.bytes_held())
        if hop % 20 == 19:
            assert both[0].totals() == both[1].totals()
    assert most > 10_000_000, "of bytes, so that lists were long"
    assert both[0].panes.bytes_held() < most / 10
    assert both[0].windows() == both[1].windows()


def test_times_that_senders_make_up() -> None:
    """Thousands of panes far from the window, before the first hop and after it, among those that are near: the same, and none stays. And
    one that was ahead is counted when its time has come."""
    chance = np.random.default_rng(1)
    made = [(int(chance.integers(PAGES)), 0, int(number), int(chance.integers(TILES)), 1) for number in chance.permutation(12_000) - 6_000]
    both = [Held(make_panes(TILES, 99, WINDOW, SKEW), 99), Held(NumpyPanes(TILES, 99, WINDOW, SKEW), 99)]
    for held in both:
        held.arrays.watched[:] = True
    for rows in (made, made[::-1], [(0, 0, 5 + SKEW, 3, 70_000)]):
        told = [(held.merge(rows), held.advance(1)) for held in both]
        assert told[0] == told[1]
    assert both[0].panes.bytes_held() < 100_000
    assert max(both[0].advance(SKEW)[1]) >= 70_000


@settings(deadline=None)
@given(st.lists(count_rows, min_size=1, max_size=12), st.integers(0, PAGES - 1), st.booleans())
def test_counts_without_a_row_change_nothing(made: list[Any], missing: int, page_is_missing: bool) -> None:
    """Where a page or row is missing that counts name, that is told, and nothing is done."""

    def merge(held: Held) -> Any:
        if page_is_missing:
            held.places[missing] = -1
        else:
            held.rows[held.places[missing], 1] = -1
        return held.merge(made), held.state(), len(held.panes) > 0

    ours, theirs = merge(Held(make_panes(TILES, 99, WINDOW, SKEW), 99)), merge(Held(NumpyPanes(TILES, 99, WINDOW, SKEW), 99))
    assert ours == theirs
    names_it = any(page == missing and (page_is_missing or layer == 1) for page, layer, *_ in made)
    assert (ours[0] is None) == names_it
    if not names_it:
        assert ours[0] == [sum(row[4] for row in made if row[0] == page and row[1] < PLAIN_LAYERS) for page in range(PAGES)]


def test_what_does_not_fit_is_refused() -> None:
    """A page, layer, tile or row that does not exist, a count below 0, arrays of other lengths or types: an error, never a wild write."""
    held = Held(make_panes(TILES, 99, WINDOW, SKEW), 99)
    for wrong in ((PAGES, 0, 0, 0, 1), (-1, 0, 0, 0, 1), (0, LAYERS, 0, 0, 1), (0, 0, 0, TILES, 1), (0, 0, 0, -1, 1),
                  (0, 0, 0, -(2**31), 1), (0, 0, 0, 0, -1)):  # fmt: skip
        with pytest.raises(IndexError):
            held.merge([wrong])
    held.rows[0, 0] = PAGES * LAYERS
    with pytest.raises(IndexError):
        held.merge([(1, 0, 0, 0, 1)])
    with pytest.raises(TypeError):
        held.panes.merge(held.places.astype(np.int32), counts_of([(0, 0, 0, 0, 1)]), held.rows)
    with pytest.raises(ValueError, match="slab"):
        held.panes.bind(held.arrays._replace(slab=np.zeros(5, np.int32)))
    assert held.advance(0)[-1] == held.state()  # with the arrays before
    with pytest.raises(ValueError, match="arrays of rows"):
        make_panes(TILES, 99, WINDOW, SKEW).advance(None, 5)


_WITHOUT_MEMORY = """
import resource
from pathlib import Path
import numpy as np
from isotherm.core.panes import RowArrays, make_panes
from tests.core.test_panes import LAYERS, counts_of

TILES, ROWS = 160_000, 1024
slab = np.zeros(ROWS * TILES, np.int32)
few, many = (RowArrays(slab, np.zeros(n, np.int64), np.ones(n, np.bool_), np.zeros(n, np.int64)) for n in (4, ROWS))
panes = make_panes(TILES, ROWS, 40, 4)
panes.bind(few)
panes.advance(None, 100)
limit = resource.getrlimit(resource.RLIMIT_AS)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (8 << 20), limit[1]))  # the bits of so many watched cells take 20 MiB
try:
    panes.bind(many)
except MemoryError:
    print("no memory")
resource.setrlimit(resource.RLIMIT_AS, limit)
counts, rows = counts_of([(0, 0, 99, 5, 1)]), np.full((3, LAYERS), 900)
try:
    panes.merge(np.arange(3), counts, rows)
except IndexError:
    print("refused")
panes.merge(np.arange(3), counts, np.full((3, LAYERS), 3))
print(panes.advance(100, 101).places, few.totals)
many.totals[:4], many.references[:4] = few.totals, few.references
panes.bind(many)
panes.merge(np.arange(3), counts, rows)
print(panes.advance(101, 102).places, many.totals[[3, 900]])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory there is in use, and sets a limit")
def test_rows_for_which_there_is_no_memory_are_refused() -> None:
    """Not enough for what more rows take: an error, and no write beyond what is there, while the rows before go on; with memory there are more."""
    done = subprocess.run([sys.executable, "-c", _WITHOUT_MEMORY], capture_output=True, text=True, check=False)
    expected = ["no memory", "refused", "{3: slice(0, 1, None)} [0 0 0 1]", "{900: slice(0, 1, None)} [1 1]", ""]
    assert (done.returncode, done.stdout.split("\n")) == (0, expected), done.stderr

"""Rollups, held against brute force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import counting
from isotherm.core.counts import Counts
from isotherm.core.group_by import GroupBy
from isotherm.core.layers import LAYERS, layers_of
from isotherm.core.people import Documents, Sightings, Visits, hash_of
from isotherm.core.rollup import Contents, Rollup, fold, groups, sizes
from isotherm.core.tiers import DAY_MS, TIERS_MS, Floors
from tests.core.test_windows import START_MS, to_samples

pytestmark = pytest.mark.usefixtures("both_ways")

HOP_MS, TILES = 250, 4
rows = st.tuples(
    st.integers(0, 1),  # page
    st.integers(0, LAYERS - 1),
    st.integers(0, 3 * DAY_MS // HOP_MS).map(lambda pane: pane - 2 * DAY_MS // HOP_MS + START_MS // HOP_MS),
    st.integers(0, TILES - 1),
    st.integers(1, 5),  # count
    st.sets(st.integers(0, 6), min_size=1),  # who
)
records = st.lists(st.lists(rows, max_size=12), max_size=5)


def counts_of(made: list[Any]) -> Counts:
    page, layer, pane, tile, count, who = zip(*made, strict=True) if made else ((),) * 6
    seen = [(row, hash_of(f"s{one}")) for row, several in enumerate(who) for one in several]
    return Counts(
        ["a/", "b/"], [None, None], [0, 0], [0, 0],
        np.array(page, np.int64), np.array(layer, np.int64), np.array(pane, np.int64), np.array(tile, np.int32), np.array(count, np.int32),
        Sightings(np.array([row for row, _ in seen], np.int64), np.array([session for _, session in seen], np.uint32)),
        Documents(np.array([0]), np.array([1000.0]), np.array([2000.0])),
    )  # fmt: skip


@settings(deadline=None)
@given(records, st.integers(0, 3))
def test_buckets_equal_brute_force(made: list[list[Any]], floor_days: int) -> None:
    """In each tier each sample is in the bucket of its minute, hour and day, with its people; what lies below a floor is in none of its tier."""
    floors = Floors(START_MS // DAY_MS * DAY_MS - floor_days * DAY_MS, 0, 0)
    buckets, too_old = fold([counts_of(one) for one in made], hop_ms=HOP_MS, tiles=TILES, floors=floors)
    assert too_old == 0
    expected: dict[tuple[str, int, int], tuple[dict[int, int], set[tuple[int, int]]]] = {}
    for page, layer, pane, tile, count, who in (row for one in made for row in one):
        for tier, span_ms in enumerate(TIERS_MS):
            if pane * HOP_MS < floors.by_tier[tier]:
                continue
            counts, people = expected.setdefault(("ab"[page] + "/", tier, pane * HOP_MS // span_ms), ({}, set()))
            cell = layer * TILES + tile
            counts[cell] = counts.get(cell, 0) + count
            people.update((hash_of(f"s{one}"), cell) for one in who)
    found = {
        (bucket.page, bucket.tier, bucket.number): (
            dict(zip(bucket.contents.cells.tolist(), bucket.contents.counts.tolist(), strict=True)),
            {(mark >> 32, mark & 0xFFFF_FFFF) for mark in bucket.contents.marks.marks.tolist()},
        )
        for bucket in buckets
    }
    assert found == expected


@settings(deadline=None)
@given(records)
def test_one_page_alone_is_what_it_is_among_others(made: list[list[Any]]) -> None:
    """A question about a page looks at its rows only, and finds the same."""
    counts = [counts_of(one) for one in made]
    alone, _ = fold(counts, hop_ms=HOP_MS, tiles=TILES, floors=Floors(), only_page="b/")
    among, _ = fold(counts, hop_ms=HOP_MS, tiles=TILES, floors=Floors())

    def plain(buckets: Any) -> Any:
        return {
            (b.page, b.tier, b.number, *b.contents.cells, *b.contents.counts, *b.contents.marks.marks) for b in buckets if b.page == "b/"
        }

    assert plain(alone) == plain(among)


@settings(deadline=None)
@given(records)
def test_added_buckets_are_the_bucket_of_all(made: list[list[Any]]) -> None:
    """Stored in parts, in any order, it is the same."""
    parts = [bucket for one in made for bucket in fold([counts_of(one)], hop_ms=HOP_MS, tiles=TILES, floors=Floors())[0]]
    whole, _ = fold([counts_of(one) for one in made], hop_ms=HOP_MS, tiles=TILES, floors=Floors())
    for bucket in whole:
        added = Contents.added([part.contents for part in reversed(parts) if part[:3] == bucket[:3]])
        assert added.cells.tolist() == bucket.contents.cells.tolist()
        assert added.counts.tolist() == bucket.contents.counts.tolist()
        assert added.marks.marks.tolist() == bucket.contents.marks.marks.tolist()


def as_it_comes(chance: np.random.Generator, samples: int) -> Counts:
    """A record as Group By hands it over: sessions by runs, some samples of no row, pages without any, a minute's end in its midst."""
    sizes = chance.multinomial(samples, np.full(9, 1 / 9))
    page, row = np.sort(chance.integers(0, 5, samples)), chance.permutation(samples)
    row[chance.random(samples) < 0.1] = -1
    names = [f"s{one}" for one in chance.permutation(6)]
    return Counts(
        [f"p/{one}" for one in chance.permutation(7)], [None] * 7, [0] * 7, [0] * 7, page, chance.integers(0, LAYERS, samples),
        START_MS // HOP_MS + np.cumsum(chance.integers(-1, 3, samples)), chance.integers(0, 50, samples).astype(np.int32),
        chance.integers(1, 9, samples).astype(np.int32), Sightings(row, Visits(names, chance.integers(0, 6, 9), sizes)),
    )  # fmt: skip


@pytest.mark.parametrize("only_page", [None, "p/3"])
@pytest.mark.parametrize("marks_max", [16_384, 100])
def test_records_as_they_come_fold_alike_in_either_way(only_page: str | None, marks_max: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets in the same order, with the same cells, counts and marks, thinned to the same level."""
    chance = np.random.default_rng(3)
    made = [as_it_comes(chance, samples) for samples in (3000, 0, 1, 800, 1200)]
    told = []
    for way in (counting.compiled, None):
        monkeypatch.setattr(counting, "compiled", way)
        buckets, too_old = fold(made, hop_ms=HOP_MS, tiles=50, floors=Floors(), only_page=only_page, marks_max=marks_max)
        assert {tier: sum(int(b.contents.counts.sum()) for b in buckets if b.tier == tier) for tier in range(3)} == dict.fromkeys(
            range(3), sum(int(one.count[[one.pages[at] == (only_page or one.pages[at]) for at in one.page]].sum()) for one in made)
        )
        told.append([
            (b.page, b.tier, b.number, b.contents.cells.tolist(), b.contents.counts.tolist(), b.contents.marks.marks.tolist(), b.contents.marks.level)
            for b in buckets
        ])  # fmt: skip
        assert too_old == 0
    assert told[0] == told[1]
    assert any(level for *_, level in told[0]) == (marks_max == 100)


def test_rows_that_fit_nothing_are_refused(both_ways: str) -> None:
    """A page, cell, row or run that there is not: said, and no memory is touched that is not ours."""
    if both_ways == "numpy":
        pytest.skip("numpy's own checks")
    fine = as_it_comes(np.random.default_rng(1), 40)
    last = np.arange(40) == 39
    for wrong in (
        replace(fine, page=np.where(last, 7, fine.page)),
        replace(fine, layer=np.where(last, LAYERS, fine.layer)),
        replace(fine, layer=np.where(last, -1, fine.layer)),
        replace(fine, tile=np.where(last, 1 << 30, fine.tile).astype(np.int32)),
        replace(fine, seen=Sightings(np.where(last, 40, 0), fine.seen.who)),
        replace(fine, seen=Sightings(fine.seen.row, Visits(["s"], np.zeros(9, np.int64), np.full(9, 4)))),
        replace(fine, seen=Sightings(fine.seen.row, Visits(["s"], np.ones(9, np.int64), np.full(9, 5)))),
    ):
        with pytest.raises(ValueError, match="fit"):
            fold([wrong], hop_ms=HOP_MS, tiles=50, floors=Floors())


def test_what_is_older_than_all_is_counted_as_such() -> None:
    """And kept nowhere."""
    floors = Floors(START_MS, START_MS, START_MS)
    buckets, too_old = fold([counts_of([(0, 0, START_MS // HOP_MS - 1, 0, 3, {1})])], hop_ms=HOP_MS, tiles=TILES, floors=floors)
    assert (buckets, too_old) == ([], 3)


def test_what_could_not_be_stored_is_told_again() -> None:
    """Put back, it stands before what came since, and the newest offset is the newer one."""
    rollup = Rollup()
    rollup.add(counts_of([(0, 0, 1, 1, 1, {1})]), "log", 7, 100)
    taken = rollup.take()
    assert (rollup.rows, rollup.oldest_ms) == (0, None)
    rollup.add(counts_of([(0, 0, 2, 1, 1, {1})]), "log", 8, 200)
    rollup.put_back(taken)
    again = rollup.take()
    assert ([one.pane.tolist() for one in again.counts], again.offsets, again.oldest_ms, again.rows) == ([[1], [2]], {"log": 8}, 100, 4)
    assert sizes(again.read()) == {"a/": (1000.0, 2000.0)}


def test_group_by_tells_who_was_where() -> None:
    """Each tile with the sessions whose samples it counts; a repeat adds nobody; the newest size is the page's."""
    group_by = GroupBy(grid_size=2, hop_ms=HOP_MS, people=True)
    one = {"page": "default/", "load": "l", "seq": 0, "width": 4, "height": 4, "viewport": 1280.0, "kind": [0, 0], "age": [0, 0]}
    made = [one | {"session": "s", "x": [1, 3], "y": [1, 3]}, one | {"session": "t", "x": [3, 3], "y": [3, 3], "height": 8}]
    repeated = one | {"session": "s", "x": [1, 3], "y": [3, 1]}
    samples, again = to_samples(made, START_MS), to_samples([repeated], START_MS)
    assert samples is not None
    assert again is not None
    buckets, _ = fold([group_by.group(samples), group_by.group(again)], hop_ms=HOP_MS, tiles=4, floors=Floors())
    marks = buckets[0].contents.marks
    layers = layers_of("move", "all")
    assert marks.by_tile(layers, 4).tolist() == [1, 1, 0, 1]
    assert marks.within(layers, 4) == 2
    documents = group_by.group(samples).documents
    assert documents is not None
    assert documents.sizes() == {0: (4.0, 8.0)}


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5) | st.integers(0, 2**40)), max_size=40))
def test_groups_are_those_of_a_loop(made: list[tuple[int, int]]) -> None:
    """Each (page, number) once, ascending, with its rows in their order; however far numbers lie apart."""
    columns: Any = np.array(made, np.int64).reshape(-1, 2).T
    expected: dict[tuple[int, int], list[int]] = {}
    for row, at in enumerate(made):
        expected.setdefault(at, []).append(row)
    found = [(at, rows.tolist()) for at, rows in groups(*columns)]
    assert found == sorted(expected.items())

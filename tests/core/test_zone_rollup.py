"""Zones rolled up, held against brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.counts import Counts, ZoneCounts
from isotherm.core.layers import KINDS, PLAIN_KINDS
from isotherm.core.people import hash_of
from isotherm.core.tiers import DAY_MS, TIERS_MS, Floors
from isotherm.core.zone_rollup import KIND_STRIDE, ZoneBucket, ZoneContents, fold_zones
from tests.core.test_windows import START_MS

HOP_MS = 250
NAMES = ["offers", "add-to-bag", "/p/1", "#main>0"]
rows = st.tuples(
    st.integers(0, 1),  # page
    st.integers(0, len(NAMES) - 1),
    st.integers(0, 3 * DAY_MS // HOP_MS).map(lambda pane: pane - 2 * DAY_MS // HOP_MS + START_MS // HOP_MS),
    st.integers(0, len(KINDS) - 1),
    st.integers(0, 6),  # who
    st.integers(1, 5),  # count
)
records = st.lists(st.lists(rows, max_size=12), max_size=5)


def counts_of(made: list[Any]) -> Counts:
    """One record's; its own table of names is not in order."""
    page, zone, pane, kind, who, count = zip(*made, strict=True) if made else ((),) * 6
    zones = ZoneCounts(
        NAMES, np.array(page, np.int64), np.array(zone, np.int64), np.array(pane, np.int64), np.array(kind, np.int64),
        np.array([hash_of(f"s{one}") for one in who], np.uint32), np.array(count, np.int64),
    )  # fmt: skip
    none = np.zeros(0, np.int64)
    return Counts(["a/", "b/"], [None, None], [0, 0], [0, 0], none, none, none, none.astype(np.int32), none.astype(np.int32), zones=zones)


def plain(contents: ZoneContents) -> tuple[dict[tuple[str, int], int], set[tuple[str, int]]]:
    """Samples a zone and kind, and who was on which zone."""
    zone, kind = np.divmod(contents.cells, KIND_STRIDE)
    cells = zip(zone.tolist(), kind.tolist(), contents.counts.tolist(), strict=True)
    people = {(contents.names[mark & 0xFFFF_FFFF], mark >> 32) for mark in contents.marks.marks.tolist()}
    return {(contents.names[z], k): count for z, k, count in cells}, people


def brute_force(made: list[list[Any]], floors: Floors) -> dict[tuple[str, int, int], Any]:
    expected: dict[tuple[str, int, int], Any] = {}
    for page, zone, pane, kind, who, count in (row for one in made for row in one):
        for tier, span_ms in enumerate(TIERS_MS):
            if pane * HOP_MS >= floors.by_tier[tier]:
                counts, people = expected.setdefault(("ab"[page] + "/", tier, pane * HOP_MS // span_ms), ({}, set()))
                counts[NAMES[zone], kind] = counts.get((NAMES[zone], kind), 0) + count
                people.add((NAMES[zone], hash_of(f"s{who}")))
    return expected


def by_place(buckets: list[ZoneBucket]) -> dict[tuple[str, int, int], Any]:
    return {(bucket.page, bucket.tier, bucket.number): plain(bucket.contents) for bucket in buckets}


@settings(deadline=None)
@given(records, st.integers(0, 3))
def test_buckets_equal_brute_force(made: list[list[Any]], floor_days: int) -> None:
    """Each sample is in the bucket of its minute, hour and day, under its zone's name, with its person; nothing lies below a floor."""
    floors = Floors(START_MS // DAY_MS * DAY_MS - floor_days * DAY_MS, 0, 0)
    counts = [counts_of(one) for one in made]
    found = fold_zones(counts, hop_ms=HOP_MS, floors=floors)
    assert by_place(found) == brute_force(made, floors)
    assert all(list(bucket.contents.names) == sorted(bucket.contents.names) for bucket in found)
    alone = fold_zones(counts, hop_ms=HOP_MS, floors=floors, only_page="b/")
    assert by_place(alone) == {place: told for place, told in by_place(found).items() if place[0] == "b/"}


@settings(deadline=None)
@given(records)
def test_added_buckets_are_the_bucket_of_all(made: list[list[Any]]) -> None:
    """Stored in parts, in any order, it is the same; its league has each zone's samples and each person once."""
    parts = [bucket for one in made for bucket in fold_zones([counts_of(one)], hop_ms=HOP_MS, floors=Floors())]
    expected = brute_force(made, Floors())
    for place, (counts, people) in expected.items():
        mine = [bucket.contents for bucket in parts if (bucket.page, bucket.tier, bucket.number) == place]
        for order in (mine, mine[::-1]):
            added = ZoneContents.added(order)
            assert plain(added) == (counts, people)
        assert added.people == len({who for _, who in people})
        league = {zone.name: (zone.samples, zone.clicks, zone.people) for zone in added.league()}
        for name in {zone for zone, kind in counts if kind < PLAIN_KINDS}:
            samples = sum(count for (zone, kind), count in counts.items() if zone == name and kind < PLAIN_KINDS)
            assert league[name] == (samples, counts.get((name, 1), 0), sum(zone == name for zone, _ in people))


def test_the_largest_zones_stay_with_all_that_is_theirs() -> None:
    """Beyond the limit the zones with most samples are kept, of equals the first by name, with their people."""
    made = [(0, zone, START_MS // HOP_MS, 0, who, count) for zone, count in enumerate((3, 9, 1, 3)) for who in range(zone + 1)]
    whole = fold_zones([counts_of(made)], hop_ms=HOP_MS, floors=Floors())[0].contents
    samples = {zone.name: (zone.samples, zone.people) for zone in whole.league()}
    kept = {zone.name: (zone.samples, zone.people) for zone in whole.largest(2).league()}
    assert kept == {"add-to-bag": samples["add-to-bag"], "#main>0": samples["#main>0"]}
    assert whole.largest(4) is whole
    assert {zone.name for zone in ZoneContents.added([whole, whole], zones_max=1).league()} == {"add-to-bag"}

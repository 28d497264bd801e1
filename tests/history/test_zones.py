"""Zones of the past: any range, in either store, waiting or stored; what is usual at this hour; a dry run over hours."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isotherm.core.counts import Counts, ZoneCounts
from isotherm.core.erase import Erasure
from isotherm.core.people import hash_of
from isotherm.core.rules import Rule
from isotherm.core.tiers import DAY_MS, HOUR_MS, MINUTE_MS, TIERS_MS
from isotherm.core.zone_rollup import fold_zones
from isotherm.core.zones import Zones
from isotherm.history import History
from isotherm.history.places import open_store
from isotherm.history.store import Store, StoredZones
from isotherm.history.zones import hours_before, usual_of
from isotherm.reactions.trial import dry_run_minutes
from tests.history import test_places
from tests.history.test_keeper import HOP_MS, NOW_MS, counts, open_history
from tests.history.test_places import KEEP_ALL, looking, storing

Row = tuple[int, str, int, str, int]  #: time, zone, kind (1: click), who, count
place = pytest.fixture(params=["sqlite", "postgresql"])(test_places.place.__wrapped__)  # type: ignore[attr-defined]


def zoned(*rows: Row, page: str = "a/") -> Counts:
    """A record's counts: a tile, and zones."""
    names = sorted({row[1] for row in rows}, reverse=True)
    time_ms, zone, kind, who, count = zip(*rows, strict=True)
    zones = ZoneCounts(
        names, np.zeros(len(rows), np.int64), np.array([names.index(one) for one in zone]), np.array(time_ms, np.int64) // HOP_MS,
        np.array(kind), np.array([hash_of(one) for one in who], np.uint32), np.array(count),
    )  # fmt: skip
    return replace(counts((time_ms[0], 0, 1), page=page), zones=zones)


def brute_force(rows: list[Row], start_ms: int, end_ms: int) -> dict[str, tuple[int, int, int]]:
    inside = [row for row in rows if start_ms <= row[0] // HOP_MS * HOP_MS < end_ms]
    return {
        name: (
            sum(row[4] for row in inside if row[1] == name),
            sum(row[4] for row in inside if row[1] == name and row[2] == 1),
            len({row[3] for row in inside if row[1] == name}),
        )
        for name in {row[1] for row in inside}
    }


async def league(history: History, from_ms: int | None, to_ms: int) -> tuple[int, int, int, dict[str, tuple[int, int, int]]]:
    past = await history.zones("a/", from_ms, to_ms)
    return past.start_ms, past.end_ms, past.people, {zone.name: (zone.samples, zone.clicks, zone.people) for zone in past.zones}


def some_rows(chance: random.Random, howmany: int, span_ms: int) -> list[Row]:
    return [
        (NOW_MS - chance.randrange(span_ms), f"zone {chance.randrange(4)}", chance.randrange(2), f"s{chance.randrange(5)}", 1 + at % 3)
        for at in range(howmany)
    ]


async def test_any_range_is_a_brute_force_count_wherever_it_stands(place: str, tmp_path: Path) -> None:
    """Samples, clicks and people of each zone: what waits here, and what workers stored in several goes."""
    chance = random.Random(7)
    rows = some_rows(chance, 60, 3 * DAY_MS)
    embedded, worker, looker = open_history(tmp_path), storing(place), looking(place)
    worker.begin("x/0", 100)
    for offset, row in enumerate(rows):
        embedded.add(zoned(row), offset, NOW_MS)
        worker.add(zoned(row), "x/0", offset, NOW_MS)
        if offset == 30:
            await embedded.tend(NOW_MS + MINUTE_MS)
        if offset % 20 == 0:
            worker.flush()
    worker.flush()
    for from_ms, to_ms in [(None, NOW_MS + 1), (NOW_MS - DAY_MS, NOW_MS), (NOW_MS - 5 * HOUR_MS, NOW_MS - HOUR_MS), (NOW_MS, NOW_MS + 1)]:
        start_ms, end_ms, people, found = await league(embedded, from_ms, to_ms)
        inside = [row for row in rows if start_ms <= row[0] // HOP_MS * HOP_MS < end_ms]
        assert found == brute_force(rows, start_ms, end_ms)
        assert people == len({row[3] for row in inside})
        if from_ms is not None:
            assert await league(looker, from_ms, to_ms) == (start_ms, end_ms, people, found)
    await embedded.close()
    await looker.close()
    assert KEEP_ALL.minutes_ms > DAY_MS


async def test_the_trend_is_the_newest_fifth_beside_the_whole(tmp_path: Path) -> None:
    """An hour in which a zone had its samples in the last twelve minutes: five times the pace; one that is steady: 1."""
    history = open_history(tmp_path)
    end_ms = NOW_MS // HOUR_MS * HOUR_MS
    steady: list[Row] = [(end_ms - at * MINUTE_MS, "steady", 0, "s", 1) for at in range(1, 61)]
    history.add(zoned(*steady, (end_ms - MINUTE_MS, "new", 0, "s", 7)), 1, NOW_MS)
    past = await history.zones("a/", end_ms - HOUR_MS, end_ms)
    assert {zone.name: past.trend(zone) for zone in past.zones} == {"steady": pytest.approx(1), "new": pytest.approx(5)}
    await history.close()


async def test_a_session_is_taken_out_of_zones_too(tmp_path: Path) -> None:
    """`isotherm erase --session`: nobody finds it among the people of a zone any more; counts stay."""
    history = open_history(tmp_path)
    history.add(zoned((NOW_MS, "offers", 0, "gone", 3), (NOW_MS, "offers", 0, "stays", 2)), 1, NOW_MS)
    await history.tend(NOW_MS + 2 * MINUTE_MS)
    eraser = Store(tmp_path / "history.sqlite", 0)
    assert eraser.rewrite_marks(Erasure(session="gone").without_marks) == len(TIERS_MS), "a bucket of zones in each tier"
    eraser.close()
    assert (await league(history, NOW_MS, NOW_MS + 1))[3] == {"offers": (5, 0, 1)}
    await history.close()


def test_zones_go_with_what_is_old(place: str) -> None:
    """Trimmed as the tiles are."""
    store = open_store(place, 2)
    store.add(fold_zones([zoned((NOW_MS, "offers", 0, "s", 1))], hop_ms=HOP_MS, floors=store.floors()), {}, {})
    assert set(store.oldest()) == {0, 1, 2}
    store.trim(replace(KEEP_ALL, minutes_ms=0, hours_ms=0, days_ms=0).floors(NOW_MS + 3 * DAY_MS), KEEP_ALL.bytes_max)
    assert store.oldest() == {}
    store.close()


def stored(tier: int, at_ms: int, zone: str, count: int, people: int = 6) -> StoredZones:
    rows = [(at_ms, zone, 0, f"s{one}", count if one == 0 else 0) for one in range(people)]
    (contents,) = (
        bucket.contents for bucket in fold_zones([zoned(*rows)], hop_ms=HOP_MS, floors=KEEP_ALL.floors(NOW_MS)) if bucket.tier == tier
    )
    return StoredZones(tier, at_ms // TIERS_MS[tier], contents)


def test_hotter_than_usual_is_more_than_on_any_of_the_seven_days() -> None:
    """At a quarter past: three quarters of the hour before and a quarter of this one, on each day. A wild day before makes it usual."""
    now_ms = NOW_MS // HOUR_MS * HOUR_MS + HOUR_MS // 4
    hours = hours_before(now_ms)
    assert len(hours) == 14
    before = [stored(1, number * HOUR_MS, "offers", 100) for number in hours]
    newest = [stored(0, now_ms - MINUTE_MS, "offers", 180), stored(0, now_ms - MINUTE_MS, "new", 9)]
    found = usual_of(now_ms, newest, before)
    assert found["offers"].mean == pytest.approx(100)
    assert found["offers"].times == pytest.approx(1.8)
    assert found["offers"].hotter
    assert found["new"].times is None
    wild = [*before, stored(1, hours[3] * HOUR_MS, "offers", 200)]  # the hour before, two days ago
    assert usual_of(now_ms, newest, wild)["offers"].most == pytest.approx(100 + 0.75 * 200)
    assert not usual_of(now_ms, newest, wild)["offers"].hotter
    few = [stored(0, now_ms - MINUTE_MS, "offers", 180, people=4)]
    assert not usual_of(now_ms, few, before)["offers"].hotter, "too few people to tell"


def test_a_dry_run_over_minutes_fires_where_the_windows_at_their_ends_say() -> None:
    """Held against the live stage at each minute's end: the same values, so the same that fired."""
    chance = random.Random(3)
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    since_ms = end_ms - 90 * MINUTE_MS
    rows: list[Row] = []
    for row in some_rows(chance, 500, 90 * MINUTE_MS):
        loud = (row[0] // (20 * MINUTE_MS)) % 2 == 0
        rows.append((row[0] - NOW_MS + end_ms, "zone 0" if loud and chance.random() < 0.7 else row[1], *row[2:]))
    rule = Rule("r", "/", "share", 0.5, site="a", zone="zone *", hold_ms=3000, people=2, cooldown_ms=0)
    minutes = [
        (bucket.number, bucket.contents)
        for bucket in fold_zones([zoned(row) for row in rows], hop_ms=HOP_MS, floors=KEEP_ALL.floors(NOW_MS))
        if bucket.tier == 0
    ]
    trial = dry_run_minutes(rule, minutes, window_ms=5 * MINUTE_MS, since_ms=since_ms, until_ms=end_ms)
    live, expected, hot = Zones(window_ms=5 * MINUTE_MS, hop_ms=HOP_MS, skew_ms=0), [], set()
    waiting = sorted(rows)
    for at_ms in range(since_ms + MINUTE_MS, end_ms + 1, MINUTE_MS):
        while waiting and waiting[0][0] // HOP_MS * HOP_MS < at_ms:
            made = zoned(waiting.pop(0))
            assert made.zones is not None
            live.merge(made.pages, made.zones)
        live.advance(at_ms)
        zones = {zone.name: zone for zone in live.league("a/")}
        cooled = {name for name in hot if name not in zones or zones[name].share < 0.4}
        became = {name for name, zone in zones.items() if name not in hot and zone.share >= 0.5 and zone.people >= 2}
        hot = hot - cooled | became
        expected += [(at_ms, "cooled", name) for name in sorted(cooled)] + [(at_ms, "hot", name) for name in sorted(became)]
    assert [(told.at_ms, told.type, told.zone) for told in trial.fired] == expected
    assert len(expected) > 2
    assert max(value for value in trial.values if value is not None) >= 0.5

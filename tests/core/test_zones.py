"""Zones against brute force: samples, people, clicks and share of every window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import counting
from isotherm.core.count_records import counts_to_records, zones_from_record
from isotherm.core.counts import Counts, ZoneCounts
from isotherm.core.erase import Erasure
from isotherm.core.group_by import GroupBy
from isotherm.core.layers import KINDS
from isotherm.core.pages import Page
from isotherm.core.records import decode_clickstream, decode_grouped, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.samples import Anchored, Samples
from isotherm.core.shards import split
from isotherm.core.zone_sums import PlainZoneSums, ZoneSums
from isotherm.core.zones import RECENT_SHARE, Zones
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Batch

pytestmark = pytest.mark.usefixtures("both_ways")

COMPILED = counting.compiled
START_MS = 1_700_000_000_000
PAGES = ("default/", "default/p/1")


@dataclass(frozen=True)
class Seen:
    """One sample, as a person would note it."""

    page: str
    zone: str
    session: str
    kind: int
    time_ms: int


samples_ = st.lists(
    st.builds(
        Seen,
        page=st.sampled_from(PAGES),
        zone=st.sampled_from(["", "a", "b", "#c"]),
        session=st.sampled_from("xyz"),
        kind=st.integers(0, 1),
        time_ms=st.integers(-6000, 1500),
    ),
    max_size=8,
)
steps = st.lists(st.tuples(st.integers(0, 1500), samples_), min_size=1, max_size=25)


def to_samples(made: list[Seen], now_ms: int, seq: int) -> Samples:
    """As the gateway would hand them on: a batch a sample."""
    intake = Intake()
    for at, one in enumerate(made):
        intake.add_batch(
            Batch(
                session=one.session, load="l", seq=seq + at, path="", width=1.0, height=1.0, viewport_width=1280.0,
                kind=np.array([one.kind], np.uint8), x=np.zeros(1), y=np.zeros(1), age_ms=np.array([-one.time_ms], np.float64), ignored=0,
                anchors=[one.zone], anchored=Anchored(np.array([0 if one.zone else -1]), np.array([500]), np.array([250])),
            ),
            Page.from_key(one.page), None, now_ms, None,
        )  # fmt: skip
    drained = intake.drain(now_ms)
    assert drained is not None
    return drained.samples


@settings(max_examples=45, deadline=None)
@given(st.sampled_from([50, 250]), st.integers(1, 12), steps, st.integers(0, 7))
def test_every_window_of_zones_equals_brute_force(hop_ms: int, panes: int, trace: Any, way: int) -> None:
    """Late, early and on time; through records and shards too: each zone's samples, people, clicks, share and trend are a child's count."""
    window_ms = hop_ms * panes
    group_by = GroupBy(grid_size=3, hop_ms=hop_ms)
    zones = Zones(window_ms=window_ms, hop_ms=hop_ms, skew_ms=2000)
    noted: list[Seen] = []
    now_ms, seq = START_MS, 0
    zones.advance(now_ms)
    for wait_ms, made in trace:
        now_ms += wait_ms
        if made:
            samples = to_samples(made, now_ms, seq)
            seq += len(made)
            noted += [Seen(one.page, one.zone, one.session, one.kind, now_ms + one.time_ms) for one in made]
            parts = [part for _, part in split(samples, 2)] if way & 1 else [samples]
            for part in parts:
                read = samples_from_record(decode_clickstream(encode(samples_to_record(part)))) if way & 2 else part
                counts = group_by.group(read)
                for pages, of_zones in grouped(counts, hop_ms) if way & 4 else [(counts.pages, counts.zones)]:
                    if of_zones is not None:
                        zones.merge(pages, of_zones)
        zones.advance(now_ms)
        for page in PAGES:
            compare(zones, noted, page, now_ms // hop_ms * hop_ms, window_ms, hop_ms)


def grouped(counts: Counts, hop_ms: int) -> list[tuple[list[str], ZoneCounts | None]]:
    """As they come out of the records of `clickstream-group-by-page`."""
    records = counts_to_records(counts, partition=0, offset=0, pane_ms=hop_ms, grid_size=3, zones_of=PAGES)
    return [([key], zones_from_record(decode_grouped(encode(record)))) for key, record in records]


def compare(zones: Zones, noted: list[Seen], page: str, end_ms: int, window_ms: int, hop_ms: int) -> None:
    within = [one for one in noted if one.page == page and one.zone and end_ms - window_ms <= one.time_ms < end_ms]
    recent_ms = max(1, window_ms // hop_ms // RECENT_SHARE) * hop_ms
    league = {zone.name: zone for zone in zones.league(page)}
    assert league.keys() == {one.zone for one in within}
    for name, zone in league.items():
        own = [one for one in within if one.zone == name]
        assert zone.samples == len(own)
        assert zone.people == len({one.session for one in own})
        assert zone.clicks == sum(KINDS[one.kind] == "click" for one in own)
        assert zone.share == len(own) / len(within)
        recent = sum(one.time_ms >= end_ms - recent_ms for one in own)
        assert abs(zone.trend - (recent / recent_ms) / (len(own) / window_ms)) < 1e-9
    assert zones.people(page) == len({one.session for one in within})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(-4000, 4000), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_clock_that_leaps_keeps_what_is_in_the_window(leaps: Any) -> None:
    """The clock steps by any amount, either way: each window holds just the panes that are in it and were kept."""
    hop_ms, window_ms = 250, 1500
    zones = Zones(window_ms=window_ms, hop_ms=hop_ms, skew_ms=500)
    group_by = GroupBy(grid_size=2, hop_ms=hop_ms)
    kept: list[int] = []
    now_ms, seq = START_MS, 0
    zones.advance(now_ms)
    for leap_ms, number in leaps:
        now_ms += leap_ms
        zones.advance(now_ms)
        end_ms = now_ms // hop_ms * hop_ms
        kept = [time_ms for time_ms in kept if end_ms - window_ms <= time_ms // hop_ms * hop_ms < end_ms + 500 + hop_ms]
        if number:
            counts = group_by.group(to_samples([Seen(PAGES[0], "a", "s", 0, 0)] * number, now_ms, seq))
            seq += number
            kept += [now_ms] * number
            assert counts.zones is not None
            zones.merge(counts.pages, counts.zones)
        assert sum(zone.samples for zone in zones.league(PAGES[0])) == sum(end_ms - window_ms <= time_ms < end_ms for time_ms in kept)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([-1500, -500, -250, 0, 250, 2500]), st.lists(st.integers(0, 2), max_size=3)), max_size=20))
def test_people_are_counted_right_though_the_clock_leaps(leaps: Any) -> None:
    """Who is in the window still is counted, whether or not the same person's newest pane has left it, to the future or to the past; and
    what is not counted in a zone is in a counter."""
    hop_ms, window_ms, skew_ms = 250, 1500, 250
    zones = Zones(window_ms=window_ms, hop_ms=hop_ms, skew_ms=skew_ms)
    group_by = GroupBy(grid_size=2, hop_ms=hop_ms)
    kept: list[tuple[int, int]] = []
    now_ms, seq, cooled = START_MS, 0, 0
    zones.advance(now_ms)
    for leap_ms, who in leaps:
        now_ms += leap_ms
        zones.advance(now_ms)
        end_ms = now_ms // hop_ms * hop_ms
        cooled += sum(time_ms // hop_ms * hop_ms < end_ms - window_ms for time_ms, _ in kept)
        kept = [(time_ms, one) for time_ms, one in kept if end_ms - window_ms <= time_ms // hop_ms * hop_ms < end_ms + skew_ms + hop_ms]
        if who:
            counts = group_by.group(to_samples([Seen(PAGES[0], "a", "xyz"[one], 0, -1000 * (one == 2)) for one in who], now_ms, seq))
            seq += len(who)
            kept += [(now_ms - 1000 * (one == 2), one) for one in who]
            assert counts.zones is not None
            zones.merge(counts.pages, counts.zones)
        within = {one for time_ms, one in kept if end_ms - window_ms <= time_ms < end_ms}
        assert sum(zone.people for zone in zones.league(PAGES[0])) == len(within) == zones.people(PAGES[0])
        assert zones.late + zones.ahead == seq - len(kept) - cooled


def test_a_person_stays_when_the_clock_leaps_from_under_the_newest_sample() -> None:
    """Two samples of one person, a second apart; the clock goes back between the two."""
    zones = Zones(window_ms=4000, hop_ms=250, skew_ms=250)
    group_by = GroupBy(grid_size=2, hop_ms=250)
    zones.advance(START_MS)
    counts = group_by.group(to_samples([Seen(PAGES[0], "a", "x", 0, -3000), Seen(PAGES[0], "a", "x", 0, -100)], START_MS, 0))
    assert counts.zones is not None
    zones.merge(counts.pages, counts.zones)
    #   -3000 ...... -1000 (the clock now) ...... -100
    zones.advance(START_MS - 1000)
    assert [(zone.samples, zone.people) for zone in zones.league(PAGES[0])] == [(1, 1)]
    assert (zones.people(PAGES[0]), zones.late, zones.ahead) == (1, 0, 1)


def test_a_page_has_a_bounded_number_of_zones_and_forgets_those_that_went_cold() -> None:
    """What comes beyond is counted apart; once the window has passed, there is room again and nothing is left."""
    zones = Zones(window_ms=1000, hop_ms=250, skew_ms=0, zones_max=2)
    group_by = GroupBy(grid_size=2, hop_ms=250)

    def send(names: str, now_ms: int, seq: int) -> None:
        counts = group_by.group(to_samples([Seen(PAGES[0], name, "s", 0, 0) for name in names], now_ms, seq))
        assert counts.zones is not None
        zones.merge(counts.pages, counts.zones)

    zones.advance(START_MS)
    send("abcd", START_MS, 0)
    zones.advance(START_MS + 250)
    assert [zone.name for zone in zones.league(PAGES[0])] == ["a", "b"]
    assert zones.beyond == 2
    zones.advance(START_MS + 1500)
    assert zones.pages == []
    send("cd", START_MS + 1500, 4)
    zones.advance(START_MS + 1750)
    assert [zone.name for zone in zones.league(PAGES[0])] == ["c", "d"]


def test_samples_without_anchors_cost_zones_nothing() -> None:
    """Their counts have no zones, and their records no word of them."""
    intake = Intake()
    plain = Batch(
        session="s", load="l", seq=0, path="", width=1.0, height=1.0, viewport_width=1280.0, kind=np.zeros(1, np.uint8),
        x=np.zeros(1), y=np.zeros(1), age_ms=np.zeros(1), ignored=0,
    )  # fmt: skip
    intake.add_batch(plain, Page("default", "/"), None, START_MS, None)
    drained = intake.drain(START_MS)
    assert drained is not None
    assert GroupBy(grid_size=2, hop_ms=250).group(drained.samples).zones is None
    assert b"anchors" not in encode(samples_to_record(drained.samples))


def test_what_is_erased_takes_its_anchors_along() -> None:
    """The other sessions' samples keep theirs, and no name of the erased stays."""
    made = [
        Seen(PAGES[0], "mine", "x", 0, 0),
        Seen(PAGES[0], "a", "y", 0, 0),
        Seen(PAGES[0], "", "y", 0, 0),
        Seen(PAGES[0], "b", "x", 0, 0),
    ]
    left = Erasure(session="x").without(to_samples(made, START_MS, 0))
    assert left.anchors == ["a"]
    counts = GroupBy(grid_size=2, hop_ms=250).group(samples_from_record(decode_clickstream(encode(samples_to_record(left)))))
    assert counts.zones is not None
    assert (counts.zones.names, counts.zones.count.tolist()) == (["a"], [1])


entries_ = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(-3, 3), st.integers(1, 9)), min_size=1, max_size=12)


@pytest.mark.skipif(COMPILED is None, reason="there was no C compiler when Isotherm was installed")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["enter", "leave", "recent", "make"]), st.integers(0, 4), entries_), max_size=40))
def test_compiled_sums_and_those_in_python_agree(deeds: Any) -> None:
    """Whatever panes come and go, in whatever order: counts, people of rows and of pages, and rows that nothing names are the same."""
    assert COMPILED is not None
    both: tuple[ZoneSums, ZoneSums] = (COMPILED.ZoneSums(), PlainZoneSums())
    named = dict.fromkeys(range(6), 0)
    within: list[tuple[int, Any]] = []
    for row in named:
        for sums in both:
            sums.make(row, row % 3)
    for deed, pane, listed in deeds:
        entries = np.array(listed, np.int32)
        if deed == "enter":
            within.append((pane, entries))
            for sums in both:
                sums.refer(entries)
                sums.enter(entries, pane)
            for row, *_ in listed:
                named[row] += 1
        elif deed == "leave" and within:
            left, gone = within.pop(pane % len(within))
            dropped = []
            for sums in both:
                sums.leave(gone, left)
                dropped.append(sums.drop(gone))
            assert dropped[0] == dropped[1]
            for row in gone[:, 0].tolist():
                named[row] -= 1
        elif deed == "recent":
            for sums in both:
                sums.recent(entries, 1 if pane else -1, 2)
        elif deed == "make" and not named[pane] and all(sums.of(pane, 2)[2] == 0 for sums in both):
            for sums in both:
                sums.make(pane, pane % 3)
        assert [both[0].of(row, 2) for row in named] == [both[1].of(row, 2) for row in named]
        assert [both[0].people(page) for page in range(4)] == [both[1].people(page) for page in range(4)]


@pytest.mark.skipif(COMPILED is None, reason="there was no C compiler when Isotherm was installed")
def test_a_thousand_people_come_and_go_and_none_is_left() -> None:
    """The tables grow, close up what goes, and end empty; who is still there is found at each step."""
    assert COMPILED is not None
    sums = COMPILED.ZoneSums()
    people = np.random.default_rng(5).permutation(np.arange(-500, 500, dtype=np.int32))
    for row in range(2):
        sums.make(row, 0)
    panes = [np.array([(row, 0, person, 1) for person in part.tolist() for row in (0, 1)], np.int32) for part in np.split(people, 20)]
    for number, entries in enumerate(panes):
        sums.refer(entries)
        sums.enter(entries, number)
    for number, entries in enumerate(panes):
        assert sums.people(0) == 1000 - 50 * number
        assert sums.of(1, 1) == ([1000 - 50 * number], 0, 1000 - 50 * number)
        sums.leave(entries, number)
        assert sums.drop(entries) == ([0, 1] if number == 19 else [])
    assert sums.people(0) == 0


@pytest.mark.skipif(COMPILED is None, reason="there was no C compiler when Isotherm was installed")
def test_entries_that_name_no_row_are_refused() -> None:
    """A place outside the tables is an error, never a write beside them."""
    assert COMPILED is not None
    sums = COMPILED.ZoneSums()
    sums.make(0, 0)
    for bad in ((1 << 20, 0, 1, 1), (-1, 0, 1, 1), (0, 8, 1, 1), (0, -1, 1, 1)):
        with pytest.raises(IndexError):
            sums.enter(np.array([bad], np.int32), 0)
    assert sums.of(0, 2) == ([0, 0], 0, 0)

"""Who sees a zone, against brute force: its bands are those of its samples, who sees it is who had any of these in view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.exposure import Exposures
from isotherm.core.group_by import GroupBy
from isotherm.core.rules import Rule
from isotherm.core.samples import Anchored, Samples
from isotherm.core.seeing import LOOK_MS, ZONES_MAX, Seeing, Seen
from isotherm.core.watching import Watching
from isotherm.core.zones import Zones

from .test_exposure import DOCUMENT, GRID, PAGES, START_MS, WINDOW_MS, Did, Oracle, bands, to_samples

HOP_MS = 250
PAGE = PAGES[0]


@dataclass(frozen=True)
class On(Did):
    """A sample that lies on a zone."""

    zone: str = ""


def with_zones(batches: list[list[Did]], now_ms: int, seq: int) -> Samples:
    """As trackers send them: a view lies on no zone."""
    samples = to_samples(batches, now_ms, seq)
    dids = [did for batch in batches for did in batch]
    names = sorted({did.zone for did in dids if isinstance(did, On) and did.zone})
    if not names:
        return samples
    anchor = np.array([names.index(did.zone) if isinstance(did, On) and did.zone else -1 for did in dids])
    return replace(samples, anchors=names, anchored=Anchored(anchor, np.full(len(dids), 500), np.full(len(dids), 500)))


class Running:
    """The stages and who sees what, fed as a runtime does."""

    def __init__(self) -> None:
        self.group_by = GroupBy(grid_size=GRID, hop_ms=HOP_MS)
        self.exposures = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS)
        self.zones = Zones(window_ms=WINDOW_MS, hop_ms=HOP_MS, skew_ms=10_000)
        self.seeing = Seeing(self.exposures, self.group_by.views, hop_ms=HOP_MS)
        self.records: list[Samples] = []

    def feed(self, now_ms: int, batches: list[list[Did]]) -> None:
        for stage in (self.zones, self.exposures, self.seeing):
            stage.advance(now_ms)
        if not batches:
            return
        samples = with_zones(batches, now_ms, len(self.records) * 10)
        self.records.append(samples)
        counts = self.group_by.group(samples)
        if counts.zones is not None:
            self.zones.merge(counts.pages, counts.zones)
        if counts.stretches is not None:
            self.exposures.merge(counts.pages, counts.stretches)
        self.seeing.meet(samples)


def lies_in(dids: list[Did], page: str, start_ms: int) -> dict[str, set[int]]:
    """The bands of each zone, by going through all its samples: those of the window, or all that lie in the pane of the newest."""
    found = {}
    for zone in {did.zone for did in dids if isinstance(did, On) and did.page == page and did.zone}:
        own = [did for did in dids if isinstance(did, On) and (did.page, did.zone) == (page, zone)]
        since = min(start_ms // HOP_MS, max(did.time_ms // HOP_MS for did in own))
        at = [min(max(int(GRID * did.y // DOCUMENT), 0), GRID - 1) for did in own if did.time_ms // HOP_MS >= since]
        found[zone] = set(range(min(at), max(at) + 1))
    return found


did = st.tuples(st.sampled_from(["move", "move", "view", "leave"]), st.integers(-20, 700), st.integers(0, 5), st.sampled_from("ab"))
batch = st.tuples(st.sampled_from(PAGES), st.sampled_from("xyz"), st.lists(did, min_size=1, max_size=4))
steps_ = st.lists(st.tuples(st.integers(2, 45), st.lists(batch, max_size=3)), min_size=1, max_size=12)


@given(steps_)
@settings(max_examples=60, deadline=None)
def test_who_sees_a_zone_is_who_had_one_of_its_bands_in_view(steps: list[Any]) -> None:
    """Late or in time, on two pages; whoever begins with a page later and meets all its records again, some twice, says the same."""
    running, dids, now_ms = Running(), [], START_MS
    newest: dict[tuple[str, str], int] = {}
    for page in PAGES:
        assert running.seeing.ready(page)
    for wait, step in steps:
        now_ms += wait * 500
        assert all(running.seeing.ready(page) for page in PAGES)
        made: list[list[Did]] = []
        for page, session, rows in step:
            made.append([])
            for kind, y, late, zone in rows:
                time_ms = newest[page, session] = max(newest.get((page, session), 0), now_ms - late * 1000)
                made[-1].append(On(page, session, kind, float(y), time_ms, zone="" if kind in ("view", "leave") else zone))
        dids += [did for own in made for did in own]
        running.feed(now_ms, made)
        oracle = Oracle()
        oracle.dids = dids
        later = Seeing(running.exposures, running.group_by.views, hop_ms=HOP_MS)
        for page in PAGES:
            later.ready(page)
        for samples in [*reversed(running.records), *running.records]:
            later.meet(samples)
        for page in PAGES:
            moments = oracle.moments(page, now_ms - WINDOW_MS, now_ms)
            wanted = {
                zone: len({session for session, view in moments if bands(view) & own})
                for zone, own in lies_in(dids, page, now_ms - WINDOW_MS).items()
            }
            found = running.seeing.of(page)
            assert found == later.of(page)
            if found is None:
                assert not moments
            else:
                assert found == Seen(len({session for session, _ in moments}), wanted)


def look(running: Running, now_ms: int, *dids: Did) -> None:
    running.feed(now_ms, [[did] for did in dids])


def test_a_zone_that_nobody_points_at_any_more_is_still_seen() -> None:
    """Its place is the last that is known; by the pointer alone nobody would see it."""
    running = Running()
    running.seeing.ready(PAGE)
    look(running, START_MS, Did(PAGE, "x", "view", 300, START_MS), On(PAGE, "x", "move", 350, START_MS, zone="buy"))
    late_ms = START_MS + 2 * WINDOW_MS
    for now_ms in range(START_MS, late_ms, 30_000):
        running.feed(now_ms, [])
        running.seeing.ready(PAGE)
    look(running, late_ms, Did(PAGE, "y", "view", 300, late_ms), Did(PAGE, "z", "view", 0, late_ms))
    look(running, late_ms + LOOK_MS)
    assert running.zones.league(PAGE) == []
    assert running.seeing.of(PAGE) == Seen(2, {"buy": 1})
    running.seeing.advance(late_ms + 120_000)
    assert running.seeing.pages == [], "nobody asks"


def test_of_too_many_zones_those_pointed_at_last_are_known() -> None:
    """`ZONES_MAX` of a page."""
    running = Running()
    running.seeing.ready(PAGE)
    for at in range(ZONES_MAX + 3):
        now_ms = START_MS + at * HOP_MS
        assert running.seeing.ready(PAGE)
        look(running, now_ms, Did(PAGE, "x", "view", 0, now_ms), On(PAGE, "x", "move", 10, now_ms, zone=f"z{at}"))
    found = running.seeing.of(PAGE)
    assert found is not None
    assert sorted(found.zones) == sorted(f"z{at}" for at in range(3, ZONES_MAX + 3))


def test_a_flood_of_names_costs_little_and_drives_out_no_zone_that_is_asked_for() -> None:
    """One record with thousands of them: room is made once, and what is asked for by its whole name stays."""
    running = Running()
    running.seeing.ready(PAGE, "buy")
    running.seeing.ready(PAGE, "z*")
    look(running, START_MS, Did(PAGE, "x", "view", 0, START_MS), On(PAGE, "x", "move", 10, START_MS, zone="buy"))
    flood = [[On(PAGE, "x", "move", 10, START_MS + HOP_MS, zone=f"{first}{at}") for at in range(1_000)] for first in "#z"]
    with mock.patch("isotherm.core.seeing.nlargest", wraps=nlargest) as made_room:
        running.feed(START_MS + HOP_MS, flood)
    assert made_room.call_count == 1
    found = running.seeing.of(PAGE)
    assert found is not None
    assert (len(found.zones), "buy" in found.zones, any(zone[0] == "#" for zone in found.zones)) == (ZONES_MAX, True, False)


def test_what_is_asked_for_later_is_read_again_and_what_nobody_asks_for_goes() -> None:
    """Once for all that is asked for in one hop."""
    running, asked = Running(), []
    running.seeing = Seeing(running.exposures, running.group_by.views, hop_ms=HOP_MS, on_first=asked.append)
    running.feed(START_MS, [])
    assert not running.seeing.ready(PAGE, "buy")
    assert not running.seeing.ready(PAGE, "pay")
    running.seeing.caught_up(PAGE)
    look(running, START_MS + HOP_MS, Did(PAGE, "x", "view", 0, START_MS),
         *(On(PAGE, "x", "move", 10, START_MS, zone=zone) for zone in ("buy", "pay", "hero")))  # fmt: skip
    assert running.seeing.ready(PAGE, "pay")
    assert not running.seeing.ready(PAGE, "hero")
    assert asked == [PAGE, PAGE]
    assert running.seeing.of(PAGE) == Seen(1, {"buy": 1, "pay": 1})
    running.seeing.caught_up(PAGE)
    running.seeing.meet(running.records[0])
    running.feed(START_MS + 59_000, [])
    assert running.seeing.ready(PAGE, "hero")
    running.feed(START_MS + 61_000, [])
    found = running.seeing.of(PAGE)
    assert found is not None
    assert set(found.zones) == {"hero"}


UNSEEN = Rule("lost", PAGE.removeprefix("default"), "unseen", 0, zone="buy", hold_ms=0, people=3, cooldown_ms=0)


def test_a_rule_fires_on_what_nobody_has_in_view() -> None:
    """Three read below the zone that nobody points at any more, then one comes back to it without pointing. Not before the past is known."""
    running, watching, asked = Running(), Watching(), []
    running.seeing = Seeing(running.exposures, running.group_by.views, hop_ms=HOP_MS, on_first=asked.append)
    watching.settle({"lost": UNSEEN})
    look(running, START_MS, On(PAGE, "x", "move", 50, START_MS, zone="buy"))
    away_ms = START_MS + 2 * WINDOW_MS
    look(running, away_ms, *(Did(PAGE, session, "view", 300, away_ms) for session in "xyz"))
    look(running, away_ms + HOP_MS)
    assert watching.hop(away_ms + HOP_MS, running.zones, running.seeing) == []
    assert asked == [PAGE]
    for samples in running.records:
        running.seeing.meet(samples)
    running.seeing.caught_up(PAGE)
    (hot,) = watching.hop(away_ms + HOP_MS, running.zones, running.seeing)
    assert (hot.type, hot.zone, hot.value, hot.people) == ("hot", "buy", 0, 3)
    back_ms = away_ms + 5_000
    look(running, back_ms, Did(PAGE, "y", "view", 0, back_ms))
    look(running, back_ms + LOOK_MS)
    (cooled,) = watching.hop(back_ms + LOOK_MS, running.zones, running.seeing)
    assert (cooled.type, cooled.value) == ("cooled", 1)


def test_of_a_page_that_tells_no_views_who_points_is_who_sees() -> None:
    """As classic trackers have it."""
    running, watching = Running(), Watching()
    watching.settle({"lost": UNSEEN})
    running.seeing.ready(PAGE)
    look(running, START_MS, *(On(PAGE, session, "move", 50, START_MS, zone="other") for session in "xyz"))
    look(running, START_MS + HOP_MS)
    assert running.seeing.of(PAGE) is None
    (hot,) = watching.hop(START_MS + HOP_MS, running.zones, running.seeing)
    assert (hot.type, hot.value, hot.people) == ("hot", 0, 3)
    look(running, START_MS + 2 * HOP_MS, On(PAGE, "x", "move", 50, START_MS + HOP_MS, zone="buy"))
    look(running, START_MS + 3 * HOP_MS)
    assert [one.type for one in watching.hop(START_MS + 3 * HOP_MS, running.zones, running.seeing)] == ["cooled"]

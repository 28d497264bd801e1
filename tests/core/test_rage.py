"""Rage against brute force: every three clicks are looked at, in whatever order, records and lives of the process they came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from math import dist
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isotherm.core.counts import Counts
from isotherm.core.digest import Counted, Digest
from isotherm.core.digest_bytes import Setting
from isotherm.core.group_by import GroupBy
from isotherm.core.layers import DEVICES, KINDS, PLAIN_LAYERS, device_of
from isotherm.core.pages import Page
from isotherm.core.people import hash_of
from isotherm.core.rage import CLICKS_MAX, REMEMBERED_MS, Click, Clicked, Rage
from isotherm.core.records import decode_clickstream, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.samples import Anchored, Samples
from isotherm.core.zones import Zones
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Batch, decode
from tests.oracle import tile

pytestmark = pytest.mark.usefixtures("both_ways")

START_MS, GRID, HOP_MS = 1_700_000_000_000, 5, 250
SETTING = Setting(GRID, HOP_MS, people=True)
PAGES = ("default/", "default/p/1")
RAGE = KINDS.index("rage")


@dataclass(frozen=True)
class Made:
    """One batch of one sample."""

    session: str
    page: str
    kind: int
    x: int
    y: int
    age_ms: int
    zone: str
    size: float  #: of the document, which may grow
    viewport: float


batches = st.builds(
    Made,
    session=st.sampled_from("ab"),
    page=st.sampled_from([*PAGES, PAGES[0]]),
    kind=st.sampled_from([1, 1, 1, 0]),
    x=st.sampled_from([0, 10, 30, 31, 400]),
    y=st.sampled_from([0, 20]),
    age_ms=st.sampled_from([0, 0, 1, 400, 999, 1000, 1001, 2500]),
    zone=st.sampled_from(["", "buy", "hero"]),
    size=st.sampled_from([300.0, 900.0]),
    viewport=st.sampled_from([400.0, 1280.0]),
)
waits_ms = st.sampled_from([0, 10, 300, 600, 1000, 2000, REMEMBERED_MS, REMEMBERED_MS + 1])
traces = st.lists(st.tuples(waits_ms, st.lists(batches, min_size=1, max_size=4)), min_size=1, max_size=10)


def to_samples(made: list[Made], now_ms: int, seq: int) -> Samples:
    intake = Intake()
    for at, one in enumerate(made):
        intake.add_batch(
            Batch(
                session=one.session, load="l", seq=seq + at, path="", width=one.size, height=one.size, viewport_width=one.viewport,
                kind=np.array([one.kind], np.uint8), x=np.array([float(one.x)]), y=np.array([float(one.y)]),
                age_ms=np.array([one.age_ms], np.float64), ignored=0, anchors=[one.zone],
                anchored=Anchored(np.array([0 if one.zone else -1]), np.array([500]), np.array([250])),
            ),
            Page.from_key(one.page), None, now_ms, None,
        )  # fmt: skip
    drained = intake.drain(now_ms)
    assert drained is not None
    return drained.samples


def in_anger(came: list[tuple[int, Made]]) -> list[tuple[int, Made]]:
    """By the definition: those of any three that are near each other, and came within the memory's length."""
    clicks = [(at, now_ms, one) for at, (now_ms, one) in enumerate(came) if one.kind == 1]
    found = set()
    for three in combinations(clicks, 3):
        together = len({(one.session, one.page) for _, _, one in three}) == 1
        near = all(
            abs((first - one.age_ms) - (second - other.age_ms)) <= 1000 and dist((one.x, one.y), (other.x, other.y)) <= 30
            for (_, first, one), (_, second, other) in combinations(three, 2)
        )
        arrived = [now_ms for _, now_ms, _ in three]
        if together and near and max(arrived) - min(arrived) <= REMEMBERED_MS:
            found |= {at for at, _, _ in three}
    return [came[at] for at in sorted(found)]


def rage_of(counts: list[Counts]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for one in counts:
        columns = zip(one.page.tolist(), one.layer.tolist(), one.pane.tolist(), one.tile.tolist(), one.count.tolist(), strict=True)
        for page, layer, pane, at, count in columns:
            if layer // len(DEVICES) == RAGE:
                found[one.pages[page], layer % len(DEVICES), pane, at] += count
    return found


def people_of(counts: list[Counts]) -> set[Any]:
    """Who is behind the rows of rage."""
    return {
        (one.pages[one.page[row]], int(one.tile[row]), int(session))
        for one in counts
        for row, session in zip(one.seen.row.tolist(), one.seen.session.tolist(), strict=True)
        if row >= 0 and one.layer[row] // len(DEVICES) == RAGE
    }


def zones_of(counts: list[Counts]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for zones in (one.zones for one in counts if one.zones is not None):
        for at in np.flatnonzero(zones.kind == RAGE).tolist():
            found[zones.names[zones.zone[at]], int(zones.pane[at]), int(zones.person[at])] += int(zones.count[at])
    return found


class Lives:
    """Group By through restarts: what was before is read again, counted or from a digest."""

    def __init__(self) -> None:
        self.group_by = GroupBy(grid_size=GRID, hop_ms=HOP_MS, people=True)
        self.records: list[Samples] = []
        self.counted: list[Counted] = []

    def take(self, samples: Samples) -> Counts:
        counts = self.group_by.group(samples)
        self.records.append(samples)
        self.counted.append(Counted.of(self.group_by.newest, counts, len(self.counted), samples.arrived_ms))
        return counts

    def begin_anew(self, way: str) -> None:
        self.group_by = GroupBy(grid_size=GRID, hop_ms=HOP_MS, people=True)
        if way == "records":
            for samples in self.records:
                self.group_by.remember(samples_from_record(decode_clickstream(encode(samples_to_record(samples)))))
        elif self.counted:
            digest = Digest.from_bytes(Digest.of(self.counted, SETTING).to_bytes(), SETTING)
            self.group_by.recall(digest.batches())
            self.group_by.recall_clicks(digest.clicks(self.records[-1].arrived_ms - 2 * REMEMBERED_MS))


@settings(max_examples=80, deadline=None)
@given(traces, st.dictionaries(st.integers(0, 9), st.sampled_from(["records", "digest", "repeat"]), max_size=3))
def test_clicks_in_anger_are_those_of_the_definition(trace: Any, events: dict[int, str]) -> None:
    """Each once, on its own tile, pane, device class and zone, of its own person; repeats make none, and a restart changes nothing."""
    assume(max(Counter((one.session, one.page) for _, made in trace for one in made).values()) <= CLICKS_MAX)
    lives, came, counts, now_ms, seq = Lives(), [], [], START_MS, 0
    for step, (wait_ms, made) in enumerate(trace):
        now_ms += wait_ms
        if events.get(step) in ("records", "digest"):
            lives.begin_anew(events[step])
        counts.append(lives.take(to_samples(made, now_ms, seq)))
        if events.get(step) == "repeat":
            counts.append(lives.take(to_samples(made, now_ms + 5, seq)))
        anchored = lives.group_by.newest.samples.anchored
        if anchored is not None:
            lay = anchored.anchor >= 0
            assert set(zip(anchored.x[lay].tolist(), anchored.y[lay].tolist(), strict=True)) <= {(500, 250)}
        seq += len(made)
        came += [(now_ms, one) for one in made]
    angry = in_anger(came)
    places = [
        (one, (arrived_ms - one.age_ms) // HOP_MS, tile(one.x, one.size, GRID), tile(one.y, one.size, GRID)) for arrived_ms, one in angry
    ]
    assert rage_of(counts) == Counter((one.page, device_of(one.viewport), pane, y * GRID + x) for one, pane, x, y in places)
    assert people_of(counts) == {(one.page, y * GRID + x, hash_of(one.session)) for one, _, x, y in places}
    assert zones_of(counts) == Counter((one.zone, pane, hash_of(one.session)) for one, pane, _, _ in places if one.zone)
    plain = sum(int(one.count[one.layer < PLAIN_LAYERS].sum()) for one in counts)
    assert plain == len(came)  # clicks in anger are clicks all the same, once


def clicks(*times_ms: int, x: float = 5.0, arrived_ms: int = START_MS) -> list[Clicked]:
    return [(("s", PAGES[0]), Click(START_MS + time_ms, arrived_ms, x, 0.0, 0, 9.0, 9.0, None, (0, 0))) for time_ms in times_ms]


def test_a_long_burst_tells_each_click_once() -> None:
    """The third brings the two before it along; each that follows tells itself."""
    rage = Rage()
    assert [[place for place, _ in rage.meet([one])] for one in clicks(0, 300, 600, 900, 5000)] == [[], [], [0, 0, 0], [0], []]
    assert len(rage.meet(clicks(100, 200, 400, x=20.0))) == 3


def test_what_is_remembered_is_bounded() -> None:
    """Of a session and page the newest; in all the newest half at least of what may be kept, and what is forgotten early is counted."""
    rage = Rage()
    rage.meet(clicks(*range(0, 100_000, 2000)))
    assert len(rage) == CLICKS_MAX
    few = Rage(most=20)
    for number in range(50):
        few.meet([((f"s{number}", PAGES[0]), clicks(0)[0][1])])
        assert len(few) <= 20
    assert few.forgotten == 50 - len(few)
    assert len(few.meet([(("s49", PAGES[0]), clicks(time_ms)[0][1]) for time_ms in (10, 20)])) == 3


def test_time_empties_the_memory() -> None:
    """What arrived longer ago than the memory goes, without anybody asking for it."""
    rage = Rage()
    for number in range(5):
        rage.meet([((f"s{number}", PAGES[0]), Click(0, START_MS + number, 0.0, 0.0, 0, 9.0, 9.0, None, (0, 0)))])
    for later in (1, 2):
        rage.meet(clicks(0, arrived_ms=START_MS + later * (REMEMBERED_MS + 10)))
    assert len(rage) == 1
    assert rage.forgotten == 0


def test_zones_tell_clicks_in_anger_beside_the_others() -> None:
    """They are in no total: shares, samples and trend are as if nobody had been angry."""
    made = [Made("a", PAGES[0], 1, 5, 5, age_ms, "buy", 900.0, 1280.0) for age_ms in (700, 600, 300)]
    made += [Made("b", PAGES[0], 0, 5, 5, 100, "hero", 900.0, 1280.0)]
    zones = Zones(window_ms=5000, hop_ms=HOP_MS, skew_ms=1000)
    counts = GroupBy(grid_size=GRID, hop_ms=HOP_MS).group(to_samples(made, START_MS, 0))
    assert counts.zones is not None
    zones.merge(counts.pages, counts.zones)
    zones.advance(START_MS + HOP_MS)
    buy, hero = zones.league(PAGES[0])
    assert (buy.name, buy.samples, buy.clicks, buy.rage, buy.people, buy.share) == ("buy", 3, 3, 3, 1, 0.75)
    assert (hero.samples, hero.rage, hero.share) == (1, 0, 0.25)
    assert buy.trend == pytest.approx(3 / 3 * 20 / 4)


def test_a_sender_may_not_call_its_samples_so() -> None:
    """Kinds that the server finds by itself are no sender's to tell."""
    body = b'{"v":1,"load":"l","seq":0,"path":"/","w":9,"h":9,"kind":["rage","click"],"x":[1,2],"y":[1,2],"age":[0,0]}'
    batch = decode(body, "s")
    assert isinstance(batch, Batch)
    assert (batch.ignored, batch.x.tolist()) == (1, [2.0])

"""How records are counted, one by one or some as one, changes nothing of what anybody is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.aggregate import Aggregator
from isotherm.core.counts import Counts
from isotherm.core.crowd import Crowd
from isotherm.core.digest import Counted, Digest
from isotherm.core.digest_bytes import Setting
from isotherm.core.exposure import Exposures
from isotherm.core.exposure_rollup import fold_exposure
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.joining import joined_samples
from isotherm.core.layers import KINDS, SAMPLE_KINDS
from isotherm.core.limits import ARRIVED_TOGETHER_MS
from isotherm.core.pages import Page
from isotherm.core.rollup import fold
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.samples import Anchored, Numbered, Samples
from isotherm.core.tiers import Floors
from isotherm.core.together import Together
from isotherm.core.zone_rollup import fold_zones
from isotherm.core.zones import Zones
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Batch
from tests.core.test_windows import PAGES, START_MS

pytestmark = pytest.mark.usefixtures("both_ways")

GRID, HOP_MS, WINDOW_MS, SKEW_MS = 4, 250, 2000, 1000
SETTING = Setting(GRID, HOP_MS, people=True)
ORIGINS = (None, "https://one.example", "https://other.example")
ZONES = ["buy", "#main"]
places = st.sampled_from([0, 10, 20, 300, 900])


@st.composite
def batches(draw: st.DrawFn) -> dict[str, Any]:
    length = draw(st.integers(1, 4))
    of_samples = {
        "kind": st.sampled_from(["move", "click", "click", "view", "leave"]),
        "x": places,
        "y": places,
        "age": st.integers(0, 3000),
    }
    return {
        "page": draw(st.sampled_from(PAGES)),
        "origin": draw(st.sampled_from(ORIGINS)),
        "session": draw(st.sampled_from("abc")),
        "load": draw(st.sampled_from("xy")),
        "seq": draw(st.integers(0, 5)),
        "viewport": draw(st.sampled_from([320.0, 1280.0])),
        "anchor": draw(st.none() | st.lists(st.integers(-1, 1), min_size=length, max_size=length)),
        **{name: draw(st.lists(one, min_size=length, max_size=length)) for name, one in of_samples.items()},
    }


#: What came within hops: how long after what was before, what, and whether somebody asks right behind it.
hops = st.lists(
    st.lists(st.tuples(st.sampled_from([0, 1, 20, 90, 700]), st.lists(batches(), min_size=1, max_size=3), st.booleans()), max_size=6),
    max_size=5,
)


def record(made: list[dict[str, Any]], now_ms: int, arrived_ms: int) -> Samples:
    """As the gateway hands it on."""
    intake = Intake()
    for one in made:
        anchor = one["anchor"]
        anchored = None if anchor is None else Anchored(np.array(anchor), *(np.full(len(anchor), 500, np.int32),) * 2)
        intake.add_batch(
            Batch(
                session=one["session"], load=one["load"], seq=one["seq"], path="", width=1000.0, height=1000.0,
                viewport_width=one["viewport"], kind=np.array([SAMPLE_KINDS.index(kind) for kind in one["kind"]], np.uint8),
                x=np.array(one["x"], np.float64), y=np.array(one["y"], np.float64), age_ms=np.array(one["age"], np.float64), ignored=0,
                anchors=list(ZONES), anchored=anchored,
            ),
            Page.from_key(one["page"]), one["origin"], now_ms, None,
        )  # fmt: skip
    drained = intake.drain(arrived_ms)
    assert drained is not None
    return drained.samples


class House:
    """All that counts."""

    def __init__(self, samples_a_tile_max: int) -> None:
        times = {"window_ms": WINDOW_MS, "hop_ms": HOP_MS}
        self.group_by = GroupBy(grid_size=GRID, hop_ms=HOP_MS, samples_a_tile_max=samples_a_tile_max, people=True)
        self.heat = Aggregator(grid_size=GRID, skew_ms=SKEW_MS, **times)
        self.zones = Zones(skew_ms=SKEW_MS, **times)
        self.exposures = Exposures(grid_size=GRID, **times)
        self.crowd = Crowd(tiles=GRID * GRID, **times)
        self.counts: list[Counts] = []
        self.counted: list[Counted] = []

    def count(self, samples: Samples, offset: int) -> None:
        counts, taken_ms = self.group_by.group(samples), samples.arrived_ms
        self.heat.merge(counts, taken_ms)
        if counts.zones is not None:
            self.zones.merge(counts.pages, counts.zones)
        if counts.stretches is not None:
            self.exposures.merge(counts.pages, counts.stretches)
        self.crowd.add(counts, taken_ms)
        self.counts.append(counts)
        self.counted.append(Counted.of(self.group_by.newest, counts, offset, taken_ms))

    def hop(self, now_ms: int) -> None:
        for stage in (self.zones, self.exposures, self.heat):
            stage.advance(now_ms)  # type: ignore[attr-defined]
        self.crowd.settle()

    def told(self, now_ms: int) -> dict[str, Any]:
        """What the ways out say of the newest window."""
        views = [View(page, kind, device) for page in PAGES for kind in KINDS for device in ("all", "mobile")]
        heat = [(found.cells.tolist(), found.counts.tolist()) for found in map(self.heat.whole, views)]
        pages = [page._replace(rate=round(page.rate, 9)) for page in sorted(self.heat.pages(now_ms), key=lambda page: page.key)]
        exposed = []
        for page in PAGES:
            found = self.exposures.of(page, [0, 1, 2], self.group_by.views.open(page, self.exposures.end_ms))
            exposed.append((found.ms.tolist(), found.people.tolist(), found.everybody, found.fold))
        return {
            "heat": heat,
            "pages": pages,
            "exposed": exposed,
            "zones": [sorted(map(repr, self.zones.league(page))) for page in PAGES],
            "people": [self.crowd.marks(page, self.heat.end_ms).marks.tolist() for page in PAGES],
            "left out": (self.group_by.repeated, self.group_by.capped, self.heat.late, self.heat.ahead),
            "visitors": len(self.group_by.presence),
        }

    def kept(self) -> dict[str, Any]:
        """What the history and the digests say of all there was."""
        asked = {"hop_ms": HOP_MS, "floors": Floors()}
        kept: dict[str, Any] = {"history": _buckets(self.counts, asked)}
        if not self.counted:
            return kept
        digest = Digest.from_bytes(Digest.of(self.counted, SETTING, self.group_by.views.snapshot()).to_bytes(), SETTING)
        again = GroupBy(grid_size=GRID, hop_ms=HOP_MS)
        again.recall(digest.batches())
        kept["digest"] = _buckets([piece.read() for piece in digest.pieces(lambda *_: 0)], asked)
        kept["clicks"] = [(who, click if click.zone else click._replace(in_zone=(0, 0))) for who, click in digest.clicks(0)]
        kept["views"] = {page: dict(views) for page, views in digest.views().items()}
        kept["sessions"] = {who: again.presence.where[who] for who in again.presence.where}
        return kept


def _buckets(counts: list[Counts], asked: dict[str, Any]) -> Any:
    buckets = [
        *fold(counts, tiles=GRID * GRID, **asked)[0], *fold_zones(counts, **asked), *fold_exposure(counts, bands=GRID, floors=asked["floors"])
    ]  # fmt: skip
    return sorted(repr(bucket) for bucket in buckets)


@settings(max_examples=50, deadline=None)
@given(hops, st.sampled_from([0, 2]))
def test_counting_records_as_one_changes_nothing(trace: list[Any], samples_a_tile_max: int) -> None:
    """Heat, people, pages and their rates, zones, what was in view, repeats, rage, the history and digests: one by one, as a start reads
    the log, or together, whoever asks in between."""
    one_by_one, at_once, together = House(samples_a_tile_max), House(samples_a_tile_max), Together()
    now_ms, offset = START_MS, 0

    def catch_up() -> None:
        for durable in together.take():
            at_once.count(durable.samples, durable.last)

    for hop in trace:
        for wait_ms, made, asked in hop:
            now_ms, offset = now_ms + wait_ms, offset + 1
            samples = record(made, now_ms, together.arrival_ms(now_ms))
            assert 0 <= now_ms - samples.arrived_ms <= ARRIVED_TOGETHER_MS
            one_by_one.count(samples_from_record(samples_to_record(samples)), offset)
            together.add(samples, offset, 0)
            if asked:
                catch_up()
        catch_up()
        now_ms += HOP_MS
        for house in (one_by_one, at_once):
            house.hop(now_ms)
        assert at_once.told(now_ms) == one_by_one.told(now_ms)
    assert at_once.kept() == one_by_one.kept()


def test_what_arrived_together_is_one() -> None:
    """Offsets and checksums are those of the records' ends, and what waited too long stands by itself."""
    together = Together()
    batch = {
        "page": PAGES[0], "origin": None, "session": "a", "load": "x", "seq": 0, "viewport": 1280.0, "anchor": None,
        "kind": ["move"], "x": [1], "y": [1], "age": [0],
    }  # fmt: skip
    for offset, at_ms in enumerate((0, 200, ARRIVED_TOGETHER_MS, ARRIVED_TOGETHER_MS + 1, 300)):
        now_ms = START_MS + at_ms
        assert together.enough == (offset > 3), "what comes goes with none of these"
        together.add(record([batch], now_ms, together.arrival_ms(now_ms)), offset, 10 + offset)
    taken = list(together.take())
    assert [(one.first, one.last, one.checksum, one.pages, len(one.samples)) for one in taken] == [
        (0, 2, 12, 3, 3), (3, 3, 13, 1, 1), (4, 4, 14, 1, 1)
    ]  # fmt: skip
    assert [one.samples.arrived_ms - START_MS for one in taken] == [0, ARRIVED_TOGETHER_MS + 1, 300]
    assert not list(together.take())
    assert not together.enough


def test_much_waits_no_longer() -> None:
    """Much is a few records with many names, too, and many records that may turn out not to go together."""
    batch = {
        "page": PAGES[0], "origin": None, "session": "a", "load": "x", "seq": 0, "viewport": 1280.0, "anchor": None,
        "kind": ["move"], "x": [1], "y": [1], "age": [0],
    }  # fmt: skip
    few = record([batch], START_MS, START_MS)
    together = Together()
    together.add(few, 0, 0)
    assert not together.enough
    together.add(replace(few, anchors=[f"zone-{number}" for number in range(8000)]), 1, 0)
    together.add(replace(few, anchors=[f"zone-{number}" for number in range(8000)]), 2, 0)
    assert together.enough
    list(together.take())
    for offset in range(64):
        assert not together.enough
        together.add(few, offset, 0)
    assert together.enough


def test_tables_of_names_are_one() -> None:
    """A page, session or zone that several records name is there once; kinds of several orders are told apart."""
    batch = {
        "page": PAGES[0], "origin": None, "session": "a", "load": "x", "seq": 0, "viewport": 1280.0, "anchor": [1],
        "kind": ["click"], "x": [1], "y": [1], "age": [0],
    }  # fmt: skip
    first = record([batch], START_MS, START_MS)
    other = samples_from_record(samples_to_record(record([batch | {"page": PAGES[1], "anchor": None}], START_MS, START_MS)))
    turned = type(other)(**{name: getattr(other, name) for name in other.__slots__} | {"kinds": ["click"], "kind": np.zeros(1, np.uint8)})
    one = joined_samples([first, turned])
    assert [page.key for page in one.pages] == [*PAGES[:2]]
    assert (one.sessions, one.loads, one.anchors) == (["a"], ["x"], ZONES)
    assert [one.kinds[at] for at in one.kind.tolist()] == ["click", "click"]
    assert one.anchored is not None
    assert one.anchored.anchor.tolist() == [1, -1]
    assert one.runs.page.tolist() == [0, 1]


def test_numbers_of_sockets_are_kept() -> None:
    """Those of one table stand beside what has none; of two tables nothing is numbered."""
    none = record([{
        "page": PAGES[0], "origin": None, "session": "a", "load": "x", "seq": 0, "viewport": 1280.0, "anchor": None,
        "kind": ["move"], "x": [1], "y": [1], "age": [0],
    }], START_MS, START_MS)  # fmt: skip

    def numbered(table: int, number: int) -> Samples:
        return replace(none, runs=replace(none.runs, numbered=Numbered(table, np.array([number], np.int64))))

    one = joined_samples([numbered(7, 2), none, numbered(7, 0)]).runs.numbered
    assert one is not None
    assert (one.table, one.number.tolist()) == (7, [2, -1, 0])
    assert joined_samples([none, none]).runs.numbered is None
    assert joined_samples([numbered(7, 2), numbered(8, 2)]).runs.numbered is None

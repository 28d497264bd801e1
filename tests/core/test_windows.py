"""Group By and aggregator together, against brute force: the promise of the whole core."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.aggregate import Aggregator
from isotherm.core.count_records import counts_from_record, counts_to_records
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.layers import ALL_DEVICES, DEVICES, KINDS, PLAIN_KINDS
from isotherm.core.pages import Page
from isotherm.core.records import decode_clickstream, decode_grouped, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.samples import Samples
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Batch
from isotherm.gateway.numbers import Speaker
from tests.oracle import Oracle, Sample

pytestmark = pytest.mark.usefixtures("both_ways")
PAGES = ("default/", "default/p/1", "other/p/1")
START_MS = 1_700_000_000_000

coordinates = st.one_of(st.integers(-50, 700), st.floats(-1e308, 1e308), st.floats(0, 640))
extents = st.one_of(st.sampled_from([320, 640, 1000.5]), st.floats(1e-3, 1e6))


@st.composite
def batches(draw: st.DrawFn) -> dict[str, Any]:
    length = draw(st.integers(1, 5))
    return {
        "page": draw(st.sampled_from(PAGES)),
        "session": draw(st.sampled_from("abc")),
        "load": draw(st.sampled_from("xy")),
        "seq": draw(st.integers(0, 6)),
        "width": draw(extents),
        "height": draw(extents),
        "viewport": draw(st.sampled_from([320.0, 800.0, 1280.0])),
        "kind": draw(st.lists(st.sampled_from([0, 1]), min_size=length, max_size=length)),
        "x": draw(st.lists(coordinates, min_size=length, max_size=length)),
        "y": draw(st.lists(coordinates, min_size=length, max_size=length)),
        "age": draw(st.lists(st.integers(-1000, 4000), min_size=length, max_size=length)),
    }


steps = st.lists(st.tuples(st.integers(0, 900), st.lists(batches(), max_size=3)), min_size=1, max_size=25)
geometries = st.tuples(st.integers(2, 7), st.sampled_from([50, 250, 1000]), st.integers(1, 12))


def to_samples(
    made: list[dict[str, Any]], now_ms: int, intake: Intake | None = None, speakers: Sequence[Speaker | None] = ()
) -> Samples | None:
    """As the gateway would hand them on; the ages may be below zero here, as event times ahead of the clock are. `speakers`: of each batch."""
    if intake is None:
        intake = Intake()
    for one, speaker in zip_longest(made, speakers):
        intake.add_batch(
            Batch(
                session=one["session"], load=one["load"], seq=one["seq"], path="", width=float(one["width"]), height=float(one["height"]),
                viewport_width=one["viewport"], kind=np.array(one["kind"], np.uint8), x=np.array(one["x"], np.float64),
                y=np.array(one["y"], np.float64), age_ms=np.array(one["age"], np.float64), ignored=0,
            ),
            Page.from_key(one["page"]), None, now_ms, None, speaker,
        )  # fmt: skip
    drained = intake.drain(now_ms)
    return drained.samples if drained else None


def as_tiles(heat: Any, grid_size: int) -> dict[tuple[int, int], int]:
    return {(cell % grid_size, cell // grid_size): count for cell, count in zip(heat.cells.tolist(), heat.counts.tolist(), strict=True)}


@settings(max_examples=120, deadline=None)
@given(geometries, steps, st.booleans(), st.sampled_from([10**6, 1]))
def test_every_window_equals_brute_force(geometry: Any, trace: Any, through_records: bool, cells_dense_max: int) -> None:
    """Whatever comes (gaps, late and repeated samples, mixes of pages), each emitted window is what a brute-force count of all
    that had arrived gives; also through the topics' records, and where rows lie beyond the dense slab. (Rage is found among what comes, which
    tests/core/test_rage.py holds against brute force of its own.)"""
    grid_size, hop_ms, panes = geometry
    window_ms = hop_ms * panes
    oracle = Oracle(grid_size, window_ms)
    group_by = GroupBy(grid_size=grid_size, hop_ms=hop_ms)
    aggregator = Aggregator(grid_size=grid_size, window_ms=window_ms, hop_ms=hop_ms, skew_ms=2000, cells_dense_max=cells_dense_max)
    for page in PAGES[:2]:
        aggregator.watch(page)
    views = [View(page, kind, device) for page in PAGES for kind in KINDS[:PLAIN_KINDS] for device in (ALL_DEVICES, *DEVICES)]
    mirrors: dict[View, dict[int, int]] = {view: {} for view in views}
    seen: set[tuple[str, str, int]] = set()
    now_ms = START_MS
    aggregator.advance(now_ms)
    for wait_ms, made in trace:
        now_ms += wait_ms
        samples = to_samples(made, now_ms)
        for one in made:
            name = (one["session"], one["load"], one["seq"])
            if name not in seen:
                seen.add(name)
                oracle.samples += [
                    Sample(one["page"], KINDS[kind], one["viewport"], now_ms - age, x, y, one["width"], one["height"])
                    for kind, x, y, age in zip(one["kind"], one["x"], one["y"], one["age"], strict=True)
                ]
        if samples is not None:
            if through_records:
                samples = samples_from_record(decode_clickstream(encode(samples_to_record(samples))))
            counts = group_by.group(samples)
            if through_records:
                for _, record in counts_to_records(counts, partition=0, offset=0, pane_ms=hop_ms, grid_size=grid_size):
                    aggregator.merge(counts_from_record(decode_grouped(encode(record))), now_ms)
            else:
                aggregator.merge(counts, now_ms)
        hop = aggregator.advance(now_ms)
        if hop is None:
            continue
        assert hop.end_ms == now_ms // hop_ms * hop_ms
        counted = oracle.windows(hop.end_ms)
        for view in views:
            expected = counted.get((view.page, view.kind, view.device), {})
            assert as_tiles(aggregator.whole(view), grid_size) == expected
            changes = hop.changes(view)
            if changes is not None:
                for cell, count in zip(changes.cells.tolist(), changes.counts.tolist(), strict=True):
                    mirrors[view][cell] = count
            if view.page in PAGES[:2]:
                mirrored = {(cell % grid_size, cell // grid_size): count for cell, count in mirrors[view].items() if count}
                assert mirrored == expected, "a viewer who applies the changes sees the window"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-4000, 4000), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_clock_that_leaps_keeps_what_is_in_the_window(leaps: Any) -> None:
    """The clock steps by any amount, either way: no error, each window holds just the panes that are in it and were kept."""
    hop_ms, panes, grid_size = 250, 6, 2
    window_ms = hop_ms * panes
    aggregator = Aggregator(grid_size=grid_size, window_ms=window_ms, hop_ms=hop_ms, skew_ms=500)
    group_by = GroupBy(grid_size=grid_size, hop_ms=hop_ms)
    view = View("default/", "move", "all")
    aggregator.watch(view.page)
    kept: list[int] = []  # event times still in the ring, by the rule: within the window, or ahead by no more than the skew
    mirror: dict[int, int] = {}
    now_ms, seq = START_MS, 0
    aggregator.advance(now_ms)
    for leap_ms, number in leaps:
        now_ms += leap_ms
        made = []
        for _ in range(number):
            seq += 1
            one = {"page": view.page, "session": "s", "load": "l", "seq": seq, "width": 1, "height": 1, "viewport": 1280.0}
            made.append(one | {"kind": [0], "x": [0], "y": [0], "age": [0]})
            kept.append(now_ms)
        samples = to_samples(made, now_ms)
        if samples is not None:
            aggregator.merge(group_by.group(samples), now_ms)
        hop = aggregator.advance(now_ms)
        if hop is None:
            continue
        end_ms = now_ms // hop_ms * hop_ms
        kept = [time_ms for time_ms in kept if end_ms - window_ms <= time_ms // hop_ms * hop_ms < end_ms + 500 + hop_ms]
        expected = sum(end_ms - window_ms <= time_ms < end_ms for time_ms in kept)
        assert int(aggregator.whole(view).counts.sum()) == expected
        changes = hop.changes(view)
        if changes is not None:
            mirror.update(zip(changes.cells.tolist(), changes.counts.tolist(), strict=True))
        assert sum(mirror.values()) == expected


def test_a_quiet_page_cools_and_is_forgotten() -> None:
    """A page without new samples cools on the clock, down to empty; then nothing is kept of it."""
    aggregator = Aggregator(grid_size=4, window_ms=1000, hop_ms=250, skew_ms=500)
    group_by = GroupBy(grid_size=4, hop_ms=250)
    view = View("default/", "move", "all")
    aggregator.watch(view.page)
    aggregator.advance(START_MS)
    one = {"page": view.page, "session": "s", "load": "l", "seq": 0, "width": 4, "height": 4, "viewport": 1280.0}
    samples = to_samples([one | {"kind": [0, 0], "x": [1, 2], "y": [1, 1], "age": [0, 0]}], START_MS)
    assert samples is not None
    aggregator.merge(group_by.group(samples), START_MS)
    totals = []
    for step in range(1, 8):
        hop = aggregator.advance(START_MS + 250 * step)
        assert hop is not None
        totals.append(int(aggregator.whole(view).counts.sum()))
    #   START  +250 ........ +1000  +1250
    assert totals == [2, 2, 2, 2, 0, 0, 0]
    assert aggregator.pages(START_MS + 2000) == []
    assert aggregator.idle


def test_freed_rows_are_used_again() -> None:
    """A site whose pages come and go holds no more rows than pages that live at once."""
    aggregator = Aggregator(grid_size=4, window_ms=500, hop_ms=250, skew_ms=250)
    group_by = GroupBy(grid_size=4, hop_ms=250)
    for step in range(200):
        now_ms = START_MS + 250 * step
        one = {"page": f"default/{step}", "session": "s", "load": "l", "seq": step, "width": 4, "height": 4, "viewport": 1280.0}
        samples = to_samples([one | {"kind": [0], "x": [1], "y": [1], "age": [0]}], now_ms)
        assert samples is not None
        aggregator.merge(group_by.group(samples), now_ms)
        aggregator.advance(now_ms)
    assert len(aggregator._page_of_row) <= 8


def test_what_many_records_bring_for_a_pane_is_joined() -> None:
    """Memory goes with samples, not with records: room that was made for more is given back once a pane is calm."""
    aggregator = Aggregator(grid_size=4, window_ms=60_000, hop_ms=250, skew_ms=500)
    group_by = GroupBy(grid_size=4, hop_ms=250)
    one = {"page": "default/", "session": "s", "load": "l", "width": 4, "height": 4, "viewport": 1280.0}
    view = View("default/", "move", "all")
    aggregator.watch("default/")
    aggregator.advance(START_MS)
    for seq in range(500):
        samples = to_samples([one | {"seq": seq, "kind": [0, 0], "x": [seq % 4, 1], "y": [1, 2], "age": [1000, 10]}], START_MS)
        assert samples is not None
        aggregator.merge(group_by.group(samples), START_MS)
    for step in range(1, 70):
        aggregator.advance(START_MS + 250 * step)
    assert len(aggregator._panes) == 2
    held = aggregator._panes.bytes_held()
    assert as_tiles(aggregator.whole(view), 4) == {(1, 2): 500, (0, 1): 125, (1, 1): 125, (2, 1): 125, (3, 1): 125}
    for step in range(70, 320):
        aggregator.advance(START_MS + 250 * step)
    assert len(aggregator._panes) == 0
    assert held - aggregator._panes.bytes_held() <= 12 * 1000, "beside what is held for a hop, whether or not there are samples"

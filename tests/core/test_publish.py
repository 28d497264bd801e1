"""The topic `heatmap`: whole now and then, changes between, enough for a reader who joins at any time."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.publish import KEYFRAME_EVERY_MS, Publisher
from tests.core.test_windows import START_MS, as_tiles, to_samples
from tests.oracle import from_classic

pytestmark = pytest.mark.usefixtures("both_ways")
PAGES = ["default/", "default/p/1"]


def test_pages_that_are_new_together_are_written_whole_in_turns() -> None:
    """Each hop has its share of them, and each page is whole again within a keyframe's time."""
    number, hops = 300, KEYFRAME_EVERY_MS // 250
    aggregator = Aggregator(grid_size=2, window_ms=300_000, hop_ms=250, skew_ms=500)
    publisher = Publisher(aggregator)
    one = {"session": "s", "load": "l", "width": 2, "height": 2, "viewport": 1280.0, "kind": [0], "age": [0], "x": [1], "y": [1]}
    samples = to_samples([one | {"page": f"default/{at}", "seq": at} for at in range(number)], START_MS)
    assert samples is not None
    aggregator.merge(GroupBy(grid_size=2, hop_ms=250).group(samples), START_MS)
    whole: dict[str, int] = {}
    for step in range(1, 4 * hops):
        now_ms = START_MS + 250 * step
        hop = aggregator.advance(now_ms)
        assert hop is not None
        written = [key for key, record in publisher.records(hop, list(aggregator.keys), now_ms) if not record.changes]
        assert len(written) == number if step == 1 else len(written) <= -(-number // hops)
        assert all(step - whole.get(key, step) <= hops for key in written)
        whole |= dict.fromkeys(written, step)
    assert len(whole) == number
    assert min(whole.values()) >= step - hops


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.tuples(st.sampled_from(PAGES), st.integers(0, 3)), max_size=3), min_size=1, max_size=30), st.integers(0, 25))
def test_a_reader_who_joins_at_any_record_is_right_within_a_keyframe(trace: list[list[tuple[str, int]]], joins: int) -> None:
    """From its first keyframe of a layer on, what it has is the window."""
    aggregator = Aggregator(grid_size=2, window_ms=2000, hop_ms=250, skew_ms=500)
    group_by = GroupBy(grid_size=2, hop_ms=250)
    publisher = Publisher(aggregator)
    aggregator.watch(None)
    aggregator.advance(START_MS)
    read: dict[View, dict[tuple[int, int], int]] = {}
    for step, visits in enumerate([*trace, *([[]] * (KEYFRAME_EVERY_MS // 250))], 1):
        now_ms = START_MS + 250 * step
        one = {"session": "s", "load": str(step), "width": 2, "height": 2, "viewport": 1280.0, "kind": [0], "age": [0]}
        samples = to_samples(
            [one | {"page": page, "seq": at, "x": [tile % 2], "y": [tile // 2]} for at, (page, tile) in enumerate(visits)], now_ms
        )
        if samples is not None:
            aggregator.merge(group_by.group(samples), now_ms)
        hop = aggregator.advance(now_ms)
        assert hop is not None
        for key, record in publisher.records(hop, [page.key for page in aggregator.pages(now_ms)], now_ms):
            view = View(key, record.kind, record.device)
            assert key == record.site + record.path
            if step < joins:
                continue
            if not record.changes:
                read[view] = from_classic(record.value)
            elif view in read:
                read[view] = {tile: count for tile, count in (read[view] | from_classic(record.value)).items() if count}
        for view, tiles in read.items():
            assert tiles == as_tiles(aggregator.whole(view), 2)
    assert not any(read.values())


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_while_a_hop_is_told_is_of_the_next(seed: int) -> None:
    """Records are taken one by one, samples (late ones too) merged between them: each hop's are still the counts of the end they name."""
    chance = random.Random(seed)
    aggregator = Aggregator(grid_size=2, window_ms=2000, hop_ms=250, skew_ms=500)
    group_by, publisher = GroupBy(grid_size=2, hop_ms=250), Publisher(aggregator)
    aggregator.watch(None)
    aggregator.advance(START_MS)
    came: list[tuple[int, str, tuple[int, int]]] = []
    read: dict[str, dict[tuple[int, int], int]] = {}

    def comes(now_ms: int) -> None:
        page, x, y, age = f"default/{chance.randrange(12)}", chance.randrange(2), chance.randrange(2), chance.randrange(1000)
        one = {"page": page, "session": "s", "load": "l", "seq": len(came), "width": 2, "height": 2, "viewport": 1280.0}
        samples = to_samples([one | {"kind": [0], "age": [age], "x": [x], "y": [y]}], now_ms)
        assert samples is not None
        aggregator.merge(group_by.group(samples), now_ms)
        came.append((now_ms - age, page, (x, y)))

    for step in range(1, 120):
        now_ms = START_MS + 250 * step
        hop = aggregator.advance(now_ms)
        assert hop is not None
        of_window = Counter((page, tile) for at_ms, page, tile in came if hop.end_ms - 2000 <= at_ms < hop.end_ms)
        for key, record in publisher.records(hop, list(aggregator.keys), now_ms):
            assert record.end == hop.end_ms
            if (record.kind, record.device) == ("move", "desktop"):
                before = read.get(key, {}) if record.changes else {}
                read[key] = {tile: count for tile, count in (before | from_classic(record.value)).items() if count}
            if step < 90 and chance.random() < 0.2:
                comes(now_ms)
        if step < 90 and chance.random() < 0.5:
            comes(now_ms)
        assert {(key, tile): count for key, tiles in read.items() for tile, count in tiles.items()} == of_window
    assert came
    assert not any(read.values())

"""Spots against brute force: where on its element each sample lay, of the pages that are asked for, in every window."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.layers import DEVICES, KINDS
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, Anchored, Runs, Samples
from isotherm.core.spots import NEAR_COLUMNS, NEAR_ROWS, SIDE, SpotHeat, Spots

pytestmark = pytest.mark.usefixtures("both_ways")

START_MS = 1_700_000_000_000
HOP, WINDOW, SKEW = 250, 1500, 500
WIDTH, HEIGHT = 1000.0, 4000.0
PAGES = ("default/", "default/p/1")
VIEWS = [View(PAGES[0], kind, device) for kind in ("move", "click") for device in ("all", "mobile", "desktop")]


@dataclass(frozen=True)
class Seen:
    """One sample, as a person would note it."""

    page: int
    element: str
    device: int
    kind: int
    time_ms: int
    x: float
    y: float
    ax: int
    ay: int


seen = st.builds(
    Seen,
    page=st.integers(0, 1),
    element=st.sampled_from(["", "a", "b", "#c>0"]),
    device=st.sampled_from([0, 2]),
    kind=st.integers(0, 1),
    time_ms=st.integers(-2500, 900),
    x=st.sampled_from([-5.0, 0.0, 500.0, 1000.0]),
    y=st.sampled_from([0.0, 15.7, 3999.0]),
    ax=st.sampled_from([0, 3, 4, 999, 1000]),
    ay=st.sampled_from([0, 500]),
)
#: What a record brings, and how far the clock goes after it: also far, and back.
steps = st.lists(st.tuples(st.lists(seen, max_size=5), st.sampled_from([0, 100, 250, 700, 5000, -800])), max_size=12)


def record(noted: list[Seen], now_ms: int) -> Samples:
    names = sorted({one.element for one in noted if one.element})
    column = np.array
    return Samples(
        arrived_ms=now_ms,
        pages=[Page.from_key(key) for key in PAGES],
        origins=[None, None],
        sessions=["s"],
        loads=[],
        runs=Runs(
            page=column([one.page for one in noted], int),
            session=np.zeros(len(noted), int),
            device=column([one.device for one in noted], int),
            load=np.full(len(noted), NO_LOAD),
            seq=np.zeros(len(noted), int),
            width=np.full(len(noted), WIDTH),
            height=np.full(len(noted), HEIGHT),
            size=np.ones(len(noted), int),
        ),
        time_ms=column([now_ms + one.time_ms for one in noted], np.int64),
        x=column([one.x for one in noted], float),
        y=column([one.y for one in noted], float),
        kind=column([one.kind for one in noted], np.uint8),
        kinds=list(KINDS[:2]),
        anchors=names,
        anchored=Anchored(
            column([names.index(one.element) if one.element else -1 for one in noted], int),
            column([one.ax for one in noted], int),
            column([one.ay for one in noted], int),
        ),
    )


def told(heat: SpotHeat | None) -> dict[tuple[str, int, int], int]:
    if heat is None:
        return {}
    rows = zip(heat.element, heat.near, heat.cell, heat.counts, strict=True)
    return {(heat.names[element], near, cell): count for element, near, cell, count in rows}


def expected(noted: list[tuple[int, Seen]], view: View, end_ms: int) -> Counter[tuple[str, int, int]]:
    """As a child would count it."""
    counts: Counter[tuple[str, int, int]] = Counter()
    for now_ms, one in noted:
        device = DEVICES[one.device]
        if PAGES[one.page] != view.page or KINDS[one.kind] != view.kind or view.device not in ("all", device) or not one.element:
            continue
        if end_ms - WINDOW <= now_ms + one.time_ms < end_ms:
            near = min(NEAR_ROWS - 1, int(one.y / HEIGHT * NEAR_ROWS)) * NEAR_COLUMNS + min(
                NEAR_COLUMNS - 1, max(0, int(one.x / WIDTH * NEAR_COLUMNS))
            )
            cell = min(SIDE - 1, one.ay * SIDE // 1000) * SIDE + min(SIDE - 1, one.ax * SIDE // 1000)
            counts[one.element, near, cell] += 1
    return counts


@given(steps)
def test_every_window_is_the_brute_force_count_and_changes_keep_a_picture_up_to_it(given_steps: list[tuple[list[Seen], int]]) -> None:
    """Of the page that is asked for, and of no other. What came too late or lay too far ahead when it came is not in it, as in the heat."""
    group_by, spots = GroupBy(grid_size=5, hop_ms=HOP), Spots(window_ms=WINDOW, hop_ms=HOP, skew_ms=10_000)
    spots.watch(PAGES[0])
    group_by.spots_of = spots.asked
    now_ms, noted = START_MS, []
    spots.advance(now_ms)
    pictures: dict[View, dict[tuple[str, int, int], int]] = {view: {} for view in VIEWS}
    for batch, step_ms in given_steps:
        first = spots.end_ms - WINDOW
        noted += [(now_ms, one) for one in batch if now_ms + one.time_ms >= first]
        spots.merge(group_by.group(record(batch, now_ms)).spots)
        before, now_ms = now_ms, now_ms + step_ms
        if step_ms < 0:  # what is older than the window that was is not there for an earlier one
            noted = [(then, one) for then, one in noted if then + one.time_ms >= before - before % HOP - WINDOW]
        if not spots.advance(now_ms):
            continue
        noted = [(then, one) for then, one in noted if then + one.time_ms >= spots.end_ms - WINDOW]
        for view in VIEWS:
            picture = pictures[view]
            picture.update(told(spots.changes(view)))
            pictures[view] = {spot: count for spot, count in picture.items() if count}
            assert told(spots.whole(view)) == expected(noted, view, spots.end_ms) == pictures[view]
    assert told(spots.whole(View(PAGES[1], "move", "all"))) == {}


def test_nothing_is_kept_of_what_nobody_asks_for_any_more() -> None:
    """After the last viewer the page is as if nobody had ever asked; rows of others, and names long cold, are given back."""
    group_by, spots = GroupBy(grid_size=5, hop_ms=HOP), Spots(window_ms=WINDOW, hop_ms=HOP, skew_ms=SKEW, rows_max=3)
    assert spots.watch(PAGES[0])
    assert not spots.watch(PAGES[0])
    group_by.spots_of = spots.asked
    view, now_ms = VIEWS[0], START_MS

    def move(element: str, times: int) -> None:
        one = Seen(0, element, 0, 0, -1, 1, 1, 1, 1)
        spots.merge(group_by.group(record([one] * times, now_ms)).spots)

    spots.advance(now_ms)
    for turn in range(5000):  # more names than a page may have at a time
        move(f"e{turn}", 1)
        now_ms += WINDOW + HOP
        spots.advance(now_ms)
    assert spots.beyond == 0
    move("x", 3)
    move("y", 1)
    assert spots.beyond == 1
    spots.advance(now_ms + HOP)
    assert [name for name, _, _ in told(spots.whole(view))] == ["x"]
    spots.unwatch(PAGES[0])
    assert told(spots.whole(view))
    spots.unwatch(PAGES[0])
    assert (told(spots.whole(view)), spots.changes(view), list(spots.asked)) == ({}, None, [])
    move("x", 1)
    spots.watch(PAGES[0])
    spots.advance(now_ms + 2 * HOP)
    assert told(spots.whole(view)) == {}
    move("z", 3)
    assert spots.beyond == 1


def test_the_middle_of_a_spot_is_within_8_px_of_its_sample_on_an_element_of_4000_px() -> None:
    """Trackers tell whole thousandths, so that much is lost before."""
    group_by, spots = GroupBy(grid_size=5, hop_ms=HOP), Spots(window_ms=WINDOW, hop_ms=HOP, skew_ms=SKEW)
    spots.watch(PAGES[0])
    group_by.spots_of = spots.asked
    spots.advance(START_MS)
    for at in range(4000):
        spots.merge(group_by.group(record([Seen(0, str(at), 0, 0, -1, 1, 1, at * 1000 // 4000, 0)], START_MS)).spots)
    spots.advance(START_MS)
    found = told(spots.whole(VIEWS[0]))
    assert len(found) == 4000
    assert max(abs((cell % SIDE + 0.5) / SIDE * 4000 - float(name)) for name, _, cell in found) <= 8

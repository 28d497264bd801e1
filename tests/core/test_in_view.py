"""Who had what in view, kept up to date, against going through all stretches: at each moment the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import exposure, in_view
from isotherm.core.counts import StretchCounts
from isotherm.core.exposure import Exposures

GRID, HOP_MS, WINDOW_MS, START_MS = 6, 250, 5_000, 1_700_000_000_000
PAGES = ("s/", "s/1")
ALL = [(top, bottom) for top in range(GRID) for bottom in range(top + 1, GRID + 1)]

# page, person, top, bands, and how long before now it began and how long it lasted (it may lie ahead)
stretch = st.tuples(
    st.integers(0, 1), st.integers(0, 9), st.integers(0, GRID - 1), st.integers(1, GRID), st.integers(-600, 6_000), st.integers(1, 3_000)
)
doing = st.sampled_from(["attend", "attend", "leave", "forget", "nothing", "nothing", "nothing"])
steps_ = st.lists(st.tuples(st.integers(0, 4_000), st.lists(stretch, max_size=9), doing, st.lists(stretch, max_size=2)), max_size=25)


def lines(rows: list[Any], now_ms: int) -> np.ndarray:
    """Page, person, device, top, bottom, start, end."""
    made = [
        (page, person, 2, top, min(top + size, GRID), now_ms - ago, now_ms - ago + lasted) for page, person, top, size, ago, lasted in rows
    ]
    return np.array(made, np.int64).reshape(-1, 7)


def brute(told: list[np.ndarray], page: int, start_ms: int, end_ms: int) -> list[int]:
    """Of each pair of bands, by a set of people."""
    rows = [row for table in told for row in table.tolist() if row[0] == page and row[6] > start_ms and row[5] < end_ms]
    return [len({who for _, who, _, first, behind, _, _ in rows if first < bottom and behind > top}) for top, bottom in ALL]


@given(steps_, st.sampled_from([2, 10_000]), st.sampled_from([GRID * 4, 1 << 20]), st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_people_are_those_of_the_stretches(steps: list[Any], at_once: int, room: int, back: int) -> None:
    """On two pages, taken some or all at once, with room and without; at one step the clock goes back, and a window later all is as before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exposure, "AT_ONCE", at_once)
        patch.setattr(exposure, "ROOM", room)
        patch.setattr(in_view, "_PEOPLE", 1)
        patch.setattr(in_view, "_BLOCK", 4)
        kept_up, sorted_ = (Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS) for _ in range(2))
        told: list[np.ndarray] = []
        now_ms, was_back = START_MS, False
        for number, (wait_ms, rows, do, open_) in enumerate(steps):
            now_ms += wait_ms if number != back else -wait_ms - 7_000
            was_back |= number == back
            for exposures in (kept_up, sorted_):
                exposures.advance(now_ms)
                exposures.merge(PAGES, StretchCounts(*lines(rows, now_ms).T))
            told.append(lines(rows, now_ms))
            if do == "attend":
                kept_up.attend(PAGES[number % 2])
            elif do == "leave":
                kept_up.leave(PAGES[number % 2])
            elif do == "forget":
                kept_up.forget(PAGES[0])
                sorted_.forget(PAGES[0])
                told = [table[table[:, 0] != 0] for table in told]
            more, start_ms, end_ms = lines(open_, now_ms), kept_up.end_ms - WINDOW_MS, kept_up.end_ms
            for place, page in enumerate(PAGES):
                own = more[more[:, 0] == place]
                found = [exposures.people_on(page, ALL, own[:, 1:]) for exposures in (kept_up, sorted_)]
                assert found[0] == found[1]
                if not was_back:
                    assert found[0] == brute([*told, own], place, start_ms, end_ms)
        for after in range(1, 3):
            kept_up.advance(max(now_ms, START_MS + 130_000) + after * 4 * WINDOW_MS)
        assert (len(kept_up), [kept_up.knows(page) for page in PAGES]) == (0, [False, False])


def test_a_page_of_many_is_taken_in_turns() -> None:
    """Until then it says so; who asks all the same has all of it counted."""
    exposures = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS)
    exposures.advance(START_MS)
    number = 3 * in_view.AT_ONCE
    columns = [np.zeros(number, np.int64) for _ in range(7)]
    columns[1], columns[4], columns[5], columns[6] = np.arange(number), columns[4] + 1, columns[5] + START_MS - 500, columns[6] + START_MS
    exposures.merge(PAGES, StretchCounts(*columns))
    told = [exposures.attend(PAGES[0])]
    for hop in range(1, 4):
        exposures.advance(START_MS + hop * HOP_MS)
        told.append(exposures.attend(PAGES[0]))
    assert told == [False, False, True, True]
    assert exposures.people_on(PAGES[0], [(0, 1)], np.zeros((0, 6), np.int64)) == [number]


def test_who_is_gone_makes_room() -> None:
    """The columns are as many as people in the window, not as have ever been."""
    exposures = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS)
    exposures.attend(PAGES[0])
    for hop in range(400):
        now_ms = START_MS + hop * HOP_MS
        exposures.advance(now_ms)
        rows = [(0, hop * 10 + person, 0, 2, 500, 500) for person in range(10)]
        exposures.merge(PAGES, StretchCounts(*lines(rows, now_ms).T))
    assert len(exposures._attended[PAGES[0]]._who) <= 4 * 10 * WINDOW_MS // HOP_MS


def crowd(exposures: Exposures, people: range, now_ms: int, page: int = 0) -> None:
    """Each has the first two bands in view for half a second."""
    number = len(people)
    start = np.full(number, now_ms - 500)
    of_page, who, zero = np.full(number, page), np.array(people), np.zeros(number, np.int64)
    exposures.merge(PAGES, StretchCounts(of_page, who, zero, zero, zero + 2, start, start + 500))


NOBODY = np.zeros((0, 6), np.int64)


def test_a_page_that_was_full_is_kept_up_to_date_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once most of its people are gone; till then, and then, the answer is that of all stretches."""
    monkeypatch.setattr(exposure, "ROOM", GRID * 200)
    exposures = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS)
    exposures.advance(START_MS)
    exposures.attend(PAGES[0])
    crowd(exposures, range(300), START_MS)
    assert exposures.people_on(PAGES[0], [(0, 1)], NOBODY) == [300]
    assert exposures._attended[PAGES[0]].full
    now_ms = START_MS + 2 * WINDOW_MS
    exposures.advance(now_ms)
    crowd(exposures, range(20), now_ms)
    for _ in range(2):
        assert exposures.people_on(PAGES[0], [(0, 1), (2, 3)], NOBODY) == [20, 0]
        assert not exposures._attended[PAGES[0]].full


def test_a_crowd_that_is_gone_costs_nothing() -> None:
    """Its columns are given back, and another page may have them."""
    exposures = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS)
    exposures.advance(START_MS)
    left = exposures._room.left
    exposures.attend(PAGES[0])
    crowd(exposures, range(9_000), START_MS)
    assert exposures.people_on(PAGES[0], [(0, 1)], NOBODY) == [9_000]
    now_ms = START_MS + 2 * WINDOW_MS
    exposures.advance(now_ms)
    crowd(exposures, range(8_990, 9_005), now_ms)
    for _ in range(2):
        assert exposures.people_on(PAGES[0], [(0, 1)], NOBODY) == [15]
    assert len(exposures._attended[PAGES[0]]._who) < 200
    exposures.leave(PAGES[0])
    assert exposures._room.left == left


def test_what_lies_ahead_keeps_nobody_waiting() -> None:
    """The clock leapt by a day, and back: what came meanwhile counts in a day, what comes counts now."""
    exposures = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS)
    exposures.advance(START_MS + 86_400_000)
    exposures.attend(PAGES[0])
    crowd(exposures, range(2 * in_view.AT_ONCE), START_MS + 86_400_000)
    for hop in range(4):
        exposures.advance(START_MS + hop * HOP_MS)
    crowd(exposures, range(3), START_MS)
    assert exposures.attend(PAGES[0])
    assert exposures.people_on(PAGES[0], [(0, 1)], NOBODY) == [3]


def test_all_pages_together_take_no_more_in_a_turn() -> None:
    """Two pages, each of nearly as many as are taken at once: the second is ready a turn later."""
    exposures = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS)
    exposures.advance(START_MS)
    for page in (0, 1):
        crowd(exposures, range(in_view.AT_ONCE - 10), START_MS, page)
    assert [exposures.attend(page) for page in PAGES] == [True, False]
    exposures.advance(START_MS + HOP_MS)
    assert [exposures.attend(page) for page in PAGES] == [True, True]

"""Exposure against brute force: what was in view in every window, by whom, and in minutes, hours and days."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isotherm.core.counts import Counts, StretchCounts
from isotherm.core.exposure import Exposures, as_json, devices_of
from isotherm.core.exposure_rollup import exposed_in, fold_exposure
from isotherm.core.group_by import GroupBy
from isotherm.core.layers import SAMPLE_KINDS, device_of
from isotherm.core.pages import Page
from isotherm.core.rollup import Contents
from isotherm.core.samples import Samples
from isotherm.core.tiers import MINUTE_MS, Floors
from isotherm.core.views import IDLE_MS, LAG_MS, VIEWS_MAX, Views
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Batch

START_MS = 1_700_000_000_000
STEP_MS = 500
WINDOW_MS = 60_000
GRID = 6
DOCUMENT = 600.0
PAGES = ("default/", "default/p/1")
KINDS = ("move", "view", "leave")


@dataclass(frozen=True)
class Did:
    """One sample, as a person would note it."""

    page: str
    session: str
    kind: str
    y: float
    time_ms: int
    viewport: float = 1280.0
    height: float = 200.0


def bands(did: Did) -> set[int]:
    """Those of which at least a part is in view."""
    size = DOCUMENT / GRID
    seen = {band for band in range(GRID) if band * size < did.y + did.height and (band + 1) * size > did.y}
    return seen or ({0} if did.y < 0 else {GRID - 1})


class Oracle:
    """Notes all samples; asks for each moment what everyone had in view then."""

    def __init__(self) -> None:
        self.dids: list[Did] = []

    def moments(self, page: str, start_ms: int, end_ms: int, device: int | None = None) -> list[tuple[str, Did]]:
        """Each `STEP_MS` of each session that has something in view, and the view that it is."""
        found = []
        for session in {did.session for did in self.dids}:
            own = [did for did in self.dids if (did.page, did.session) == (page, session)]
            for at_ms in range(start_ms, end_ms, STEP_MS):
                before = [did for did in own if did.time_ms <= at_ms]
                views = [did for did in before if did.kind != "move"]
                if not views or views[-1].kind == "leave" or at_ms >= max(did.time_ms for did in before) + IDLE_MS:
                    continue
                if device is None or device_of(views[-1].viewport) == device:
                    found.append((session, views[-1]))
        return found

    def of(self, page: str, start_ms: int, end_ms: int, device: int | None = None) -> tuple[list[int], list[int], int]:
        """Milliseconds and people by band, and everybody."""
        moments = self.moments(page, start_ms, end_ms, device)
        ms = [sum(STEP_MS for _, view in moments if band in bands(view)) for band in range(GRID)]
        people = [len({session for session, view in moments if band in bands(view)}) for band in range(GRID)]
        return ms, people, len({session for session, _ in moments})


def to_samples(batches: list[list[Did]], now_ms: int, seq: int = 0) -> Samples:
    intake = Intake()
    for at, dids in enumerate(batches):
        first = dids[0]
        height = np.array([did.height if did.kind == "view" else 0.0 for did in dids])
        batch = Batch(
            session=first.session, load="l" + first.session, seq=seq + at, path="", width=1000.0, height=DOCUMENT,
            viewport_width=first.viewport, kind=np.array([SAMPLE_KINDS.index(did.kind) for did in dids], np.uint8), x=height,
            y=np.array([did.y for did in dids], np.float64), age_ms=np.array([now_ms - did.time_ms for did in dids], np.int64), ignored=0,
        )  # fmt: skip
        intake.add_batch(batch, Page.from_key(first.page), None, now_ms, None)
    drained = intake.drain(now_ms)
    assert drained is not None
    return drained.samples


class Running:
    """Group By and the window, fed as a runtime does."""

    def __init__(self) -> None:
        self.group_by = GroupBy(grid_size=GRID, hop_ms=250, people=True)
        self.window = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=250)
        self.told: list[Counts] = []
        self.now_ms = START_MS
        self.seq = 0

    def feed(self, now_ms: int, batches: list[list[Did]]) -> None:
        self.now_ms = now_ms
        self.window.advance(now_ms)
        if batches:
            self.take(self.group_by.group(to_samples(batches, now_ms, self.seq)))
            self.seq += len(batches)

    def take(self, counts: Counts | None) -> None:
        if counts is not None and counts.stretches is not None:
            self.told.append(counts)
            self.window.merge(counts.pages, counts.stretches)

    def of(self, page: str, device: str = "all") -> Any:
        return self.window.of(page, devices_of(device), self.group_by.views.open(page, self.now_ms))


did = st.tuples(st.sampled_from(KINDS), st.integers(-20, 700), st.integers(0, 5))
batch = st.tuples(st.sampled_from(PAGES), st.sampled_from("xyz"), st.sampled_from([320.0, 1280.0]), st.lists(did, min_size=1, max_size=4))
steps = st.lists(st.tuples(st.integers(0, 45), st.lists(batch, max_size=3)), min_size=1, max_size=12)


def dated(step: list[Any], now_ms: int, newest: dict[tuple[str, str], int], unit_ms: int = 1000) -> list[list[Did]]:
    """The batches of a step with times: late by up to five units, those of a session in order."""
    made = []
    for page, session, viewport, rows in step:
        dids = []
        for kind, y, late in rows:
            time_ms = max(newest.get((page, session), 0), now_ms - late * unit_ms // STEP_MS * STEP_MS)
            newest[page, session] = time_ms
            dids.append(Did(page, session, kind, float(y), time_ms, viewport))
        made.append(dids)
    return made


def check(running: Running, oracle: Oracle) -> None:
    end_ms = running.window.end_ms
    for page in PAGES:
        for device, place in (("all", None), ("mobile", 0), ("desktop", 2)):
            found = running.of(page, device)
            wanted = oracle.of(page, end_ms - WINDOW_MS, end_ms, place)
            assert (found.ms.tolist(), found.people.tolist(), found.everybody) == wanted, (page, device)


@given(steps, st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_window_is_what_was_in_view(steps: list[Any], ticks: bool) -> None:
    """Whatever people do, late or in time, told by records alone or by ticks too."""
    running, oracle, now_ms = Running(), Oracle(), START_MS
    newest: dict[tuple[str, str], int] = {}
    for wait, step in steps:
        now_ms += wait * STEP_MS
        made = dated(step, now_ms, newest)
        oracle.dids += [did for dids in made for did in dids]
        if ticks:
            running.take(running.group_by.tick(now_ms))
        running.feed(now_ms, made)
        check(running, oracle)


@given(steps)
@settings(max_examples=40, deadline=None)
def test_minutes_hours_and_days_are_what_was_in_view(steps: list[Any]) -> None:
    """Once all is told, which is so when everybody has been silent for long; a stretch lies in as many minutes as it lasted through."""
    running, oracle, now_ms = Running(), Oracle(), START_MS // MINUTE_MS * MINUTE_MS
    newest: dict[tuple[str, str], int] = {}
    for wait, step in steps:
        now_ms += wait * STEP_MS
        made = dated(step, now_ms, newest)
        oracle.dids += [did for dids in made for did in dids]
        running.feed(now_ms, made)
    for _ in range(20):
        now_ms += LAG_MS
        running.take(running.group_by.tick(now_ms))
    buckets = fold_exposure(running.told, bands=GRID, floors=Floors())
    for page in PAGES:
        for tier, span_ms in ((0, MINUTE_MS), (1, 60 * MINUTE_MS)):
            for number in range(START_MS // span_ms - 1, now_ms // span_ms + 1):
                own = [bucket.contents for bucket in buckets if bucket[:3] == (page, tier, number)]
                found = exposed_in(Contents.added(own), [0, 1, 2], bands=GRID, start_ms=0, end_ms=0)
                if own or tier == 0:
                    wanted = oracle.of(page, number * span_ms, min((number + 1) * span_ms, now_ms))
                    assert (found.ms.tolist(), found.people.tolist(), found.everybody) == wanted, (page, tier)


@given(steps)
@example([
    (0, [(PAGES[1], "y", 320.0, [("view", 1, 2)])]), (29, [(PAGES[1], "y", 320.0, [("view", 0, 4)])]),
    (7, [(PAGES[1], "y", 320.0, [("view", 0, 3), ("move", 0, 0)])]),
])  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_no_time_is_told_twice(steps: list[Any]) -> None:
    """However late things come: up to a minute, when much of it was told."""
    views, newest, now_ms = Views(grid_size=GRID), {}, START_MS
    told: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for wait, step in steps:
        now_ms += wait * STEP_MS
        views.settle(now_ms)
        if step:
            samples = to_samples(dated(step, now_ms, newest, 12_000), now_ms)
            views.meet(samples, [page.key for page in samples.pages], np.ones(len(samples.runs), np.bool_))
        for stretch in views.take():
            told.setdefault((stretch.page, stretch.person), []).append((stretch.start_ms, stretch.end_ms))
    for spans in told.values():
        spans.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def one(kind: str, y: float, time_ms: int, session: str = "x") -> Did:
    return Did(PAGES[0], session, kind, y, time_ms)


def test_a_view_counts_while_it_is_open() -> None:
    """And no longer than half a minute after the last sign of life; then on, from the next one."""
    running = Running()
    running.feed(START_MS, [[one("view", 0, START_MS)]])
    running.feed(START_MS + 10_000, [])
    assert running.of(PAGES[0]).ms.tolist() == [10_000, 10_000, 0, 0, 0, 0]
    running.feed(START_MS + 50_000, [])
    assert running.of(PAGES[0]).ms.tolist()[0] == IDLE_MS
    running.feed(START_MS + 50_000, [[one("move", 0, START_MS + 50_000)]])
    running.feed(START_MS + 55_000, [])
    assert running.of(PAGES[0]).ms.tolist()[0] == IDLE_MS + 5_000


def test_what_overtakes_a_leave_does_not_open_the_page_again() -> None:
    """The beacon of a page that is left may come before the socket's last batch."""
    running = Running()
    running.feed(START_MS, [[one("view", 0, START_MS - 9_000)]])
    running.feed(START_MS, [[one("leave", 0, START_MS)]])
    running.feed(START_MS, [[one("view", 300, START_MS - 1_000)]])
    running.feed(START_MS + 20_000, [])
    assert running.of(PAGES[0]).ms.tolist() == [9_000, 9_000, 0, 0, 0, 0]


def test_what_was_kept_through_an_outage_counts_at_its_own_time() -> None:
    """Two minutes without a line, then all at once: of the past, only what was put down to the former view stays there."""
    running, oracle = Running(), Oracle()
    first = one("view", 0, START_MS)
    kept = [one("move", 0, START_MS + 20_000), one("view", 300, START_MS + 70_000), one("leave", 0, START_MS + 90_000)]
    oracle.dids += [first, *kept]
    running.feed(START_MS, [[first]])
    running.feed(START_MS + 100_000, [kept])
    check(running, oracle)


def test_the_first_screen_ends_where_those_at_the_top_see_to() -> None:
    """By their time: two of three seconds with a screen of half the page."""
    running = Running()
    running.feed(
        START_MS, [[Did(PAGES[0], "x", "view", 0, START_MS, height=300.0)], [Did(PAGES[0], "y", "view", 0, START_MS, height=100.0)]]
    )
    running.feed(START_MS + 2_000, [[Did(PAGES[0], "y", "view", 400, START_MS + 1_000)]])
    assert running.of(PAGES[0]).fold == 0.5
    assert Running().of(PAGES[0]).fold is None


def test_a_snapshot_goes_on_as_if_nothing_had_happened() -> None:
    """What comes after it tells the same."""
    here, there = Views(grid_size=GRID), Views(grid_size=GRID)
    first = to_samples([[one("view", 0, START_MS)], [one("view", 300, START_MS, "y"), one("leave", 0, START_MS, "y")]], START_MS)
    here.meet(first, list(PAGES[:1]), np.ones(2, np.bool_))
    here.take()
    there.restore({page: known.items() for page, known in here.snapshot().items()}, START_MS)
    for views in (here, there):
        views.settle(START_MS + 20_000)
        views.meet(to_samples([[one("view", 200, START_MS + 25_000)]], START_MS + 25_000), list(PAGES[:1]), np.ones(1, np.bool_))
    told = here.take()
    assert told
    assert (told, here.snapshot(), len(here)) == (there.take(), there.snapshot(), len(there))


def test_who_left_long_ago_is_forgotten() -> None:
    """So is who fell silent, and a page without anybody."""
    views = Views(grid_size=GRID)
    views.meet(to_samples([[one("view", 0, START_MS)], [one("view", 0, START_MS, "y"), one("leave", 0, START_MS, "y")]], START_MS),
               list(PAGES[:1]), np.ones(2, np.bool_))  # fmt: skip
    assert len(views) == 2
    for minute in range(13):  # a look is up to `LOOK_MS` later than that
        views.settle(START_MS + minute * MINUTE_MS)
    assert (len(views), views.snapshot()) == (0, {})
    views.settle(START_MS)  # a clock set back makes all worthless, and breaks nothing
    assert len(views) == 0


def test_too_many_are_counted_not_kept() -> None:
    """Sessions that are known, and stretches that are kept."""
    views = Views(grid_size=GRID, views_max=1)
    views.meet(to_samples([[one("view", 0, START_MS, name)] for name in "xyz"], START_MS), list(PAGES[:1]), np.ones(3, np.bool_))
    assert (len(views), views.beyond, VIEWS_MAX > 1) == (1, 2, True)
    assert sum(map(len, views._due.values())) == 1
    window = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=250, stretches_max=2)
    columns = np.zeros((7, 3), np.int64)
    columns[4], columns[5], columns[6] = 1, START_MS, START_MS + 1000
    window.merge(list(PAGES), StretchCounts(*columns))
    assert (len(window), window.beyond) == (2, 1)
    window.forget(PAGES[0])
    window.forget(PAGES[1])
    assert len(window) == 0
    window.merge(list(PAGES), StretchCounts(*columns))
    window.advance(START_MS + 10 * WINDOW_MS)
    assert (len(window), window.knows(PAGES[0])) == (0, False)
    window.merge(list(PAGES), StretchCounts(*columns))
    assert (len(window), window.late) == (0, 3)


def test_who_came_together_is_not_looked_at_together() -> None:
    """A sixteenth of them at a time, though all came in one record; each is told of every `LOOK_MS`."""
    views, people = Views(grid_size=GRID), 1_600
    views.meet(to_samples([[one("view", 0, START_MS, f"s{number}")] for number in range(people)], START_MS),
               list(PAGES[:1]), np.ones(people, np.bool_))  # fmt: skip
    most, told = 0, 0
    for now_ms in range(START_MS, START_MS + 20_001, 250):
        views.settle(now_ms)
        stretches = views.take()
        most = max(most, len(stretches))
        told += sum(stretch.end_ms > START_MS + 4_000 for stretch in stretches) if now_ms > START_MS + 16_000 else 0
    assert most < 1.5 * people / 16
    assert told == people


def test_who_comes_and_goes_waits_for_one_look() -> None:
    """However often: what waits is bounded by the sessions that are known."""
    views = Views(grid_size=GRID)
    for at in range(5):
        now_ms = START_MS + at * 1_000
        views.meet(to_samples([[one("view", 0, now_ms), one("leave", 0, now_ms)]], now_ms), list(PAGES[:1]), np.ones(1, np.bool_))
    assert sum(map(len, views._due.values())) == len(views) == 1


def test_where_the_first_screen_ends_is_told_of_enough_people_at_the_top() -> None:
    """Not of enough people on the page alone."""
    running = Running()
    running.feed(START_MS, [[one("view", 0, START_MS)], [one("view", 300, START_MS, "y")]])
    running.feed(START_MS + 2_000, [])
    told = [json.loads(as_json(running.of(PAGES[0]), people_min))["fold"] for people_min in (0, 1, 2)]
    assert told == [round(2 / 6, 4), round(2 / 6, 4), None]


def test_a_busy_page_is_counted_now_and_then() -> None:
    """Its answer is good for a while by the number of stretches; that of a small page is always new."""
    window = Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=250)
    window.advance(START_MS)
    columns = [np.zeros(40_000, np.int64) for _ in range(7)]
    columns[4], columns[5], columns[6] = columns[4] + 1, columns[5] + START_MS - 1_000, columns[6] + START_MS

    def told(page: str, devices: tuple[int, ...] = (0, 1, 2)) -> int:
        return int(window.lately(page, devices).ms[0])

    window.merge([PAGES[0]], StretchCounts(*columns))
    window.merge([PAGES[1]], StretchCounts(*(column[:10] for column in columns)))
    assert (told(PAGES[0]), told(PAGES[1])) == (40_000_000, 10_000)
    for page in PAGES:
        window.merge([page], StretchCounts(*(column[:1] for column in columns)))
    window.advance(START_MS + 250)
    assert (told(PAGES[0]), told(PAGES[0], (0,)), told(PAGES[1])) == (40_000_000, 40_001_000, 11_000)
    window.advance(START_MS + 500)
    assert told(PAGES[0]) == 40_001_000
    window.forget(PAGES[0])
    assert told(PAGES[0]) == 0


def test_pages_without_views_are_not_known() -> None:
    """Movement alone opens nothing."""
    running = Running()
    running.feed(START_MS, [[one("move", 0, START_MS)]])
    assert (len(running.group_by.views), running.told) == (0, [])


@settings(max_examples=100)
@given(steps, st.sampled_from(PAGES))
def test_one_pages_views_alone_tell_what_they_tell_among_others(taken: list[Any], page: str) -> None:
    """If they hear the time of every record: so a reading of one page's records goes on where the stage of all has come to."""
    all_of_them, own = Views(grid_size=GRID), Views(grid_size=GRID)
    told: list[list[Any]] = [[], []]
    newest: dict[tuple[str, str], int] = {}
    now_ms = START_MS
    for seconds, step in taken:
        now_ms += seconds * 1000
        own.settle(now_ms)
        all_of_them.settle(now_ms)
        if step:
            samples = to_samples(dated(step, now_ms, newest), now_ms)
            keys = [one.key for one in samples.pages]
            every = np.ones(len(samples.runs), np.bool_)
            all_of_them.meet(samples, keys, every)
            if page in keys:
                own.meet(samples, keys, samples.runs.page == keys.index(page))
        for views, found in zip((all_of_them, own), told, strict=True):
            found.append([stretch for stretch in views.take() if stretch.page == page])
    assert told[0] == told[1]

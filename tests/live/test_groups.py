"""Groups: everyone gets the newest, nobody holds up anybody, and each form is encoded once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.counters import Counters
from isotherm.core.heat import Changes, Heat, PageNow, Pulse, View
from isotherm.live.frames import HEADER, Status, changes_frame, keyframe
from isotherm.live.groups import Format, Groups
from tests.serving import apply, decode_frame

VIEW = View("default/", "move", "all")
STATUS = Status(
    end_ms=1_700_000_300_000, sent_ms=1_700_000_300_004, window_ms=300_000, hop_ms=250, grid_size=9, people=3, rate=1.5, newest_ms=0
)


class FakeSource:
    """A page whose heat a test sets."""

    grid_size, window_ms, hop_ms, end_ms = 9, 300_000, 250, 1_700_000_300_000

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.wholes = 0
        self.watched: list[str | None] = []
        self.people = 0

    def end_of(self, page_key: str) -> int:
        return self.end_ms

    def whole(self, view: View) -> Heat:
        self.wholes += 1
        cells = sorted(self.counts)
        return Heat(self.end_ms, self.window_ms, self.grid_size, np.array(cells, int), np.array([self.counts[cell] for cell in cells], int))

    def page(self, key: str, now_ms: int) -> PageNow | None:
        return PageNow(key, None, self.people, 0, 0.0, 0)

    def pulse(self, key: str, now_ms: int) -> Pulse:
        return Pulse(self.people, 0.0, 0)

    def watch(self, page_key: str | None) -> None:
        self.watched.append(page_key)

    def unwatch(self, page_key: str | None) -> None:
        self.watched.remove(page_key)

    def set(self, changed: dict[int, int]) -> FakeHop:
        self.counts = {cell: count for cell, count in (self.counts | changed).items() if count}
        return FakeHop(changed)


class FakeHop:
    def __init__(self, changed: dict[int, int]) -> None:
        self.changed = changed

    def changes(self, view: View) -> Changes | None:
        cells = sorted(self.changed)
        return Changes(np.array(cells, int), np.array([self.changed[cell] for cell in cells], int)) if cells else None


class FakeViewer:
    """Takes what it is told to."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.takes = True
        self.aborted = False

    def push(self, data: str | bytes) -> bool:
        if self.takes:
            self.frames.append(data)
        return self.takes

    def abort(self) -> None:
        self.aborted = True


hops = st.lists(st.tuples(st.dictionaries(st.integers(0, 80), st.integers(0, 70_000), max_size=8), st.booleans()), max_size=30)


@settings(deadline=None)
@given(hops)
async def test_a_viewer_that_skips_is_right_again_at_once(trace: list[tuple[dict[int, int], bool]]) -> None:
    """Whatever frames it could not take, once it takes one its picture is the newest; a quick one's always is."""
    source, counters = FakeSource(), Counters()
    groups = Groups(source, counters)
    quick, slow, slow_classic = FakeViewer(), FakeViewer(), FakeViewer()
    for viewer, format_ in ((quick, Format.BINARY), (slow, Format.BINARY), (slow_classic, Format.CLASSIC)):
        groups.join(VIEW, viewer, format_, 0)
    pictures: dict[int, dict[int, int]] = {id(quick): {}, id(slow): {}}
    for step, (changed, takes) in enumerate(trace):
        slow.takes = slow_classic.takes = takes
        await groups.broadcast(source.set(changed), step * 250)
        for viewer in (quick, slow):
            for data in viewer.frames:
                pictures[id(viewer)] = apply(pictures[id(viewer)], decode_frame(data))
            viewer.frames.clear()
        assert pictures[id(quick)] == source.counts
        if takes:
            assert pictures[id(slow)] == source.counts
    for viewer in (quick, slow, slow_classic):
        groups.leave(VIEW, viewer)
    assert (groups.viewers, source.watched) == (0, [])


crowds = st.lists(
    st.tuples(st.dictionaries(st.integers(0, 80), st.integers(0, 9), max_size=4), st.integers(0, 7), st.integers(0, 7), st.booleans()), max_size=8
)


@settings(deadline=None, max_examples=40)
@given(crowds)
async def test_who_comes_goes_and_skips_in_the_midst_of_a_broadcast_is_told_right(trace: list[tuple[dict[int, int], int, int, bool]]) -> None:
    """Every seventh of those who stay skips, others leave and come between two slices: who takes a hop has its picture, in either format."""
    source, now_ms = FakeSource(), 0
    groups = Groups(source, Counters())
    viewers: list[tuple[FakeViewer, str]] = []

    def come(number: int) -> None:
        for at in range(number):
            viewers.append((FakeViewer(), (Format.BINARY, Format.CLASSIC)[at % 2]))
            groups.join(VIEW, *viewers[-1], now_ms)

    async def between(leaves: int) -> None:
        await asyncio.sleep(0)
        for viewer, _ in viewers[3::7][:leaves]:
            viewer.takes = False
            groups.leave(VIEW, viewer)
            viewers[:] = [one for one in viewers if one[0] is not viewer]
        come(leaves)

    come(120)
    for changed, skips, leaves, all_take in [*trace, ({1: 1}, 0, 0, True)]:
        now_ms += 250
        for at, (viewer, _) in enumerate(viewers):
            viewer.takes = all_take or at % 7 != skips
        meanwhile = asyncio.create_task(between(leaves))
        await groups.broadcast(source.set(changed), now_ms)
        await meanwhile
    for viewer, format_ in viewers:
        picture: dict[int, int] = {}
        for data in viewer.frames if format_ == Format.BINARY else ():
            picture = apply(picture, decode_frame(data))
        if format_ == Format.CLASSIC:
            value = json.loads(viewer.frames[-1])["value"]
            picture = {int(y) * 9 + int(x): count for x, column in value.items() for y, count in column.items()}
        assert picture == source.counts
    for viewer, _ in viewers:
        groups.leave(VIEW, viewer)
    assert (groups.viewers, source.watched) == (0, [])


async def test_one_encoding_for_all() -> None:
    """A thousand viewers get the very same bytes."""
    source = FakeSource()
    groups = Groups(source, Counters())
    viewers = [FakeViewer() for _ in range(1000)]
    for viewer in viewers:
        groups.join(VIEW, viewer, Format.CLASSIC, 0)
        viewer.frames.clear()
    source.wholes = 0
    await groups.broadcast(source.set({1: 5}), 250)
    assert len({id(viewer.frames[0]) for viewer in viewers}) == 1
    assert source.wholes == 1


async def test_a_dead_viewer_is_dropped_and_a_quiet_page_is_told_of() -> None:
    """After a minute of taking nothing; and a binary viewer hears something every five seconds, or when people come."""
    source, counters = FakeSource(), Counters()
    groups = Groups(source, counters)
    dead, quiet = FakeViewer(), FakeViewer()
    groups.join(VIEW, dead, Format.BINARY, 0)
    groups.join(VIEW, quiet, Format.BINARY, 0)
    quiet.frames.clear()
    dead.takes = False
    await groups.broadcast(source.set({1: 5}), 1000)
    for now_ms in range(1250, 62_000, 250):
        await groups.broadcast(source.set({}), now_ms)
    assert dead.aborted
    assert counters.by_name["viewers_dropped"] == 1
    assert 12 <= len(quiet.frames) <= 14
    quiet.frames.clear()
    source.people = 2
    await groups.broadcast(source.set({}), 62_250)
    assert decode_frame(quiet.frames[0]).people == 2


async def test_interest_is_told_once_a_page() -> None:
    """When the first viewer of any view of the page comes, and when the last goes."""
    told: list[tuple[str, bool]] = []
    groups = Groups(FakeSource(), Counters(), lambda page, watched: told.append((page, watched)))
    one, two = FakeViewer(), FakeViewer()
    groups.join(VIEW, one, Format.CLASSIC, 0)
    groups.join(View(VIEW.page, "click", "mobile"), two, Format.BINARY, 0)
    groups.leave(VIEW, one)
    groups.leave(View(VIEW.page, "click", "mobile"), two)
    assert told == [(VIEW.page, True), (VIEW.page, False)]


@given(st.integers(2, 300), st.data())
def test_frames_are_what_the_wire_document_says(grid_size: int, data: st.DataObject) -> None:
    """Decoded by a reader written from docs/wire.md alone, for every width of counts and cells, of few cells and of many."""
    most = data.draw(st.sampled_from([255, 65_535, 2**32 - 1]))
    drawn = data.draw(st.dictionaries(st.integers(0, grid_size**2 - 1), st.integers(1, most), max_size=20))
    many = dict.fromkeys(range(data.draw(st.sampled_from([0, 0, 32, 33, 60]))), most)
    counts = drawn | {cell: count for cell, count in many.items() if cell < grid_size**2}
    cells = np.array(sorted(counts), int)
    numbers = np.array([counts[cell] for cell in cells.tolist()], np.int64)
    status = STATUS._replace(grid_size=grid_size)
    for frame in (
        keyframe(Heat(status.end_ms, 300_000, grid_size, cells, numbers), status),
        changes_frame(Changes(cells, numbers), status),
    ):
        read = decode_frame(frame)
        assert (read.counts, read.grid_size, read.end_ms, read.people) == (counts, grid_size, status.end_ms, 3)
    assert HEADER.size == 48


async def test_a_broadcast_gives_way() -> None:
    """Between two slices of it whoever asks for a turn of the loop within a turn has all of his three."""
    source, turns, turns_at = FakeSource(), [0], []

    def push_each(viewers: Sequence[Any], frames: Sequence[str | bytes]) -> list[bool]:
        turns_at.append(turns[0])
        return [viewer.push(frame) for viewer, frame in zip(viewers, frames, strict=True)]

    async def take_turns() -> None:
        while True:
            await asyncio.sleep(0)
            turns[0] += 1

    groups = Groups(source, Counters(), push_each=push_each)
    for _ in range(1000):
        groups.join(VIEW, FakeViewer(), Format.BINARY, 0)
    other = asyncio.create_task(take_turns())
    await asyncio.sleep(0)
    await groups.broadcast(source.set({1: 1}), 0)
    other.cancel()
    assert len(turns_at) > 2
    assert all(after - before >= 3 for before, after in pairwise(turns_at))

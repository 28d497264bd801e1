"""Groups: who watches which view. At each hop a view's news is encoded once and pushed to all of its viewers, many in one go.

A viewer is only ever given the newest: one that has not taken what was pushed before skips frames, and later gets the whole
window at once. Nobody waits for anybody. Costs at a hop: O(views watched + viewers), never O(pages).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from isotherm.core.counters import Counters
from isotherm.core.heat import Changes, Source, View, classic_json
from isotherm.live.frames import Status, changes_frame, keyframe

__all__ = ["Format", "Groups", "Hop", "PushEach", "Viewer"]

_SLICE: Final = 50  #: so many pushes or some more before others have a turn: half a millisecond of the loop
_TURNS: Final = 3  #: of the loop, between two slices: who asks for a turn within a turn, as a commit's end does, need not wait for two
_STATUS_EVERY_MS: Final = 5_000  #: a binary viewer hears something at least so often
_STALLED_MS: Final = 60_000  #: a viewer that took nothing for so long is dropped


class Format:
    """How a viewer wants it."""

    CLASSIC: Final = "classic"
    BINARY: Final = "binary"


_WHOLE: Final = {Format.CLASSIC: "classic, whole", Format.BINARY: "binary, whole"}  #: what those need who are behind
_BEHIND: Final = frozenset(_WHOLE.values())


class Hop(Protocol):
    """What one hop changed."""

    def changes(self, view: View) -> Changes | None: ...


class Viewer(Protocol):
    """A connection to push to; False: it was not taken, now."""

    def push(self, data: str | bytes) -> bool: ...
    def abort(self) -> None: ...


PushEach = Callable[[Sequence[Any], Sequence[str | bytes]], list[bool]]
"""Pushes to each of some viewers, of whom each occurs once, the frame beside it; returns what each `push` would."""


def _one_by_one(viewers: Sequence[Viewer], frames: Sequence[str | bytes]) -> list[bool]:
    return [viewer.push(frame) for viewer, frame in zip(viewers, frames, strict=True)]


class _Seat:
    """One viewer in a group."""

    __slots__ = ("behind_since_ms", "format", "needs")

    def __init__(self, format_: str) -> None:
        self.format = format_
        self.needs: str | None = format_  #: which of a view's `_News`: its format's, or the whole window; None: it was dropped
        self.behind_since_ms: int | None = None  #: set: it skipped frames, and its picture is old


class _Group:
    """All viewers of one view."""

    __slots__ = ("_parts", "behind", "people", "seats", "status_ms", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self.seats: dict[Viewer, _Seat] = {}
        self.behind = 0  #: seats that skipped frames
        self.status_ms = 0
        self.people = -1
        self._parts: dict[str, list[Viewer]] | None = None

    @property
    def parts(self) -> dict[str, list[Viewer]]:
        """Viewers by what they need. Most hops have the very same, so it is kept until somebody comes, goes, skips or catches up."""
        if self._parts is None:
            self._parts = {}
            for viewer, seat in self.seats.items():
                if seat.needs is not None:
                    self._parts.setdefault(seat.needs, []).append(viewer)
        return self._parts

    def join(self, viewer: Viewer, format_: str) -> None:
        self.seats[viewer] = _Seat(format_)
        self._parts = None

    def leave(self, viewer: Viewer) -> None:
        self.behind -= self.seats.pop(viewer).behind_since_ms is not None
        self._parts = None

    def skip(self, seat: _Seat, now_ms: int) -> None:
        self.behind += 1
        seat.behind_since_ms, seat.needs, self._parts = now_ms, _WHOLE[seat.format], None

    def catch_up(self, seat: _Seat) -> None:
        self.behind -= 1
        seat.behind_since_ms, seat.needs, self._parts = None, seat.format, None

    def drop(self, seat: _Seat) -> None:
        """It is never pushed to again; whoever serves it takes it out."""
        seat.needs = self._parts = None


class _Run(NamedTuple):
    """Viewers of one group who are pushed the same."""

    group: _Group
    viewers: list[Viewer]
    frame: str | bytes
    whole: bool  #: they were behind


class Groups:
    """Join, leave, and `broadcast` at each hop.

    `on_interest(page_key, watched)` is called when a page's first viewer comes, and when the last goes.
    """

    def __init__(
        self,
        source: Source,
        counters: Counters,
        on_interest: Callable[[str, bool], None] = lambda _page, _watched: None,
        push_each: PushEach = _one_by_one,
    ) -> None:
        self._source = source
        self._counters = counters
        self._on_interest = on_interest
        self._push_each = push_each
        self._groups: dict[View, _Group] = {}
        self._viewers_of_page: dict[str, int] = {}
        self.viewers = 0

    def turn_away(self, now_ms: int) -> None:
        """There are as many viewers as there may be: one more is counted, and not let in."""
        self._counters.refuse("connections", "viewers", now_ms)

    def join(self, view: View, viewer: Viewer, format_: str, now_ms: int) -> None:
        """The viewer gets the current window at once, then what changes. Raises `ValueError` for a view that can't be."""
        heat = self._source.whole(view)
        group = self._groups.get(view)
        if group is None:
            group = self._groups[view] = _Group(view)
        group.join(viewer, format_)
        self.viewers += 1
        self._source.watch(view.page)
        number = self._viewers_of_page.get(view.page, 0)
        self._viewers_of_page[view.page] = number + 1
        if not number:
            self._on_interest(view.page, True)
        viewer.push(classic_json(heat).decode() if format_ == Format.CLASSIC else keyframe(heat, self._status(view, now_ms)))
        self._counters.add("frames")

    def leave(self, view: View, viewer: Viewer) -> None:
        group = self._groups[view]
        group.leave(viewer)
        if not group.seats:
            del self._groups[view]
        self.viewers -= 1
        self._source.unwatch(view.page)
        self._viewers_of_page[view.page] -= 1
        if not self._viewers_of_page[view.page]:
            del self._viewers_of_page[view.page]
            self._on_interest(view.page, False)

    async def broadcast(self, hop: Hop | None, now_ms: int) -> None:
        """Pushes one hop's news to all; None: no window was emitted, only what is overdue is pushed."""
        runs: list[_Run] = []
        room = _SLICE
        for group in list(self._groups.values()):
            news = self._news(group, hop, now_ms)
            if news is None:
                continue
            for needs, viewers in group.parts.items():
                frame = news[needs]
                start = 0
                while frame is not None and start < len(viewers):
                    some = viewers[start : start + room]
                    runs.append(_Run(group, some, frame, needs in _BEHIND))
                    start, room = start + len(some), room - len(some)
                    if not room:
                        self._push(runs, now_ms)
                        runs, room = [], _SLICE
                        for _ in range(_TURNS):
                            await asyncio.sleep(0)
        if runs:
            self._push(runs, now_ms)

    def _push(self, runs: list[_Run], now_ms: int) -> None:
        viewers: list[Viewer] = []
        frames: list[str | bytes] = []
        for run in runs:
            viewers += run.viewers
            frames += [run.frame] * len(run.viewers)
        taken = self._push_each(viewers, frames)
        all_taken, start = False not in taken, 0
        for group, some, _, whole in runs:
            if whole or not all_taken:
                self._note(group, some, taken[start : start + len(some)], now_ms)
            start += len(some)
        self._counters.add("frames", sum(taken))

    def _note(self, group: _Group, viewers: list[Viewer], taken: list[bool], now_ms: int) -> None:
        """Who skipped, and who has caught up."""
        for viewer, took in zip(viewers, taken, strict=True):
            seat = group.seats.get(viewer)
            if seat is None:  # it left since
                continue
            if not took:
                self._skip(group, seat, viewer, now_ms)
            elif seat.behind_since_ms is not None:
                group.catch_up(seat)

    def _news(self, group: _Group, hop: Hop | None, now_ms: int) -> _News | None:
        """What may be told of a group's view; None: nothing, and nobody is behind."""
        changes = hop.changes(group.view) if hop is not None else None
        overdue = changes is None and self._overdue(group, now_ms)
        told = changes is not None or overdue  # else only those who are behind are looked at
        if not told and not group.behind:
            return None
        status = self._status(group.view, now_ms)
        if told:
            group.status_ms, group.people = now_ms, status.people
        return _News(self._source, group.view, changes, status, overdue)

    def _overdue(self, group: _Group, now_ms: int) -> bool:
        if now_ms - group.status_ms >= _STATUS_EVERY_MS or now_ms < group.status_ms:
            return True
        return self._source.pulse(group.view.page, now_ms).visitors != group.people

    def _skip(self, group: _Group, seat: _Seat, viewer: Viewer, now_ms: int) -> None:
        self._counters.add("frames_skipped")
        if seat.behind_since_ms is None:
            group.skip(seat, now_ms)
        elif now_ms - seat.behind_since_ms > _STALLED_MS:
            group.drop(seat)
            self._counters.add("viewers_dropped")
            viewer.abort()

    def _status(self, view: View, now_ms: int) -> Status:
        source = self._source
        visitors, rate, newest_ms = source.pulse(view.page, now_ms)
        return Status(source.end_of(view.page), now_ms, source.window_ms, source.hop_ms, source.grid_size, visitors, rate, newest_ms)


class _News(dict[str | None, str | bytes | None]):
    """One view's news of one hop, by what seats need; None: nothing. Each form of it is encoded at most once, when it is asked for."""

    def __init__(self, source: Source, view: View, changes: Changes | None, status: Status, overdue: bool) -> None:
        super().__init__({None: None})
        self._source = source
        self._view = view
        self._changes = changes
        self._status = status
        self._overdue = overdue

    def __missing__(self, needs: str) -> str | bytes | None:
        made = self[needs] = self._made(needs)
        return made

    def _made(self, needs: str) -> str | bytes | None:
        if needs == Format.BINARY:
            return changes_frame(self._changes, self._status) if self._overdue or self._changes is not None else None
        if needs == Format.CLASSIC:  # one that is behind needs the very same, and needs it always
            return self[_WHOLE[needs]] if self._changes is not None else None
        heat = self._source.whole(self._view)
        return keyframe(heat, self._status) if needs == _WHOLE[Format.BINARY] else classic_json(heat).decode()

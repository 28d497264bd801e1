"""Views: which part of its page each session has in view, and for how long. The part of Group By that makes exposure.

A sample of kind `view` says that from its time on the viewport shows the document from y to y + height; one of kind `leave`, that it shows
nothing any more. A view is open until the next of them, and at most until `IDLE_MS` after the session last did anything: who went for tea
does not read. Any later sample goes on with it.

    view A ────── moves ────── view B ─────(30 s without a sample)─────┐  move ── leave
    ├ A ──────────────────────┤├ B ────────────────────────────────────┤  ├ B ──┤

What comes out are *stretches*: a person, a device class, bands (rows of the grid; the first, and the one behind the last) and a span of
event time. They add up wherever they go: into the live window, into minutes, hours and days.

A stretch is told when its view ends; of a view that stays open, every `LOOK_MS` of arrivals (a sixteenth of the people at a time), as far
as `LAG_MS` ago, since trackers gather for some seconds. What is told is never taken back. So a session's samples count in the order of
their times where they come so; a view older than the newest that is known is left out, and one that comes when a part of its time was
told begins behind that part (after an outage: at most `IDLE_MS` is put down to where the visitor was before).

State is a function of the records that were fed, and of ticks. It costs nothing for pages without views, and a look at a dictionary a
batch for those that have them; `VIEWS_MAX` sessions on pages are known at most, each waits for one look, and they are forgotten
`MEMORY_MS` after they left or fell silent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.layers import VIEW_KINDS
from isotherm.core.people import hash_of
from isotherm.core.samples import Samples

__all__ = ["IDLE_MS", "LAG_MS", "LOOK_MS", "VIEWS_MAX", "Stretch", "View", "Views", "bands_of"]

IDLE_MS: Final = 30_000
LOOK_MS: Final = 4_000
LAG_MS: Final = 8_000  #: the longest that a tracker gathers where nobody watches, and its way
MEMORY_MS: Final = 600_000
VIEWS_MAX: Final = 200_000  #: some 400 bytes each
_BACK_MS: Final = 60_000  #: a clock that was set back further makes all that is known worthless
_BUCKET_MS: Final = 250
_PHASES: Final = LOOK_MS // _BUCKET_MS  #: people are looked at by turns, so that those who came together are not looked at together
_VIEW: Final = 1
_LEAVE: Final = 2

Ints = npt.NDArray[np.int64]


class Stretch(NamedTuple):
    """Bands that a person had in view from `start_ms` to before `end_ms`."""

    page: str
    person: int  #: the hashed session
    device: int
    top: int
    bottom: int  #: behind the last band
    start_ms: int
    end_ms: int


class View(NamedTuple):
    """What a session has in view on a page, and what is told of it."""

    top: int
    bottom: int  #: 0: it left
    device: int
    person: int
    since_ms: int  #: event time of the view, or of the leave
    told_ms: int  #: of what lies before all is told
    active_ms: int  #: event time of its last sample
    due: int  #: when to look again, in quarters of a second

    def stretch(self, page: str, end_ms: int) -> Stretch | None:
        """What there is to tell of it up to a time."""
        end_ms = min(end_ms, self.active_ms + IDLE_MS)
        if not self.bottom or end_ms <= self.told_ms:
            return None
        return Stretch(page, self.person, self.device, self.top, self.bottom, self.told_ms, end_ms)


def bands_of(
    y: npt.NDArray[np.float64], height: npt.NDArray[np.float64], document: npt.NDArray[np.float64], grid_size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first band that a viewport shows a part of, and the one behind the last: one at least, all within the document."""
    with np.errstate(over="ignore", invalid="ignore"):
        first = np.clip(np.floor(grid_size * y / document), 0, grid_size - 1).astype(np.int64)
        last = np.clip(np.ceil(grid_size * (y + height) / document), 1, grid_size)
    return first, np.maximum(np.nan_to_num(last, nan=1.0).astype(np.int64), first + 1)


@lru_cache(maxsize=64)
def _codes(kinds: tuple[str, ...]) -> tuple[npt.NDArray[np.uint8], list[int]]:
    """Of each kind in a record's table: 1 a view, 2 a leave, 0 all else; and where those that are not 0 stand."""
    codes = [VIEW_KINDS.index(kind) + 1 if kind in VIEW_KINDS else 0 for kind in kinds] or [0]
    return np.array(codes, np.uint8), [place for place, code in enumerate(codes[:256]) if code]


def _columns(views: Collection[View]) -> Ints:
    """Lines of their fields."""
    width = len(View._fields)
    rows: Ints = np.fromiter(chain.from_iterable(views), np.int64, width * len(views))
    return rows.reshape(-1, width)


class _Walked(NamedTuple):
    """Of one run: its first and last time, and its views and leaves, in order."""

    page: str
    session: str
    device: int
    first_ms: int
    last_ms: int
    told: list[tuple[int, int, int]]  #: time, first band, band behind the last (0: a leave)


class Views:
    """Feed it records with `meet`, and the time with `settle`; then `take` what they told."""

    def __init__(self, *, grid_size: int, views_max: int = VIEWS_MAX) -> None:
        self._grid = grid_size
        self._most = views_max
        self._pages: dict[str, dict[str, View]] = {}
        self._number = 0
        self._due: dict[int, dict[tuple[str, str], None]] = {}  # quarter of a second -> sessions, in order; each waits once
        self._looked: int | None = None
        self._now_ms = 0
        self._told: list[Stretch] = []
        self.beyond = 0  #: views left out because too many sessions were known

    def __len__(self) -> int:
        """Sessions known, on pages."""
        return self._number

    def take(self) -> list[Stretch]:
        """What was told since last asked."""
        told, self._told = self._told, []
        return told

    def open(self, page: str, now_ms: int) -> Ints:
        """Of the views that are open on a page, what has not been told yet: lines of person, device, top, bottom, start and end."""
        rows = _columns(self._pages.get(page, {}).values())
        top, bottom, device, person, _, told_ms, active_ms, _ = rows.T
        end_ms = np.minimum(active_ms + IDLE_MS, now_ms)
        lines: Ints = np.stack((person, device, top, bottom, told_ms, end_ms), axis=1)
        still: Ints = lines[(bottom > 0) & (end_ms > told_ms)]
        return still

    # -- records

    def meet(self, samples: Samples, keys: list[str], fresh: npt.NDArray[np.bool_]) -> None:
        """Takes the samples of `fresh` runs; `keys` are those of the samples' pages."""
        self.settle(samples.arrived_ms)
        codes, told = _codes(tuple(samples.kinds))
        if not self._pages and not samples.has_any(told):
            return
        code = codes[samples.kind]
        for run in self._walked(samples, keys, fresh, code):
            self._meet(run)

    def _walked(self, samples: Samples, keys: list[str], fresh: npt.NDArray[np.bool_], code: npt.NDArray[np.uint8]) -> Iterator[_Walked]:
        """The runs that have views, or lie on pages that have."""
        runs, ends = samples.runs, np.cumsum(samples.runs.size)
        at = np.flatnonzero(code)
        of_run = np.searchsorted(ends, at, "right")
        known = np.array([key in self._pages for key in keys], np.bool_)
        known[runs.page[of_run]] = True
        chosen = np.flatnonzero(known[runs.page] & fresh & (runs.size > 0))
        if not len(chosen):
            return
        top, bottom = bands_of(samples.y[at], samples.x[at], runs.height[of_run], self._grid)
        bottom[code[at] == _LEAVE] = 0
        told = list(zip(samples.time_ms[at].tolist(), top.tolist(), bottom.tolist(), strict=True))
        first, stop = np.searchsorted(of_run, chosen).tolist(), np.searchsorted(of_run, chosen, "right").tolist()
        pages, sessions = (
            map(keys.__getitem__, runs.page[chosen].tolist()),
            map(samples.sessions.__getitem__, runs.session[chosen].tolist()),
        )
        last = ends[chosen]
        start = last - runs.size[chosen]
        columns = (runs.device[chosen], samples.time_ms[start], samples.time_ms[last - 1])
        whole = zip(pages, sessions, *(column.tolist() for column in columns), first, stop, start.tolist(), last.tolist(), strict=True)
        for page, session, device, first_ms, last_ms, begin, end, begins, ends_at in whole:
            if last_ms - first_ms <= IDLE_MS:
                yield _Walked(page, session, device, first_ms, last_ms, told[begin:end])
                continue
            marks = {place: told[row] for row, place in enumerate(at[begin:end].tolist(), begin)}
            for place, time_ms in enumerate(samples.time_ms[begins:ends_at].tolist(), begins):  # what was kept through an outage
                yield _Walked(page, session, device, time_ms, time_ms, [marks[place]] if place in marks else [])

    def _meet(self, run: _Walked) -> None:
        known = self._pages.get(run.page)
        view = known.get(run.session) if known is not None else None
        if view is None and not any(bottom for _, _, bottom in run.told):
            return
        if view is None and self._number >= self._most:
            self.beyond += 1
            return
        waits = view.due if view is not None else -1
        if view is not None:
            view = self._active(run.page, view, run.first_ms)
        for time_ms, top, bottom in run.told:
            view = self._turn(run, view, time_ms, top, bottom)
        if view is None:
            return
        view = self._active(run.page, view, run.last_ms)
        if view.due < 0:
            self._due.get(waits, {}).pop((run.page, run.session), None)
            silent = not view.bottom or view.told_ms >= view.active_ms + IDLE_MS  # what is told of it is to be known for a while
            view = view._replace(due=self._wait(run.page, run.session, view.person, MEMORY_MS if silent else LOOK_MS))
        if known is None or run.session not in known:
            self._number += 1
            known = self._pages.setdefault(run.page, {})
        known[run.session] = view

    def _active(self, page: str, view: View, time_ms: int) -> View:
        """The session did something."""
        if time_ms <= view.active_ms or not view.bottom:
            return view
        if time_ms > view.active_ms + IDLE_MS:
            self._tell(view.stretch(page, time_ms))
            view = view._replace(told_ms=max(view.told_ms, time_ms), due=-1)
        return view._replace(active_ms=time_ms, due=-1 if view.told_ms >= view.active_ms + IDLE_MS else view.due)

    def _turn(self, run: _Walked, view: View | None, time_ms: int, top: int, bottom: int) -> View | None:
        """Another view, or none any more."""
        if view is None:
            return View(top, bottom, run.device, hash_of(run.session), time_ms, time_ms, time_ms, -1) if bottom else None
        if time_ms < view.since_ms or (not bottom and not view.bottom):
            return view
        view = self._active(run.page, view, time_ms)
        if (top, bottom, run.device) == (view.top, view.bottom, view.device):
            return view._replace(since_ms=time_ms)
        self._tell(view.stretch(run.page, time_ms))
        told_ms, active_ms = max(view.told_ms, time_ms), max(view.active_ms, time_ms)  # a late leave may lie before what is told
        return View(top, bottom, run.device, view.person, time_ms, told_ms, active_ms, -1)

    def _tell(self, stretch: Stretch | None) -> None:
        if stretch is not None:
            self._told.append(stretch)

    # -- time

    def settle(self, now_ms: int) -> None:
        """Time went on: tells what is due of views that stay open, and forgets who has been silent or gone for long."""
        if now_ms < self._now_ms - _BACK_MS:
            self._pages, self._due, self._number = {}, {}, 0
            self._looked = None
        self._now_ms = now_ms
        quarter = now_ms // _BUCKET_MS
        if self._looked is None or quarter <= self._looked:
            self._looked = quarter if self._looked is None else self._looked
            return
        if quarter - self._looked > len(self._due):
            due = sorted(number for number in self._due if number <= quarter)
        else:
            due = [number for number in range(self._looked + 1, quarter + 1) if number in self._due]
        self._looked = quarter
        for number in due:
            for page, session in self._due.pop(number):
                self._look(page, session, number, now_ms)

    def _look(self, page: str, session: str, number: int, now_ms: int) -> None:
        known = self._pages.get(page)
        view = known.get(session) if known is not None else None
        if known is None or view is None or view.due != number:
            return  # another look waits
        if not view.bottom or view.told_ms >= view.active_ms + IDLE_MS:
            del known[session]
            self._number -= 1
            if not known:
                del self._pages[page]
            return
        top, bottom, device, person, since_ms, told_ms, active_ms, _ = view
        idle_ms = active_ms + IDLE_MS
        until_ms = min(now_ms - LAG_MS, idle_ms)
        if until_ms > told_ms:
            self._told.append(Stretch(page, person, device, top, bottom, told_ms, until_ms))
            told_ms = until_ms
        due = self._wait(page, session, person, MEMORY_MS if told_ms >= idle_ms else LOOK_MS)
        known[session] = View(top, bottom, device, person, since_ms, told_ms, active_ms, due)

    def _wait(self, page: str, session: str, person: int, for_ms: int) -> int:
        """When the session is looked at again: after `LOOK_MS` at most, or not much more than `MEMORY_MS`."""
        latest = (self._now_ms + (for_ms if for_ms <= LOOK_MS else for_ms + LOOK_MS)) // _BUCKET_MS
        due = max(latest - (latest - person) % _PHASES, (self._looked or 0) + 1)
        waiting = self._due.get(due)
        if waiting is None:
            waiting = self._due[due] = {}
        waiting[page, session] = None
        return due

    # -- a start

    def snapshot(self) -> dict[str, dict[str, View]]:
        """All that is known: by page and session. It stays as it is, whatever comes."""
        return {page: known.copy() for page, known in self._pages.items()}

    def restore(self, known: Mapping[str, Iterable[tuple[str, View]]], now_ms: int) -> None:
        """Takes up a snapshot of that time instead of what is known."""
        self._pages = {page: dict(views) for page, views in known.items()}
        self._number = sum(map(len, self._pages.values()))
        self._due, self._told, self._now_ms = {}, [], now_ms
        self._looked = now_ms // _BUCKET_MS
        for page, views in self._pages.items():
            for session, view in views.items():
                self._due.setdefault(view.due, {})[page, session] = None

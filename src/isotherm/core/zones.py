"""Zones: how much of a page's attention lies on each of its named parts, over the same hopping window as the heat.

A zone is a name that came with a sample: `data-heat-zone`, or the nearest stable element (`docs/wire.md`). `zone_counts` is the part of
Group By that counts them, `Zones` the part of the aggregator that keeps the window:

    merge    counts go into the pane of their own time
    advance  panes that the window's end has passed are added, those that its start has passed are taken away

A *row* is a zone of a page: samples of the window by kind, the number of those within the newest `RECENT_SHARE` of it, and the exact set
of sessions seen there, each with the last pane in which it was. A session leaves the set when that pane leaves the window. A row lives as
long as a pane names it. Costs: O(rows of counts) a merge, O(rows of the panes that come and go) a hop, nothing for traffic without anchors.

A page has `ZONES_MAX` zones at most at a time; what comes beyond is counted in `beyond`, not kept, until others have gone cold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.layers import KINDS
from isotherm.core.people import hash_of
from isotherm.core.samples import Samples

__all__ = ["RECENT_SHARE", "ZONES_MAX", "ZoneCounts", "ZoneNow", "Zones", "zone_counts"]

ZONES_MAX: Final = 256  #: of a page. A row is some 200 bytes and 100 a person on it
RECENT_SHARE: Final = 5  #: the trend looks at the newest fifth of the window
_CLICK: Final = KINDS.index("click")


@dataclass(slots=True, frozen=True)
class ZoneCounts:
    """Columns of equal length, one row a (page, zone, pane, kind, person); beside the rows of `Counts`."""

    names: list[str]
    page: npt.NDArray[Any]  #: place in the counts' `pages`
    zone: npt.NDArray[Any]  #: place in `names`
    pane: npt.NDArray[np.int64]
    kind: npt.NDArray[Any]  #: place in `layers.KINDS`
    person: npt.NDArray[np.uint32]  #: the hashed session
    count: npt.NDArray[Any]

    def only(self, wanted: Sequence[bool]) -> ZoneCounts:
        """Without the rows of the pages that are not `wanted`; places are those in the shorter list."""
        place = np.cumsum(wanted) - 1
        rows = np.flatnonzero(np.array(wanted, np.bool_)[self.page])
        return self.of_rows(rows, place[self.page[rows]])

    def of_rows(self, rows: npt.NDArray[Any], page: npt.NDArray[Any]) -> ZoneCounts:
        return ZoneCounts(self.names, page, self.zone[rows], self.pane[rows], self.kind[rows], self.person[rows], self.count[rows])


def zone_counts(samples: Samples, counted: npt.NDArray[np.bool_], hop_ms: int) -> ZoneCounts | None:
    """Counts of those of the `counted` samples (a mask) that have an anchor and a kind that is kept. None: there are none."""
    if samples.anchored is None:
        return None
    places = np.array([KINDS.index(kind) if kind in KINDS else -1 for kind in samples.kinds], np.intp)
    chosen = np.flatnonzero(counted & (samples.anchored.anchor >= 0) & (places[samples.kind] >= 0))
    if not len(chosen):
        return None
    runs = samples.runs
    run = np.repeat(np.arange(len(runs)), runs.size)[chosen]
    panes, pane_at = np.unique(samples.time_ms[chosen] // hop_ms, return_inverse=True)
    columns = (runs.page[run], samples.anchored.anchor[chosen], pane_at, places[samples.kind[chosen]], runs.session[run])
    shape = (len(samples.pages), len(samples.anchors), len(panes), len(KINDS), len(samples.sessions))
    which, count = np.unique(np.ravel_multi_index(columns, shape), return_counts=True)
    page, zone, pane, kind, session = np.unravel_index(which, shape)
    people = np.array([hash_of(samples.sessions[at]) for at in session.tolist()], np.uint32)
    return ZoneCounts(samples.anchors, page, zone, panes[pane], kind, people, count)


class ZoneNow(NamedTuple):
    """One zone in the newest window."""

    name: str
    samples: int  #: of all kinds
    share: float  #: of all the page's samples that lay on a zone
    people: int
    clicks: int
    trend: float  #: samples a second in the newest fifth of the window, relative to those of the whole: 1 is steady


class _Row:
    """One zone of one page."""

    __slots__ = ("counts", "name", "page", "people", "recent", "references")

    def __init__(self, page: str, name: str) -> None:
        self.page = page
        self.name = name
        self.counts = [0] * len(KINDS)
        self.recent = 0
        self.people: dict[int, int] = {}  # person -> the last pane of the window in which they were here
        self.references = 0  # entries of panes that name it


class _Pane:
    """What is known of one pane: (row, kind, person, count), and which sums it is part of."""

    __slots__ = ("entries", "in_recent", "in_window")

    def __init__(self) -> None:
        self.entries: list[tuple[_Row, int, int, int]] = []
        self.in_window = False
        self.in_recent = False


class Zones:
    """Windows of all zones. `merge` counts, `advance` the clock, ask for a page's `league`."""

    def __init__(self, *, window_ms: int, hop_ms: int, skew_ms: int, zones_max: int = ZONES_MAX) -> None:
        self.window_ms = window_ms
        self.hop_ms = hop_ms
        self._window_panes = window_ms // hop_ms
        self._recent_panes = max(1, self._window_panes // RECENT_SHARE)
        self._skew_panes = -(-skew_ms // hop_ms) + 1
        self._zones_max = zones_max
        self._pages: dict[str, dict[str, _Row]] = {}
        self._panes: dict[int, _Pane] = {}
        self._end: int | None = None
        self.beyond = 0  #: samples not kept because their page had `zones_max` zones

    @property
    def end_ms(self) -> int:
        """End of the newest window; 0 before the first."""
        return (self._end or 0) * self.hop_ms

    @property
    def pages(self) -> list[str]:
        """Keys of the pages that have zones."""
        return list(self._pages)

    def merge(self, pages: Sequence[str], counts: ZoneCounts) -> None:
        """Takes counts of any panes; what is late shows at once, all else once the window's end has passed it.

        `pages` are the keys that `counts.page` are places of.
        """
        rows: dict[tuple[int, int], _Row | None] = {}
        columns = (counts.page, counts.zone, counts.pane, counts.kind, counts.person, counts.count)
        for page_at, zone_at, number, kind, person, count in zip(*(column.tolist() for column in columns), strict=True):
            if self._end is not None and number < self._end - self._window_panes:
                continue
            at = (page_at, zone_at)
            if at not in rows:
                rows[at] = self._row(pages[page_at], counts.names[zone_at])
            row = rows[at]
            if row is None:
                self.beyond += count
                continue
            pane = self._panes.get(number)
            if pane is None:
                pane = self._panes[number] = _Pane()
                pane.in_window, pane.in_recent = self._covered(number)
            row.references += 1
            pane.entries.append((row, kind, person, count))
            if pane.in_window:
                self._add(row, kind, person, count, number)
            if pane.in_recent:
                row.recent += count

    def _covered(self, number: int) -> tuple[bool, bool]:
        """Whether a pane is in the window, and in the newest part of it."""
        end = self._end
        if end is None:
            return False, False
        return end - self._window_panes <= number < end, end - self._recent_panes <= number < end

    def _row(self, page: str, name: str) -> _Row | None:
        rows = self._pages.setdefault(page, {})
        row = rows.get(name)
        if row is None and len(rows) < self._zones_max:
            row = rows[name] = _Row(page, name)
        return row

    @staticmethod
    def _add(row: _Row, kind: int, person: int, count: int, number: int) -> None:
        row.counts[kind] += count
        if row.people.get(person, number) <= number:
            row.people[person] = number

    def advance(self, now_ms: int) -> bool:
        """Brings the window up to the clock; True where its end moved. After a leap of the clock, either way, every pane is looked at."""
        end = now_ms // self.hop_ms
        if end == self._end:
            return False
        old, self._end = self._end, end
        window, recent = self._window_panes, self._recent_panes
        numbers: Any
        if old is None or not 0 < end - old < len(self._panes):
            numbers = sorted(self._panes)
        else:
            starts = (range(old - window, end - window), range(old - recent, end - recent), range(old, end))
            numbers = dict.fromkeys(number for start in starts for number in start)
        for number in numbers:
            pane = self._panes.get(number)
            if pane is not None:
                self._place(number, pane, end)
        return True

    def _place(self, number: int, pane: _Pane, end: int) -> None:
        """Puts a pane into the sums that it belongs to now, and out of the others."""
        in_window, in_recent = self._covered(number)
        if in_recent != pane.in_recent:
            pane.in_recent = in_recent
            for row, _, _, count in pane.entries:
                row.recent += count if in_recent else -count
        if in_window != pane.in_window:
            pane.in_window = in_window
            for row, kind, person, count in pane.entries:
                if in_window:
                    self._add(row, kind, person, count, number)
                    continue
                row.counts[kind] -= count
                if row.people.get(person) == number:
                    del row.people[person]
        if not end - self._window_panes <= number < end + self._skew_panes:
            self._forget(self._panes.pop(number))

    def _forget(self, pane: _Pane) -> None:
        for row, _, _, _ in pane.entries:
            row.references -= 1
            if not row.references:
                rows = self._pages[row.page]
                del rows[row.name]
                if not rows:
                    del self._pages[row.page]

    def league(self, page: str) -> list[ZoneNow]:
        """A page's zones in the newest window, those with most samples first."""
        rows = [(sum(row.counts), row) for row in self._pages.get(page, {}).values()]
        total = sum(samples for samples, _ in rows)
        found = [
            ZoneNow(
                name=row.name,
                samples=samples,
                share=samples / total,
                people=len(row.people),
                clicks=row.counts[_CLICK],
                trend=row.recent / samples * self._window_panes / self._recent_panes,
            )
            for samples, row in rows
            if samples
        ]
        return sorted(found, key=lambda zone: (-zone.samples, zone.name))

    def people(self, page: str) -> int:
        """Distinct sessions on any zone of the page, in the window."""
        return len(set().union(*(row.people for row in self._pages.get(page, {}).values())))

"""Zones: how much of a page's attention lies on each of its named parts, over the same hopping window as the heat.

A zone is a name that came with a sample: `data-heat-zone`, or the nearest stable element (`docs/wire.md`). `zone_counts` is the part of
Group By that counts them, `Zones` the part of the aggregator that keeps the window:

    merge    counts go into the pane of their own time
    advance  panes that the window's end has passed are added, those that its start has passed are taken away

A *row* is a zone of a page: samples of the window by kind, the number of those within the newest `RECENT_SHARE` of it, and the exact set
of sessions seen there, each with the last pane in which it was. A session leaves the set when that pane leaves the window. A row lives as
long as a pane names it. Costs: O(rows of counts) a merge, O(rows of the panes that come and go) a hop, nothing for traffic without
anchors. The loops over rows are those of `zone_sums`, compiled where there is a compiler.

A page has `ZONES_MAX` zones at most at a time; what comes beyond is counted in `beyond`, not kept, until others have gone cold. What is
older than the window is counted in `late`, what is too far ahead of the clock in `ahead`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counting import kind_places
from isotherm.core.counts import ZoneCounts
from isotherm.core.drawn import zones_of
from isotherm.core.layers import KINDS, PLAIN_KINDS
from isotherm.core.people import hash_of
from isotherm.core.samples import Samples
from isotherm.core.zone_sums import Entries, arranged, pairs_of, zone_sums

__all__ = ["RECENT_SHARE", "ZONES_MAX", "ZoneNow", "Zones", "zone_counts"]

ZONES_MAX: Final = 256  #: of a page. A row is some 300 bytes and 64 a person on it
_NONE: Final = -1
RECENT_SHARE: Final = 5  #: the trend looks at the newest fifth of the window
_CLICK: Final = KINDS.index("click")
_RAGE: Final = KINDS.index("rage")
_DEAD: Final = KINDS.index("dead")
_COUNT: Final = 3  #: the column of an entry that says how many samples it stands for


def zone_counts(samples: Samples, counted: npt.NDArray[np.bool_], hop_ms: int) -> ZoneCounts | None:
    """Counts of those of the `counted` samples (a mask) that have an anchor and a kind that is kept. None: there are none."""
    if samples.anchored is None:
        return None
    samples, names = _by_zones(samples)
    people = np.array([hash_of(session) for session in samples.sessions], np.uint32)
    columns = (_tally if counting.compiled is not None else _tally_with_numpy)(samples, counted, people, hop_ms)
    if not columns.shape[1]:
        return None
    page, zone, pane, kind, person, count = columns
    return ZoneCounts(names, page, zone, pane, kind, person.astype(np.uint32), count)


def _by_zones(samples: Samples) -> tuple[Samples, list[str]]:
    """Samples whose anchors are zones, and the names of these: several anchors may be of one zone that was drawn."""
    zones = zones_of(samples.anchors)
    if zones is None or samples.anchored is None:
        return samples, samples.anchors
    places: dict[str, int] = {}
    moved = np.array([*(places.setdefault(zone, len(places)) for zone in zones), _NONE], np.int64)  # the last one: of no anchor
    return replace(samples, anchored=replace(samples.anchored, anchor=moved[samples.anchored.anchor])), list(places)


def _tally(samples: Samples, counted: npt.NDArray[np.bool_], people: npt.NDArray[np.uint32], hop_ms: int) -> npt.NDArray[np.int64]:
    assert counting.compiled is not None
    assert samples.anchored is not None
    runs, columns = samples.runs, np.empty((6, len(samples)), np.int64)
    number = counting.compiled.zone_tally(
        np.ascontiguousarray(samples.anchored.anchor, np.int64), samples.kind, samples.time_ms, kind_places(tuple(samples.kinds)), counted,
        runs.size, runs.page, runs.session, people, hop_ms, columns,
    )  # fmt: skip
    return columns[:, :number]


def _tally_with_numpy(
    samples: Samples, counted: npt.NDArray[np.bool_], people: npt.NDArray[np.uint32], hop_ms: int
) -> npt.NDArray[np.int64]:
    assert samples.anchored is not None
    places = np.array([KINDS.index(kind) if kind in KINDS else -1 for kind in samples.kinds], np.intp)
    chosen = np.flatnonzero(counted & (samples.anchored.anchor >= 0) & (places[samples.kind] >= 0))
    if not len(chosen):
        return np.zeros((6, 0), np.int64)
    runs = samples.runs
    run = np.repeat(np.arange(len(runs)), runs.size)[chosen]
    kind, pane = places[samples.kind[chosen]], samples.time_ms[chosen] // hop_ms
    columns = np.stack((runs.page[run], samples.anchored.anchor[chosen], pane, kind, people[runs.session[run]].astype(np.int64), run))
    new = np.append(True, (columns[:, 1:] != columns[:, :-1]).any(axis=0))
    starts = np.flatnonzero(new)
    columns[5, starts] = np.diff(np.append(starts, len(chosen)))
    return columns[:, starts]


class ZoneNow(NamedTuple):
    """One zone in the newest window."""

    name: str
    samples: int  #: moves and clicks
    share: float  #: of all the page's samples that lay on a zone
    people: int
    clicks: int
    rage: int  #: clicks of bursts (`core/rage.py`)
    dead: int  #: clicks that nothing followed, as the tracker saw it
    trend: float  #: samples a second in the newest fifth of the window, relative to those of the whole: 1 is steady


class _Page:
    """A page that has zones."""

    __slots__ = ("place", "rows")

    def __init__(self, place: int) -> None:
        self.place = place
        self.rows: dict[str, int] = {}  # zone -> row of the sums


class _Pane:
    """What is known of one pane, as entries in the order they came, and which sums it is part of."""

    __slots__ = ("in_recent", "in_window", "parts")

    def __init__(self) -> None:
        self.parts: list[Entries] = []
        self.in_window = False
        self.in_recent = False

    def joined(self) -> Entries:
        if len(self.parts) > 1:
            self.parts = [np.concatenate(self.parts)]
        return self.parts[0]


class Zones:
    """Windows of all zones. `merge` counts, `advance` the clock, ask for a page's `league`."""

    def __init__(self, *, window_ms: int, hop_ms: int, skew_ms: int, zones_max: int = ZONES_MAX) -> None:
        self.window_ms = window_ms
        self.hop_ms = hop_ms
        self._window_panes = window_ms // hop_ms
        self._recent_panes = max(1, self._window_panes // RECENT_SHARE)
        self._skew_panes = -(-skew_ms // hop_ms) + 1
        self._zones_max = zones_max
        self._sums = zone_sums()
        self._pages: dict[str, _Page] = {}
        self._pages_made = 0  # places of pages given so far
        self._free_pages: list[int] = []
        self._row_names: list[tuple[str, str]] = []  # page and zone, by row
        self._free_rows: list[int] = []
        self._panes: dict[int, _Pane] = {}
        self._end: int | None = None
        self.beyond = 0  #: samples not kept because their page had `zones_max` zones
        self.late = 0  #: samples older than the window
        self.ahead = 0  #: samples further ahead of the clock than the skew allows

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
        if self._end is not None and len(counts.pane) and int(counts.pane.min()) < self._end - self._window_panes:
            inside = np.flatnonzero(counts.pane >= self._end - self._window_panes)
            self.late += int(counts.count.sum() - counts.count[inside].sum())
            counts = counts.of_rows(inside, counts.page[inside])
        if not len(counts.pane):
            return
        firsts, pair = pairs_of(counts)
        columns = zip(counts.page[firsts].tolist(), counts.zone[firsts].tolist(), strict=True)
        rows = np.array([self._row(pages[page_at], counts.names[zone_at]) for page_at, zone_at in columns]).astype(np.int32)
        entries, parts, left_out = arranged(counts, pair, rows)
        self.beyond += left_out
        self._sums.refer(entries)
        for number, start, stop in parts:
            self._keep(number, entries[start:stop])

    def _keep(self, number: int, entries: Entries) -> None:
        pane = self._panes.get(number)
        if pane is None:
            pane = self._panes[number] = _Pane()
            pane.in_window, pane.in_recent = self._covered(number)
        pane.parts.append(entries)
        if pane.in_window:
            self._sums.enter(entries, number)
        if pane.in_recent:
            self._sums.recent(entries, 1, PLAIN_KINDS)

    def _covered(self, number: int) -> tuple[bool, bool]:
        """Whether a pane is in the window, and in the newest part of it."""
        end = self._end
        if end is None:
            return False, False
        return end - self._window_panes <= number < end, end - self._recent_panes <= number < end

    def _row(self, page: str, name: str) -> int:
        """-1: there is no room for one more."""
        found = self._pages.get(page)
        if found is not None:
            row = found.rows.get(name)
            if row is not None:
                return row
            if len(found.rows) >= self._zones_max:
                return _NONE
        else:
            found = self._pages[page] = _Page(self._free_pages.pop() if self._free_pages else self._pages_made)
            self._pages_made = max(self._pages_made, found.place + 1)
        row = self._free_rows.pop() if self._free_rows else len(self._row_names)
        if row == len(self._row_names):
            self._row_names.append((page, name))
        else:
            self._row_names[row] = (page, name)
        found.rows[name] = row
        self._sums.make(row, found.place)
        return row

    def advance(self, now_ms: int) -> bool:
        """Brings the window up to the clock; True where its end moved. After a leap of the clock, either way, every pane is looked at."""
        end = now_ms // self.hop_ms
        if end == self._end:
            return False
        old, self._end = self._end, end
        window, recent = self._window_panes, self._recent_panes
        numbers: Any
        if old is not None and end < old:
            self._take_out_all()
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

    def _take_out_all(self) -> None:
        """The clock leapt back: the sums know the last pane of a person alone, and that may be ahead now, with others still within."""
        for number, pane in sorted(self._panes.items()):
            if pane.in_window:
                pane.in_window = False
                self._sums.leave(pane.joined(), number)

    def _place(self, number: int, pane: _Pane, end: int) -> None:
        """Puts a pane into the sums that it belongs to now, and out of the others."""
        in_window, in_recent = self._covered(number)
        entries = pane.joined()
        if in_recent != pane.in_recent:
            pane.in_recent = in_recent
            self._sums.recent(entries, 1 if in_recent else -1, PLAIN_KINDS)
        if in_window != pane.in_window:
            pane.in_window = in_window
            (self._sums.enter if in_window else self._sums.leave)(entries, number)
        if not end - self._window_panes <= number < end + self._skew_panes:
            del self._panes[number]
            if number >= end:
                self.ahead += int(entries[:, _COUNT].sum())
            for row in self._sums.drop(entries):
                self._forget(row)

    def _forget(self, row: int) -> None:
        page, name = self._row_names[row]
        found = self._pages[page]
        del found.rows[name]
        self._free_rows.append(row)
        if not found.rows:
            del self._pages[page]
            self._free_pages.append(found.place)

    def league(self, page: str) -> list[ZoneNow]:
        """A page's zones in the newest window, those with most samples first."""
        found = self._pages.get(page)
        rows = [(name, *self._sums.of(row, len(KINDS))) for name, row in found.rows.items()] if found is not None else []
        total = sum(sum(counts[:PLAIN_KINDS]) for _, counts, _, _ in rows)
        zones = [
            ZoneNow(
                name=name,
                samples=samples,
                share=samples / total,
                people=people,
                clicks=counts[_CLICK],
                rage=counts[_RAGE],
                dead=counts[_DEAD],
                trend=recent / samples * self._window_panes / self._recent_panes,
            )
            for name, counts, recent, people in rows
            if (samples := sum(counts[:PLAIN_KINDS]))
        ]
        return sorted(zones, key=lambda zone: (-zone.samples, zone.name))

    def people(self, page: str) -> int:
        """Distinct sessions on any zone of the page, in the window."""
        found = self._pages.get(page)
        return self._sums.people(found.place) if found is not None else 0

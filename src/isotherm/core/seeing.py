"""Seeing: how many people had each zone of a page in view, over the same hopping window as the heat. Only of pages that somebody asks for.

Which bands of the page a zone lies in is told by its samples, who had these in view by the exposure (`core/exposure.py`):

    samples of the zone        bands        in view
      y = 410 of 1,000 ──┐      ┌ 4 ┐       A  0 … 5    sees it
      y = 560 ───────────┴────▶ └ 5 ┘       B  5 … 8    sees it
                                            C  0 … 3    does not

Of each zone and band the newest pane in which a sample lay there is kept. So to take a sample again changes nothing, samples may come in
any order, and the window needs no second memory: the bands are the ones from the first to the last whose pane it still has. A zone that
nobody pointed at in the window has the bands of its newest pane.

Names come from whoever sends. So only zones are kept that somebody asks for, and of a page `ZONES_MAX`: those that are asked for by their
whole name, then those with the newest panes. Room is made once a record and page, however many names are new.

An answer is good for `LOOK_MS`, and as much longer for each `CROWD` people: who had what in view is kept up to date
(`Exposures.attend`), but each view that is open has to be looked at. Besides, it costs some microseconds a record that names the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import nlargest
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.drawn import zones_of
from isotherm.core.exposure import Exposures
from isotherm.core.layers import KINDS
from isotherm.core.pages import keys_of
from isotherm.core.rules import zone_fits
from isotherm.core.samples import Samples
from isotherm.core.views import Views

__all__ = ["CROWD", "EVERY_ZONE", "LOOK_MS", "ZONES_MAX", "Seeing", "Seen"]

EVERY_ZONE: Final = "*"
LOOK_MS: Final = 1_000
CROWD: Final = 2_000
ZONES_MAX: Final = 256  #: of a page: 8 bytes a band each
_ASKED_MS: Final = 60_000  #: so long after the last question a page is known, and what was asked for of it
_NEVER: Final = -1
_ROWS: Final = 8  #: room for so many zones at first

Ints = npt.NDArray[np.int64]


class Seen(NamedTuple):
    """Distinct sessions that had some of it in view in the newest window."""

    people: int  #: of the page
    zones: dict[str, int]  #: of each zone whose place is known


class _Page:
    """Where the zones of a page lie, and the newest answer."""

    __slots__ = ("asked", "began_ms", "last", "newest", "reading", "rows", "seen", "seen_ms")

    def __init__(self, grid_size: int) -> None:
        self.rows: dict[str, int] = {}
        self.newest: dict[str, int] = {}  # zone -> the newest pane of a sample on it
        self.last: Ints = np.full((_ROWS, grid_size), _NEVER)  # zone, band -> the newest pane of a sample there
        self.asked: dict[str, int] = {}  # a zone's name, or one with `*` -> when it was asked for
        self.reading = 0  # times that what was before is being met
        self.began_ms: int | None = None  # when that began last
        self.seen: Seen | None = None
        self.seen_ms: int | None = None

    def wants(self, zone: str) -> bool:
        return any(zone_fits(asked, zone) for asked in self.asked)

    def meet(self, met: dict[str, int]) -> None:
        """Takes zones with the newest panes of samples on them, as far as there is room."""
        for zone, pane in met.items():
            self.newest[zone] = max(pane, self.newest.get(zone, _NEVER))
        if len(self.newest) > ZONES_MAX:
            kept = set(nlargest(ZONES_MAX, self.newest, key=lambda zone: (zone in self.asked, self.newest[zone])))
            gone = [self.rows.pop(zone) for zone in self.newest.keys() - kept if zone in self.rows]
            self.last[gone] = _NEVER
            self.newest = {zone: pane for zone, pane in self.newest.items() if zone in kept}
        new = [zone for zone in met if zone in self.newest and zone not in self.rows]
        if not new:
            return
        while len(self.rows) + len(new) > len(self.last):
            self.last = np.concatenate((self.last, np.full_like(self.last, _NEVER)))
        free = set(range(len(self.last))).difference(self.rows.values())
        self.rows.update(zip(new, sorted(free), strict=False))

    def forget(self, zones: Iterable[str]) -> None:
        """Nobody asks for them any more."""
        for zone in zones:
            del self.asked[zone]
        for zone in [zone for zone in self.rows if not self.wants(zone)]:
            self.last[self.rows.pop(zone)] = _NEVER
            del self.newest[zone]

    def bands(self, start: int) -> list[tuple[int, int]]:
        """Of each zone, in the order of `rows`: its first band and the one behind its last, in a window from that pane on."""
        last = self.last[list(self.rows.values())]
        inside = last >= np.minimum(last.max(axis=1, initial=_NEVER), start)[:, None]
        top, bottom = inside.argmax(axis=1), inside.shape[1] - inside[:, ::-1].argmax(axis=1)
        return list(zip(top.tolist(), bottom.tolist(), strict=True))


class Seeing:
    """Ask `of` a page and its zones once they are `ready`; `meet` all records, `advance` the clock.

    `on_first` hears of a page of which something is asked for anew: what was before is to be met, and then told with `caught_up`.
    """

    def __init__(self, exposures: Exposures, views: Views, *, hop_ms: int, on_first: Callable[[str], object] | None = None) -> None:
        """`exposures` and `views` are looked at only: whoever has them keeps them up to the clock."""
        self._exposures = exposures
        self._views = views
        self._hop_ms = hop_ms
        self._on_first = on_first
        self._pages: dict[str, _Page] = {}

    @property
    def pages(self) -> list[str]:
        """Keys of the pages that are asked for."""
        return list(self._pages)

    def meet(self, samples: Samples) -> None:
        """Takes a record; one that was met before changes nothing."""
        if not self._pages or samples.anchored is None:
            return
        keys = keys_of(samples.pages)
        wanted = np.array([key in self._pages for key in keys], np.bool_)
        runs, anchor = samples.runs, samples.anchored.anchor
        run = np.repeat(np.arange(len(runs)), runs.size)
        counted = np.array([kind in KINDS for kind in samples.kinds], np.bool_)
        at = np.flatnonzero((anchor >= 0) & wanted[runs.page[run]] & counted[samples.kind])
        if not len(at):
            return
        run, names = run[at], zones_of(samples.anchors) or samples.anchors
        grid_size = self._exposures.grid_size
        with np.errstate(over="ignore"):
            band = np.clip(np.floor(grid_size * samples.y[at] / runs.height[run]), 0, grid_size - 1).astype(np.int64)
        places, at_place = np.unique(runs.page[run] * len(names) + anchor[at], return_inverse=True)
        pane = samples.time_ms[at] // self._hop_ms
        newest = np.full(len(places), _NEVER)
        np.maximum.at(newest, at_place, pane)
        lies = [(keys[place // len(names)], names[place % len(names)]) for place in places.tolist()]
        met: dict[str, dict[str, int]] = {}
        for (key, zone), pane_there in zip(lies, newest.tolist(), strict=True):
            if zone in self._pages[key].rows or self._pages[key].wants(zone):
                of_page = met.setdefault(key, {})
                of_page[zone] = max(pane_there, of_page.get(zone, _NEVER))
        for key, of_page in met.items():
            page = self._pages[key]
            page.meet(of_page)
            row = np.array([page.rows.get(zone, -1) if on == key else -1 for on, zone in lies])[at_place]
            kept = row >= 0
            np.maximum.at(page.last, (row[kept], band[kept]), pane[kept])

    def advance(self, now_ms: int) -> None:
        """Forgets what nobody asks for any more."""
        for key, page in list(self._pages.items()):
            for zone, asked_ms in page.asked.items():
                page.asked[zone] = asked_ms or now_ms  # it was asked for before there was a clock
            old = [zone for zone, asked_ms in page.asked.items() if abs(now_ms - asked_ms) > _ASKED_MS]
            if len(old) == len(page.asked):
                del self._pages[key]
                self._exposures.leave(key)
            elif old:
                page.forget(old)

    def ready(self, page: str, zone: str = EVERY_ZONE) -> bool:
        """Asks for zones of this name, in which `*` stands for anything. Whether what was before the first question is known."""
        known, end_ms = self._pages.get(page), self._exposures.end_ms
        if known is None:
            known = self._pages[page] = _Page(self._exposures.grid_size)
        attended = self._exposures.attend(page)
        anew = zone not in known.asked
        known.asked[zone] = end_ms
        if anew and self._on_first is not None and known.began_ms != end_ms:  # what is asked for in one hop is read at once
            known.reading, known.began_ms = known.reading + 1, end_ms
            self._on_first(page)
        return attended and not known.reading

    def caught_up(self, page: str) -> None:
        """What was before is met."""
        if page in self._pages:
            self._pages[page].reading = max(0, self._pages[page].reading - 1)

    def of(self, page: str) -> Seen | None:
        """Who sees the page and its zones. None: nothing is known of what its visitors have in view, or nobody asks for it."""
        known, end_ms = self._pages.get(page), self._exposures.end_ms
        if known is None:
            return None
        good_ms = LOOK_MS * (1 + (known.seen.people // CROWD if known.seen is not None else 0))
        if known.seen_ms is None or not 0 <= end_ms - known.seen_ms < good_ms:
            known.seen, known.seen_ms = self._look(page, known, end_ms), end_ms
        return known.seen

    def _look(self, page: str, known: _Page, end_ms: int) -> Seen | None:
        open_ = self._views.open(page, end_ms)
        if not len(open_) and not self._exposures.knows(page):
            return None
        start = (end_ms - self._exposures.window_ms) // self._hop_ms
        everywhere = (0, self._exposures.grid_size)
        people, *of_zones = self._exposures.people_on(page, [everywhere, *known.bands(start)], open_)
        return Seen(people, dict(zip(known.rows, of_zones, strict=True)))

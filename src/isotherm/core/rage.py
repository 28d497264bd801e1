"""Rage: three clicks of one session on one page, each within 30 px and 1 s (of event time) of both others.

Clicks that belong to such a burst are counted once more, as samples of kind ``rage``: each once, at its own place, pane, zone and person,
whenever the burst becomes known. So a burst does not depend on the order in which its clicks come:

    ──c1────c2──────c3───▶      c3 makes the three a burst: all are told. A fourth tells itself alone.

What is remembered of each session and page are the clicks that arrived in the last `REMEMBERED_MS`, at most `CLICKS_MAX`, the newest; a
click that comes later than that after the others is no part of their burst. In all at most `CLICKS_ALL_MAX` are kept: beyond it the oldest
are forgotten early, which `forgotten` counts. As long as none are, what is told is a function of the clicks of the last
``2 x REMEMBERED_MS``: those that are remembered, and what these were part of. A move costs nothing, a click two or three microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from math import hypot
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.samples import NO_LOAD, Anchored, Runs, Samples

__all__ = ["BURST_SEQ", "CLICKS_MAX", "NO_CLICKS", "REMEMBERED_MS", "Click", "Clicked", "Rage", "click_places", "clicked_in", "with_bursts"]

BURST_MS: Final = 1000
BURST_PX: Final = 30.0
REMEMBERED_MS: Final = 10_000  #: a click's way may take so much longer than its neighbour's
CLICKS_MAX: Final = 16  #: of a session on a page: nobody clicks quicker than that in a second
CLICKS_ALL_MAX: Final = 200_000  #: some 400 bytes each
BURST_SEQ: Final = -1  #: the number of a run that a burst made: no message has it


class Click(NamedTuple):
    """One click that is remembered."""

    time_ms: int
    arrived_ms: int
    x: float
    y: float
    device: int
    width: float  #: of the document
    height: float
    zone: str | None
    in_zone: tuple[int, int]  #: where in its box, thousandths

    def near(self, other: Click) -> bool:
        return (
            -BURST_MS <= self.time_ms - other.time_ms <= BURST_MS
            and hypot(self.x - other.x, self.y - other.y) <= BURST_PX  # of any numbers: squares may be too large
        )


#: Session and page key, and their click.
Clicked = tuple[tuple[str, str], Click]

_Clicks = dict[tuple[str, str], list[Click]]
NO_CLICKS: Final[npt.NDArray[np.intp]] = np.zeros(0, np.intp)


class Rage:
    """`meet` clicks in the order of their arrival; it says which of them, and of those before, are now part of a burst."""

    def __init__(self, most: int = CLICKS_ALL_MAX) -> None:
        self._half = most // 2  # of two generations, each
        self._young: _Clicks = {}
        self._old: _Clicks = {}
        self._told: _Clicks = {}  # those among them that were counted as part of a burst
        self._young_clicks = 0
        self._turned_ms: int | None = None
        self.forgotten = 0  #: clicks forgotten early

    def __len__(self) -> int:
        """Clicks remembered."""
        return sum(len(clicks) for part in (self._young, self._old) for clicks in part.values())

    def meet(self, clicked: Iterable[Clicked]) -> list[tuple[int, Click]]:
        """The clicks that are told, each with the place in `clicked` of the one that made its burst."""
        told: list[tuple[int, Click]] = []
        for at, (key, click) in enumerate(clicked):
            now_ms = click.arrived_ms
            if self._young_clicks >= self._half or self._turned_ms is None or not 0 <= now_ms - self._turned_ms <= REMEMBERED_MS:
                self._turn(now_ms)
            known = self._young.get(key)
            if known is None:
                known = self._young[key] = self._old.pop(key, [])
                self._young_clicks += len(known)
            if known:
                self._prune(known, now_ms)
                if len(known) >= 2:
                    told += [(at, one) for one in self._burst(key, click, known)]
            known.append(click)
            self._young_clicks += 1
        return told

    def _prune(self, known: list[Click], now_ms: int) -> None:
        """Without what came too long ago; and there is room for one more."""
        before = len(known)
        if now_ms - known[0].arrived_ms > REMEMBERED_MS:
            known[:] = [one for one in known if now_ms - one.arrived_ms <= REMEMBERED_MS]
        if len(known) == CLICKS_MAX:
            del known[0]
        self._young_clicks -= before - len(known)

    def _burst(self, key: tuple[str, str], click: Click, known: list[Click]) -> list[Click]:
        """Those of a new click and the ones before it that are part of a burst now, and were not."""
        near = [one for one in known if one.near(click)]
        if len(near) < 2:
            return []
        before = self._told.get(key, [])
        missing = {id(one) for one in (*near, click)} - set(map(id, before))
        told = []
        for one, other in combinations(near, 2):
            if one.near(other):
                told += [member for member in (one, other, click) if id(member) in missing]
                missing.difference_update(map(id, (one, other, click)))
            if not missing:
                break
        if told:
            kept = set(map(id, (*before, *told)))
            self._told[key] = [one for one in (*known, click) if id(one) in kept]
        return told

    def _turn(self, now_ms: int) -> None:
        """Lets a generation go: it is older than the memory, or there are too many."""
        early = self._young_clicks >= self._half
        if early or (self._turned_ms is not None and now_ms - self._turned_ms > REMEMBERED_MS):
            self.forgotten += sum(len(clicks) for clicks in self._old.values()) if early else 0
            self._old, self._young, self._young_clicks = self._young, {}, 0
            self._told = {key: told for key, told in self._told.items() if key in self._old}
        self._turned_ms = now_ms  # a clock set back only keeps things longer


@lru_cache(maxsize=64)
def _clicks(kinds: tuple[str, ...]) -> list[int]:
    """Where clicks stand in a record's table of kinds."""
    return [place for place, kind in enumerate(kinds[:256]) if kind == "click"]


def click_places(samples: Samples, fresh: npt.NDArray[np.bool_], within: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.intp]:
    """Where the clicks stand among the samples: those of `fresh` runs that are `within` the cap (None: all are)."""
    numbers = _clicks(tuple(samples.kinds))
    if not samples.has_any(numbers):
        return NO_CLICKS
    is_click = samples.kind == numbers[0]
    for number in numbers[1:]:
        is_click |= samples.kind == number
    places = np.flatnonzero(is_click)
    if not len(places):
        return NO_CLICKS
    kept = fresh[np.searchsorted(np.cumsum(samples.runs.size), places, "right")]
    if within is not None:
        kept &= within[places]
    return places[kept]


def clicked_in(samples: Samples, keys: list[str], places: npt.NDArray[Any]) -> Iterable[Clicked]:
    """The clicks of a record at these places of its samples; `keys` are those of its pages."""
    runs, anchored, arrived_ms = samples.runs, samples.anchored, samples.arrived_ms
    run = np.searchsorted(np.cumsum(runs.size), places, "right")
    sessions, pages = map(samples.sessions.__getitem__, runs.session[run].tolist()), map(keys.__getitem__, runs.page[run].tolist())
    columns = (samples.time_ms[places], samples.x[places], samples.y[places], runs.device[run], runs.width[run], runs.height[run])
    anchors: Any = ([-1] * len(places),) * 3
    if anchored is not None:
        anchors = (anchored.anchor[places].tolist(), anchored.x[places].tolist(), anchored.y[places].tolist())
    names = [*samples.anchors, None]  # the last is that of -1
    for session, page, time_ms, x, y, device, width, height, anchor, in_x, in_y in zip(
        sessions, pages, *(column.tolist() for column in columns), *anchors, strict=True
    ):
        yield (session, page), Click(time_ms, arrived_ms, x, y, device, width, height, names[anchor], (in_x, in_y))


def with_bursts(samples: Samples, places: npt.NDArray[Any], told: list[tuple[int, Click]]) -> Samples:
    """The samples of a record, and behind them one more of kind ``rage`` for each click that was told, a run each.

    `places` are those of the clicks that were met.
    """
    runs = samples.runs
    run = np.searchsorted(np.cumsum(runs.size), places[[at for at, _ in told]], "right")
    clicks = [click for _, click in told]
    kinds = samples.kinds if "rage" in samples.kinds else [*samples.kinds, "rage"]
    anchors, anchored = _anchored(samples, clicks)
    number = len(clicks)

    def more(column: npt.NDArray[Any], values: Any) -> npt.NDArray[Any]:
        return np.concatenate((column, np.asarray(values, column.dtype)))

    return replace(
        samples,
        runs=Runs(
            page=more(runs.page, runs.page[run]),
            session=more(runs.session, runs.session[run]),
            device=more(runs.device, [click.device for click in clicks]),
            load=more(runs.load, np.full(number, NO_LOAD)),
            seq=more(runs.seq, np.full(number, BURST_SEQ)),
            width=more(runs.width, [click.width for click in clicks]),
            height=more(runs.height, [click.height for click in clicks]),
            size=more(runs.size, np.ones(number)),
        ),
        time_ms=more(samples.time_ms, [click.time_ms for click in clicks]),
        x=more(samples.x, [click.x for click in clicks]),
        y=more(samples.y, [click.y for click in clicks]),
        kind=more(samples.kind, np.full(number, kinds.index("rage"))),
        kinds=kinds,
        anchors=anchors,
        anchored=anchored,
    )


def _anchored(samples: Samples, clicks: list[Click]) -> tuple[list[str], Anchored | None]:
    """The anchors of the samples and of the clicks behind them."""
    names, table = list(samples.anchors), {name: place for place, name in enumerate(samples.anchors)}
    for click in clicks:
        if click.zone is not None and click.zone not in table:
            table[click.zone] = len(names)
            names.append(click.zone)
    places = [-1 if click.zone is None else table[click.zone] for click in clicks]
    own, number = samples.anchored, len(samples)
    if own is None and max(places) < 0:
        return samples.anchors, None
    if own is None:
        zero = np.zeros(number, np.int32)
        own = Anchored(np.full(number, -1), zero, zero)
    more = np.array(places, own.anchor.dtype), *np.array([click.in_zone for click in clicks], own.x.dtype).T
    return names, Anchored(*(np.concatenate(columns) for columns in zip((own.anchor, own.x, own.y), more, strict=True)))

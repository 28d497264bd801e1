"""Exposure: how long each band of a page was in view, and by how many people, over the same hopping window as the heat.

A *band* is a row of the page's grid. What comes in are stretches (`core/views.py`); a stretch counts for every band that the viewport
showed any part of, with the part of its time that lies in the window. Two entries in a list of differences are all that it costs, + at
its first band and − behind its last, added up when somebody asks:

    bands        0   1   2   3   4   5
    [1, 4) 8 s      +8          −8
    [3, 6) 2 s              +2          −2
    in view      0   8   8  10   2   2

Stretches wait in a plain list of numbers a page until they have left the window; to take them is to append, to ask is O(n log n) of one
page's, so an answer about many of them is good for a while (`lately`). Of a page that is asked again and again who had what in view
(`attend`), that is kept up to date (`core/in_view.py`). A few pages a hop are rid of what left the window, so that each is now and then;
stretches leave in the order in which they came. `STRETCHES_MAX` are kept in all; what comes beyond is counted in
`beyond`, what is older than the window in `late`.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from isotherm.core.counts import StretchCounts
from isotherm.core.in_view import AT_ONCE, ROOM, InView, Room
from isotherm.core.layers import ALL_DEVICES, DEVICES

__all__ = ["STRETCHES_MAX", "Exposed", "Exposures", "as_csv", "as_json", "devices_of", "distinct", "exposed_by", "fold_of"]

STRETCHES_MAX: Final = 1_000_000  #: 48 bytes each
_ROWS_A_MS: Final = 100  #: an answer is good for a millisecond for so many stretches, of which it takes some 0.05 ms to count them
_OPEN_ROWS: Final = 10  #: a view that is open takes as long as so many stretches
_COLUMNS: Final = 6  #: person, device, top, bottom, start, end
_CLEANED: Final = 20  #: times a window that a page is rid of what has left it
_BLOCK: Final = 2_000  #: stretches that are looked at together

Ints = npt.NDArray[np.int64]

_NOTHING: Final[Ints] = np.zeros((0, _COLUMNS), np.int64)


@dataclass(slots=True, frozen=True)
class Exposed:
    """A page in a span of time; columns one element a band."""

    start_ms: int
    end_ms: int
    ms: Ints  #: in view, of all people together
    people: Ints  #: distinct sessions
    everybody: int  #: distinct sessions that had any of it in view
    fold: float | None  #: where the first screen ends, a part of the page's height: half of the time that is spent at the very top
    level: int = 0  #: people are one in ``2 ** level``, counted as many; 0: exact


def devices_of(device: str) -> list[int]:
    """The device classes that a name stands for. Raises `ValueError`."""
    if device == ALL_DEVICES:
        return list(range(len(DEVICES)))
    if device not in DEVICES:
        raise ValueError(f"expected device to be one of {ALL_DEVICES}, {', '.join(DEVICES)}, got {device!r}")
    return [DEVICES.index(device)]


class Exposures:
    """`merge` counts, `advance` the clock, ask `of` a page."""

    def __init__(self, *, grid_size: int, window_ms: int, hop_ms: int, stretches_max: int = STRETCHES_MAX) -> None:
        self.grid_size = grid_size
        self.window_ms = window_ms
        self._hop_ms = hop_ms
        self._most = stretches_max
        self._pages: OrderedDict[str, array[int]] = OrderedDict()  # those that were rid longest ago come first
        self._attended: dict[str, InView] = {}
        self._room = Room(ROOM)
        self._at_once = AT_ONCE  # stretches that may still be taken in this turn
        self._lately: dict[tuple[str, tuple[int, ...]], tuple[int, Exposed]] = {}  # page, devices -> how long it is good, the answer
        self._number = 0
        self._end: int | None = None
        self._cleaned_ms: int | None = None
        self._pruned_ms = 0
        self._mixed_until_ms = 0  # till then stretches do not leave in order: the clock was set back
        self.beyond = 0  #: stretches not kept because there were too many
        self.late = 0  #: stretches older than the window

    def __len__(self) -> int:
        """Stretches kept."""
        return self._number

    @property
    def end_ms(self) -> int:
        """End of the newest window; 0 before the first."""
        return (self._end or 0) * self._hop_ms

    def knows(self, page: str) -> bool:
        """Whether any view of the page is in the window, or was a moment ago."""
        return page in self._pages

    def merge(self, pages: Sequence[str], counts: StretchCounts) -> None:
        """Takes stretches of any time. `pages` are the keys that `counts.page` are places of."""
        rows = np.flatnonzero(counts.end_ms > self.end_ms - self.window_ms)
        self.late += len(counts) - len(rows)
        if self._number + len(rows) > self._most:
            self.beyond += self._number + len(rows) - self._most
            rows = rows[: self._most - self._number]
        self._number += len(rows)
        if not len(rows):
            return
        table = np.stack(counts.columns(), axis=1)[rows]
        page = counts.page[rows]
        order = np.argsort(page, kind="stable")
        table, page = table[order], page[order]
        begins = np.flatnonzero(np.append(True, np.diff(page) != 0)).tolist()
        for at, begin, end in zip(page[begins].tolist(), begins, [*begins[1:], len(page)], strict=True):
            key = pages[at]
            self._pages.setdefault(key, array("q")).frombytes(table[begin:end].tobytes())
            if key in self._attended:
                self._attended[key].take(table[begin:end])

    def advance(self, now_ms: int) -> None:
        """Brings the window up to the clock."""
        self._end = now_ms // self._hop_ms
        self._at_once = AT_ONCE
        for page in sorted(self._attended, key=lambda page: self._attended[page].waiting):  # one of many holds up no other
            self._at_once -= self._settle(page, self._at_once)
        since_ms = now_ms - self._cleaned_ms if self._cleaned_ms is not None else self.window_ms
        if since_ms < 0:
            self._mixed_until_ms = max(self._mixed_until_ms, now_ms - since_ms + self.window_ms)
        number = min(len(self._pages), max(0, -(-len(self._pages) * since_ms * _CLEANED // self.window_ms)))
        self._cleaned_ms = now_ms
        for _ in range(number):
            self._clean(next(iter(self._pages)))
        if not 0 <= now_ms - self._pruned_ms < self.window_ms // _CLEANED:
            self._pruned_ms = now_ms
            self._lately = {about: answer for about, answer in self._lately.items() if self._good(*answer)}

    def _clean(self, page: str) -> None:
        """Rids a page of the stretches that have left the window, up to the first that has not."""
        kept, start_ms, gone = self._pages[page], self.end_ms - self.window_ms, 0
        self._pages.move_to_end(page)
        if self.end_ms < self._mixed_until_ms:
            table = self._stretches(page)
            left = table[table[:, 5] > start_ms]
            self._number -= len(table) - len(left)
            self._pages[page] = kept = array("q", left.tobytes())
        while gone < len(kept):
            ends = np.array(kept[gone + _COLUMNS - 1 : gone + _BLOCK * _COLUMNS : _COLUMNS])
            inside = ends > start_ms
            gone += (int(inside.argmax()) if inside.any() else len(ends)) * _COLUMNS
            if inside.any():
                break
        self._number -= gone // _COLUMNS
        if gone == len(kept):
            del self._pages[page]
        elif gone:
            del kept[:gone]

    def forget(self, page: str) -> None:
        """Nobody asks for the page any more."""
        self._number -= len(self._pages.pop(page, ())) // _COLUMNS
        self._lately = {about: answer for about, answer in self._lately.items() if about[0] != page}
        if page in self._attended:
            self._attended[page].begin(self._stretches(page))

    def attend(self, page: str) -> bool:
        """`people_on` is asked of it again and again, until told otherwise. False: much is still to be taken."""
        attended = self._attended.get(page)
        if attended is None:
            attended = self._attended[page] = InView(grid_size=self.grid_size, room=self._room)
            attended.begin(self._stretches(page))
            self._at_once -= self._settle(page, self._at_once)
        return not attended.behind

    def leave(self, page: str) -> None:
        """Nobody asks who had it in view any more."""
        attended = self._attended.pop(page, None)
        if attended is not None:
            attended.begin(_NOTHING)  # its room is for others

    def _settle(self, page: str, at_most: int | None) -> int:
        attended, end_ms = self._attended[page], self.end_ms
        if not attended.is_before(end_ms):
            attended.begin(self._stretches(page))
        return attended.settle(end_ms - self.window_ms, end_ms, at_most)

    def of(self, page: str, devices: Sequence[int], open_: Ints = _NOTHING) -> Exposed:
        """A page in the newest window, as some device classes had it. `open_`: what was not told yet (`Views.open`)."""
        table = np.concatenate((self._stretches(page), open_))
        return exposed_by(table[np.isin(table[:, 1], devices)], self.grid_size, self.end_ms - self.window_ms, self.end_ms)

    def lately(self, page: str, devices: Sequence[int], open_: Callable[[], Ints] = lambda: _NOTHING) -> Exposed:
        """As `of`, or what it said of a busy page a moment ago: 0.25 s of 25,000 stretches, 4 of 400,000; then `open_` is not asked for."""
        about = page, tuple(devices)
        if about in self._lately and self._good(*self._lately[about]):
            return self._lately[about][1]
        more = open_()
        answer = self.of(page, devices, more)
        good_ms = (len(self._pages.get(page, ())) // _COLUMNS + _OPEN_ROWS * len(more)) // _ROWS_A_MS
        if good_ms >= self._hop_ms:  # till then nothing but what came within the hop is new
            self._lately[about] = good_ms, answer
        return answer

    def _good(self, good_ms: int, answer: Exposed) -> bool:
        return 0 <= self.end_ms - answer.end_ms < good_ms

    def people_on(self, page: str, bands: Sequence[tuple[int, int]], open_: Ints) -> list[int]:
        """How many had any of these bands in view in the newest window: of each first band, and one behind the last. `open_`: what has not
        been told of views that are open (`Views.open`)."""
        start_ms, attended = self.end_ms - self.window_ms, self._attended.get(page)
        if attended is not None:
            self._settle(page, None)
            if not attended.full:
                return attended.people_on(bands, open_, start_ms, self.end_ms)
        table = np.concatenate((self._stretches(page), open_))
        table = table[(table[:, 5] > start_ms) & (table[:, 4] < self.end_ms)]
        person, first, behind = distinct(table[:, 0], table[:, 2], table[:, 3])  # of thousands of stretches, few rows a person, in order
        if attended is not None and attended.fits(int(np.count_nonzero(np.diff(person, prepend=-1)))):
            attended.begin(self._stretches(page))
        seeing = (person[(first < bottom) & (behind > top)] for top, bottom in bands)
        return [int(np.count_nonzero(np.diff(who, prepend=-1))) for who in seeing]

    def _stretches(self, page: str) -> Ints:
        """A copy: what grows must not be held by a view of it."""
        kept = self._pages.get(page)
        return np.frombuffer(kept, np.int64).reshape(-1, _COLUMNS).copy() if kept is not None else _NOTHING


def exposed_by(table: Ints, grid_size: int, start_ms: int, end_ms: int) -> Exposed:
    """What stretches (lines of person, device, top, bottom, start, end) come to in ``[start, end)``."""
    person, _, top, bottom, starts, ends = table.T
    span = np.minimum(ends, end_ms) - np.maximum(starts, start_ms)
    inside = span > 0
    person, top, bottom, span = person[inside], top[inside], bottom[inside], span[inside]
    ms = _bands(top, bottom, span, grid_size)
    who, first, last = distinct(person, top, bottom)
    people = _bands(first, last, np.ones(len(who), np.int64), grid_size)
    at_top = top == 0
    by_end = np.bincount(bottom[at_top], weights=span[at_top], minlength=grid_size + 1)[1:]
    return Exposed(start_ms, end_ms, ms, people, len(np.unique(who)), fold_of(by_end))


def fold_of(by_end: npt.NDArray[Any]) -> float | None:
    """Where the first screen ends, from the time spent at the very top, by the last band in view."""
    total = by_end.sum()
    if not total:
        return None
    return float(np.searchsorted(np.cumsum(by_end), total / 2) + 1) / len(by_end)


def _bands(top: Ints, bottom: Ints, weight: Ints, grid_size: int) -> Ints:
    """The sum of the weights over each band from `top` to before `bottom`."""
    differences = np.bincount(top, weights=weight, minlength=grid_size + 1) - np.bincount(bottom, weights=weight, minlength=grid_size + 1)
    return np.cumsum(differences)[:grid_size].astype(np.int64)


def distinct(person: Ints, top: Ints, bottom: Ints) -> tuple[Ints, Ints, Ints]:
    """Each person's bands put together: no two rows of one person lie over each other, or side by side."""
    if not len(person):
        return person, top, bottom
    order = np.lexsort((top, person))
    person, top, bottom = person[order], top[order], bottom[order]
    group = np.cumsum(np.append(0, np.diff(person) != 0))
    reach = np.maximum.accumulate(bottom + group * (int(bottom.max()) + 1))  # a later person's lies above all of those before
    begins = np.flatnonzero(np.append(True, (np.diff(group) != 0) | (top[1:] + group[1:] * (int(bottom.max()) + 1) > reach[:-1])))
    ends = np.append(begins[1:], len(person)) - 1
    return person[begins], top[begins], reach[ends] - group[ends] * (int(bottom.max()) + 1)


def _told(exposed: Exposed, people_min: int) -> list[tuple[float, int, float] | None]:
    """Seconds, people and their share of everybody, band by band; None: too few, of the sample alone where people are one."""
    everybody = max(1, exposed.everybody)
    return [
        (round(ms / 1000, 2), people, round(people / everybody, 4)) if people >> exposed.level >= people_min else None
        for ms, people in zip(exposed.ms.tolist(), exposed.people.tolist(), strict=True)
    ]


def as_json(exposed: Exposed, people_min: int) -> bytes:
    """What the API says of it; nothing is told of what fewer than `people_min` people had in view."""
    enough = exposed.everybody >> exposed.level >= people_min
    bands = _told(exposed, people_min)
    answer: dict[str, Any] = {
        "start": exposed.start_ms,
        "end": exposed.end_ms,
        "people": exposed.everybody if enough else None,
        "grid-size": len(bands),
        "fold": round(exposed.fold, 4) if exposed.fold is not None and bands[0] is not None else None,
        "bands": [dict(zip(("seconds", "people", "share"), band or (None,) * 3, strict=True)) for band in bands],
        "hidden-bands": bands.count(None),
    }
    return msgspec.json.encode(answer)


def as_csv(exposed: Exposed, people_min: int) -> bytes:
    """A row a band that anybody, and nobody too few, had in view."""
    rows = [
        f"{exposed.start_ms},{exposed.end_ms},{at},{band[0]},{band[1]},{band[2]}"
        for at, band in enumerate(_told(exposed, max(1, people_min)))
        if band is not None
    ]
    return "\r\n".join(("start,end,band,seconds,people,share", *rows, "")).encode()

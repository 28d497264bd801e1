"""In view: who had which bands of a page in view, kept up to date a stretch at a time, so that to ask how many saw a zone needs no sort.

Of each band and person it is kept until when it was in view, a row a band and a column a person:

             A    B    C           window from 40 on
    band 0  57    .    .
    band 1  57   31    .           band 1 was seen by A alone: what B had in view has left the window
    band 2   .   31   60

A stretch counts from its first moment on; those that begin behind the newest window lie ahead until then. A clock that is set back makes
all worthless: `begin` anew with what is kept. A page for whose cells there is no `Room` is `full`, and counted by a sort, until it `fits`.
Columns of people who are gone are given to others, and given back where most are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, repeat
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["AT_ONCE", "ROOM", "InView", "Room"]

ROOM: Final = 1 << 23  #: cells of all pages, 8 bytes each: 160,000 people on a grid of 50
AT_ONCE: Final = 10_000  #: stretches of all pages that are taken in one turn, some 3 ms
_PEOPLE: Final = 64  #: room for so many at first
_BLOCK: Final = 4_096  #: at most, so that to take a block more is little
_SPARSE: Final = 4  #: times as many columns as people in the window are too many
_NOBODY: Final = -1
_NEVER: Final = -(1 << 63)

Ints = npt.NDArray[np.int64]


class Room:
    """Cells that are left, for all pages together."""

    def __init__(self, cells: int = ROOM) -> None:
        self.left = cells


class InView:
    """One page: `begin` with what is known of it, `take` what comes, `settle` with time, ask `people_on`."""

    def __init__(self, *, grid_size: int, room: Room) -> None:
        self._grid = grid_size
        self._room = room
        self._who: list[int] = []  # by column
        self.begin(np.zeros((0, 6), np.int64))

    def begin(self, table: Ints) -> None:
        """Nothing is known but these stretches: lines of person, device, top, bottom, start, end."""
        self._room.left += len(self._who) * self._grid
        self._place: dict[int, int] = {}  # person -> column
        self._blocks: list[Ints] = []  # of columns: when it was in view last, to before which time. They never move
        self._who = []
        self._free: list[int] = []  # columns of nobody
        self._turn = 0  # the block that is looked through next for such
        self._end_ms: int | None = None
        self._waiting = [table] if len(table) else []
        self._ahead: list[Ints] = []  # begin behind the newest window
        self._ahead_ms = 0  # the first of them
        self.behind = bool(self._waiting)  #: it was not all taken when it last settled
        self.full = False

    @property
    def waiting(self) -> int:
        """Stretches that are to be taken."""
        return sum(map(len, self._waiting))

    def take(self, table: Ints) -> None:
        """Stretches came."""
        if not self.full:
            self._waiting.append(table)

    def is_before(self, end_ms: int) -> bool:
        """Whether it was settled for no later window. Otherwise the clock was set back: it has to `begin` anew."""
        return self._end_ms is None or self._end_ms <= end_ms

    def fits(self, people: int) -> bool:
        """Whether there would be room for so many, and some more."""
        return 2 * people * self._grid <= self._room.left

    def settle(self, start_ms: int, end_ms: int, at_most: int | None = AT_ONCE) -> int:
        """Counts what waits and has begun, as far as the window from `start_ms` to before `end_ms`; how many stretches it took."""
        self._end_ms = end_ms
        if self._ahead and self._ahead_ms < end_ms:
            ahead, self._ahead = np.concatenate(self._ahead), []
            self._waiting.append(self._begun(ahead, end_ms))
        waiting, self._waiting = self._waiting, []
        taken = 0
        for place, table in enumerate(waiting):
            now = table if at_most is None else table[: at_most - taken]
            taken += len(now)
            if not self._count(self._begun(now, end_ms), start_ms):
                self.begin(table[:0])
                self._end_ms, self.full = end_ms, True
                return taken
            if len(now) < len(table):
                self._waiting = [table[len(now) :], *waiting[place + 1 :]]
                break
        self.behind = bool(self._waiting)
        return taken

    def _begun(self, table: Ints, end_ms: int) -> Ints:
        """Those that have begun; the others lie ahead."""
        begun = table[:, 4] < end_ms
        if not begun.all():
            later = table[~begun]
            first_ms = int(later[:, 4].min())
            self._ahead_ms = min(self._ahead_ms, first_ms) if self._ahead else first_ms
            self._ahead.append(later)
        return table[begun]

    def people_on(self, bands: Sequence[tuple[int, int]], open_: Ints, start_ms: int, end_ms: int) -> list[int]:
        """How many had any of these bands in view in the window, once all is settled. `open_`: what has not been told of open views."""
        assert not self.full, "it is to be counted by a sort"
        number = len(self._who)
        before = np.zeros((self._grid + 1, number), np.int16)  # of each person: bands seen that lie before
        for begin, block in zip(self._begins(), self._blocks, strict=True):
            np.cumsum(block > start_ms, axis=0, dtype=np.int16, out=before[1:, begin : begin + block.shape[1]])
        here = np.flatnonzero(before[-1])
        if number > _SPARSE * max(len(here), _PEOPLE):
            self._pack(here)
            before = before[:, here]
        open_ = open_[(open_[:, 5] > start_ms) & (open_[:, 4] < end_ms)]
        if len(open_):
            before = self._with_open(before, open_)
        told = {(top, bottom): int(np.count_nonzero(before[bottom] != before[top])) for top, bottom in set(bands)}
        return [told[pair] for pair in bands]

    def _with_open(self, before: npt.NDArray[np.int16], open_: Ints) -> npt.NDArray[np.int16]:
        """Most of what is open was told in part, and changes nothing."""
        people = open_[:, 0].tolist()
        column = np.fromiter(map(self._place.get, people, repeat(-1)), np.int64, len(people))
        new = np.flatnonzero(column < 0)
        if len(new):
            _, at = np.unique(open_[new, 0], return_inverse=True)
            column[new] = before.shape[1] + at
            before = np.concatenate((before, np.zeros((self._grid + 1, int(at.max()) + 1), np.int16)), axis=1)
        top, bottom = open_[:, 2], open_[:, 3]
        more = np.flatnonzero(before[bottom, column] - before[top, column] < bottom - top)
        if len(more):
            changed, at = np.unique(column[more], return_inverse=True)
            seen = np.diff(before[:, changed], axis=0)
            band, row = _spread(top[more], bottom[more])
            seen[band, at[row]] = 1
            before[1:, changed] = np.cumsum(seen, axis=0, dtype=np.int16)
        return before

    def _pack(self, columns: Ints) -> None:
        """Keeps these alone."""
        number, blocks = len(self._who), []
        for begin, block in zip(self._begins(), self._blocks, strict=True):
            own = columns[(columns >= begin) & (columns < begin + block.shape[1])]
            if len(own):
                blocks.append(block[:, own - begin])
        whole = np.concatenate(blocks, axis=1) if blocks else np.zeros((self._grid, 0), np.int64)
        self._blocks = [whole[:, begin : begin + _BLOCK].copy() for begin in range(0, len(columns), _BLOCK)]
        self._who = [self._who[column] for column in columns.tolist()]
        self._place = {person: column for column, person in enumerate(self._who)}
        self._free, self._turn = [], 0
        self._room.left += (number - len(self._who)) * self._grid

    def _count(self, table: Ints, start_ms: int) -> bool:
        """False: there is no room."""
        table = table[table[:, 5] > start_ms]
        people = table[:, 0].tolist()
        if not self._place_for(people, start_ms):
            return False
        column = np.fromiter(map(self._place.__getitem__, people), np.int64, len(people))
        begins = self._begins()
        of_block = np.searchsorted(begins, column, "right") - 1
        for at in np.unique(of_block).tolist():
            rows = np.flatnonzero(of_block == at)
            band, row = _spread(table[rows, 2], table[rows, 3])
            rows, block = rows[row], self._blocks[at]
            np.maximum.at(block.reshape(-1), band * block.shape[1] + column[rows] - begins[at], table[rows, 5])
        return True

    def _place_for(self, people: list[int], start_ms: int) -> bool:
        """Gives each a column. False: there is no room."""
        while len(new := set(people).difference(self._place)) > len(self._free):
            if not self._find_room(start_ms):
                return False
        for person in new:
            column = self._place[person] = self._free.pop()
            self._who[column] = person
        return True

    def _find_room(self, start_ms: int) -> bool:
        """In one block, in place of those who had nothing in view in the window, if these are many; else in a block more."""
        begins, number = self._begins(), len(self._who)
        if self._blocks:
            self._turn = (self._turn + 1) % len(self._blocks)
            block = self._blocks[self._turn]
            still = (np.flatnonzero(block.max(axis=0) <= start_ms) + begins[self._turn]).tolist()
            gone = [column for column in still if self._who[column] != _NOBODY]
            if len(gone) * 4 >= block.shape[1]:
                for column in gone:
                    del self._place[self._who[column]]
                    self._who[column] = _NOBODY
                self._free += gone
                return True
        size = min(max(number, _PEOPLE), _BLOCK)
        if size * self._grid > self._room.left:
            return False
        self._room.left -= size * self._grid
        self._blocks.append(np.full((self._grid, size), _NEVER))
        self._who += [_NOBODY] * size
        self._free += range(number + size - 1, number - 1, -1)
        return True

    def _begins(self) -> list[int]:
        """The first column of each block."""
        return list(accumulate((block.shape[1] for block in self._blocks[:-1]), initial=0)) if self._blocks else []


def _spread(top: Ints, bottom: Ints) -> tuple[Ints, Ints]:
    """Each band of each row: the band, and the row."""
    size = bottom - top
    row = np.repeat(np.arange(len(size)), size)
    return np.arange(len(row)) - np.repeat(np.cumsum(size) - size - top, size), row

"""In view: who had which bands of a page in view, kept up to date a stretch at a time, so that to ask how many saw a zone needs no sort.

Of each band and person it is kept until when it was in view, a row a band and a column a person:

             A    B    C           window from 40 on
    band 0  57    .    .
    band 1  57   31    .           band 1 was seen by A alone: what B had in view has left the window
    band 2   .   31   60

A stretch counts from its first moment on; those that begin behind the newest window wait. A clock that is set back makes all worthless:
`begin` anew with what is kept. A page with more cells than there is `ROOM` for is `full`, and counted by a sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, repeat
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["AT_ONCE", "ROOM", "InView"]

ROOM: Final = 1 << 23  #: cells of a page, 8 bytes each: 160,000 people on a grid of 50
AT_ONCE: Final = 10_000  #: stretches that are taken in one turn, some 3 ms
_PEOPLE: Final = 64  #: room for so many at first
_BLOCK: Final = 4_096  #: at most, so that to take a block more is little
_NOBODY: Final = -1
_NEVER: Final = -(1 << 63)

Ints = npt.NDArray[np.int64]


class InView:
    """One page: `begin` with what is known of it, `take` what comes, `settle` with time, ask `people_on`."""

    def __init__(self, *, grid_size: int, room: int = ROOM) -> None:
        self._grid = grid_size
        self._room = room
        self.begin(np.zeros((0, 6), np.int64))

    def begin(self, table: Ints) -> None:
        """Nothing is known but these stretches: lines of person, device, top, bottom, start, end."""
        self._place: dict[int, int] = {}  # person -> column
        self._blocks: list[Ints] = []  # of columns: when it was in view last, to before which time. They never move
        self._who: list[int] = []  # by column
        self._free: list[int] = []  # columns of nobody
        self._turn = 0  # the block that is looked through next for such
        self._end_ms: int | None = None
        self._waiting = [table] if len(table) else []
        self.full = False

    @property
    def behind(self) -> bool:
        """More waits than is taken in one turn."""
        return sum(map(len, self._waiting)) > AT_ONCE and not self.full

    def take(self, table: Ints) -> None:
        """Stretches came."""
        if not self.full:
            self._waiting.append(table)

    def settle(self, start_ms: int, end_ms: int, at_most: int | None = AT_ONCE) -> bool:
        """Counts what waits and has begun, as far as the window from `start_ms` to before `end_ms`; False: the clock was set back."""
        if self._end_ms is not None and end_ms < self._end_ms:
            return False
        self._end_ms = end_ms
        waiting, self._waiting = self._waiting, []
        left = at_most
        for table in waiting:
            if self.full:
                break
            now, later = (table, table[:0]) if left is None else (table[:left], table[left:])
            left = None if left is None else left - len(now)
            begun = now[:, 4] < end_ms
            self._count(now[begun], start_ms)
            self._waiting += [rows for rows in (now[~begun], later) if len(rows)]
        return True

    def people_on(self, bands: Sequence[tuple[int, int]], open_: Ints, start_ms: int, end_ms: int) -> list[int]:
        """How many had any of these bands in view in the window, once all is settled. `open_`: what has not been told of open views."""
        assert not self.full, "it is to be counted by a sort"
        number = len(self._who)
        before = np.zeros((self._grid + 1, number), np.int16)  # of each person: bands seen that lie before
        for begin, block in zip(self._begins(), self._blocks, strict=True):
            np.cumsum(block > start_ms, axis=0, dtype=np.int16, out=before[1:, begin : begin + block.shape[1]])
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

    def _count(self, table: Ints, start_ms: int) -> None:
        table = table[table[:, 5] > start_ms]
        people = table[:, 0].tolist()
        if not self._place_for(people, start_ms):
            self.begin(table[:0])
            self.full = True
            return
        column = np.fromiter(map(self._place.__getitem__, people), np.int64, len(people))
        begins = self._begins()
        of_block = np.searchsorted(begins, column, "right") - 1
        for at in np.unique(of_block).tolist():
            rows = np.flatnonzero(of_block == at)
            band, row = _spread(table[rows, 2], table[rows, 3])
            rows, block = rows[row], self._blocks[at]
            np.maximum.at(block.reshape(-1), band * block.shape[1] + column[rows] - begins[at], table[rows, 5])

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
        if (number + size) * self._grid > self._room:
            return False
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

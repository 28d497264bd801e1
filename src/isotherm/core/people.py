"""People: which sessions were on which tile, so that they can be counted, each once, in any tiles and any span of time.

A *mark* says that a session was on a cell: 32 bits of the session's name, hashed, above 32 bits of the cell, in one integer. Marks are
kept as sets: those of two spans or two tiles are joined, never added, so a person who comes twice is one person.

A set that grows beyond its budget keeps only the sessions whose hash ends in as many zero bits as its *level* says (distinct sampling:
Gibbons, VLDB 2001): all that these sessions did stays, so any question that could be asked of the whole can be asked of the sample, times
``2 ** level``.
At level 0, which is nearly always, the numbers are exact but for hashes that are alike: 1 in 10,000 among 400,000 sessions.

     63             32 31              0
     ├ session's hash ┼ cell ──────────┤      a mark
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["MARKS_MAX", "Documents", "Marks", "Sightings", "Visits", "hash_of", "hashes_of"]

#: Of one page in one bucket, or live: 16,384 marks are some 27 KB packed. With 30 tiles a session, 500 people are counted exactly.
MARKS_MAX: Final = 16_384
_CELL_BITS: Final = np.uint64(32)
_CELL_MASK: Final = np.uint64(0xFFFF_FFFF)
_Number = TypeVar("_Number", bound=np.generic)
_EMPTY: Final[npt.NDArray[np.uint64]] = np.zeros(0, np.uint64)


@lru_cache(maxsize=65_536)
def hash_of(session: str) -> int:
    """32 bits of a session's name: the same in every process and release. The name can't be had back from it."""
    return int.from_bytes(blake2b(session.encode(), digest_size=4).digest(), "little")


def hashes_of(sessions: list[str]) -> npt.NDArray[np.uint32]:
    """The same of many, one element each."""
    return np.array([hash_of(name) for name in sessions], np.uint32)


class Visits(NamedTuple):
    """The sessions of a record as they came. They are hashed where they are asked for: that is off the hot path."""

    names: list[str]
    session: npt.NDArray[Any]  #: of each run: place in `names`
    size: npt.NDArray[Any]  #: of each run: samples

    def hashed(self) -> npt.NDArray[np.uint32]:
        each: npt.NDArray[np.uint32] = np.repeat(hashes_of(self.names)[self.session], self.size)
        return each


class Documents(NamedTuple):
    """How large the pages' documents were; one element a run."""

    page: npt.NDArray[Any]
    width: npt.NDArray[Any]
    height: npt.NDArray[Any]

    def sizes(self) -> dict[int, tuple[float, float]]:
        """The newest size of each page, by its place."""
        return {
            page: (width, height) for page, width, height in zip(self.page.tolist(), self.width.tolist(), self.height.tolist(), strict=True)
        }


@dataclass(slots=True, frozen=True)
class Sightings:
    """Who is behind the rows of `Counts`. Columns of equal length; a session may stand there several times for a row."""

    row: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  #: place in the counts' columns; -1: in none
    who: npt.NDArray[np.uint32] | Visits = field(default_factory=lambda: np.zeros(0, np.uint32))  #: hashed, or what that is made from

    @property
    def session(self) -> npt.NDArray[np.uint32]:
        """The hashed session of each."""
        return self.who if isinstance(self.who, np.ndarray) else self.who.hashed()

    def __len__(self) -> int:
        return len(self.row)

    def only(self, kept: npt.NDArray[np.bool_]) -> Sightings:
        """Those of the rows that are `kept` (a mask), which close up."""
        if not len(self) or not len(kept):
            return Sightings()
        chosen = np.flatnonzero((self.row >= 0) & kept[self.row])
        return Sightings((np.cumsum(kept) - 1)[self.row[chosen]], self.session[chosen])


@dataclass(slots=True, frozen=True)
class Marks:
    """A set of marks, ascending, each once, of the sessions that its level lets in."""

    marks: npt.NDArray[np.uint64] = field(default_factory=lambda: _EMPTY)
    level: int = 0

    @staticmethod
    def of(session: npt.NDArray[Any], cell: npt.NDArray[Any], most: int = MARKS_MAX) -> Marks:
        """The marks of rows of (hashed session, cell)."""
        return Marks(_distinct((session.astype(np.uint64) << _CELL_BITS) | cell.astype(np.uint64)))._within(most)

    @staticmethod
    def of_distinct(marks: npt.NDArray[np.uint64], most: int = MARKS_MAX) -> Marks:
        """These marks, ascending and each once."""
        return Marks(marks)._within(most)

    @staticmethod
    def joined(sets: Iterable[Marks], most: int = MARKS_MAX) -> Marks:
        """All of them as one set, thinned to the highest level among them, or further."""
        known = list(sets)
        level = max((one.level for one in known), default=0)
        parts = [one._thinned(level).marks for one in known]
        return Marks(_distinct(np.concatenate(parts)) if parts else _EMPTY, level)._within(most)

    def without(self, session: int) -> Marks:
        """All but those of a (hashed) session; the very same object where it has none."""
        others = (self.marks >> _CELL_BITS) != np.uint64(session)
        return self if others.all() else Marks(self.marks[others], self.level)

    def by_tile(self, layers: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
        """Distinct sessions on each of the `size` tiles, these layers put together."""
        tile, session = self._tiles(layers, size)
        pairs = _distinct((tile.astype(np.uint64) << _CELL_BITS) | session)
        return np.bincount((pairs >> _CELL_BITS).astype(np.int64), minlength=size).astype(np.int64) << self.level

    def enough(self, layers: npt.NDArray[Any], size: int, least: int) -> npt.NDArray[np.bool_]:
        """On which of the `size` tiles so many sessions were, by the sample alone where these are one. Below 2: on all."""
        if least < 2:
            return np.ones(size, np.bool_)
        return self.by_tile(layers, size) >> self.level >= least

    def within(self, layers: npt.NDArray[Any], size: int, wanted: npt.NDArray[np.bool_] | None = None) -> int:
        """Distinct sessions on any of the `wanted` tiles (a mask of `size`; None: all) of these layers."""
        tile, session = self._tiles(layers, size)
        if wanted is not None:
            session = session[wanted[tile]]
        return len(_distinct(session)) << self.level

    def _tiles(self, layers: npt.NDArray[Any], size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
        """Tile and session of the marks of some layers; a cell is ``layer x size + tile``."""
        cell = (self.marks & _CELL_MASK).astype(np.int64)
        layer, tile = np.divmod(cell, size)
        chosen = np.isin(layer, layers)
        return tile[chosen], (self.marks >> _CELL_BITS)[chosen]

    def _thinned(self, level: int) -> Marks:
        if level <= self.level:
            return self
        mask = np.uint64(((1 << level) - 1) << 32)
        return Marks(self.marks[(self.marks & mask) == 0], level)

    def _within(self, most: int) -> Marks:
        kept = self
        while len(kept.marks) > most and kept.level < 31:
            kept = kept._thinned(kept.level + 1)
        return kept


def _distinct(numbers: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Each once, ascending: numpy's own `unique` takes three times as long, for a table of what it has seen."""
    ordered = np.sort(numbers)
    fresh = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return ordered[fresh]

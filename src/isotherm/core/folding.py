"""Folding: the rows of many records by page and span of time, a group each; and what a group, or several together, come to.

Compiled (`loops/folding.c`) this is two looks at each sample, in columns of 4 bytes. Where there was no compiler, `rollup` and `crowd` do
the same with numpy (`rollup.Table`): some thirty passes over columns of 8 bytes, and sorts. A test holds the ways to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counts import Counts
from isotherm.core.layers import LAYERS
from isotherm.core.people import Visits, hashes_of

__all__ = ["Folded", "Told"]

Ints = npt.NDArray[np.int64]


class Told(NamedTuple):
    """Columns, one set's after the other's; a set's cells, and its marks, are ascending, each once."""

    cell: Ints
    counts: Ints
    mark: npt.NDArray[np.uint64]  #: as in `people`
    oldest: Ints  #: of each mark, the panes in which it occurs; empty where these are not wanted
    newest: Ints
    cell_ends: Ints  #: of each set
    mark_ends: Ints

    @property
    def cells(self) -> list[slice]:
        """Where each set's cells lie."""
        return _slices(self.cell_ends)

    @property
    def marks(self) -> list[slice]:
        return _slices(self.mark_ends)


class Folded:
    """The rows of all `counts`, or those of one page, in groups. There must be compiled loops.

    `span_ms` is how long a group's time is; 0: all is of one time. `with_panes`: when marks occur is wanted.
    """

    def __init__(
        self,
        counts: Sequence[Counts],
        *,
        tiles: int,
        hop_ms: int,
        span_ms: int,
        only_page: str | None = None,
        with_panes: bool = False,
    ) -> None:
        assert counting.compiled is not None
        self.places: dict[str, int] = {}  #: of each page that counts name
        self._folding: Any = counting.compiled.Folding(tiles, LAYERS, hop_ms, span_ms, with_panes)
        for one in counts:
            if only_page is None:
                self._add(one, [self.places.setdefault(key, len(self.places)) for key in one.pages])
            elif only_page in one.pages:
                self.places[only_page] = 0
                self._add(one, [0 if key == only_page else -1 for key in one.pages])
        page, number = (np.frombuffer(column, np.int64) for column in self._folding.groups())
        self._order = np.lexsort((number, page))
        self.page: Ints = page[self._order]  #: of each group, ascending: the place of its page
        self.number: Ints = number[self._order]  #: of each group: event time // span, ascending within a page
        lowest_pane = self._folding.lowest_pane()
        self.oldest_ms: int | None = lowest_pane * hop_ms if len(page) else None  #: event time of the oldest row

    def _add(self, one: Counts, places: list[int]) -> None:
        who = one.seen.who
        if isinstance(who, Visits):
            hashes, session, size = hashes_of(who.names), _whole(who.session), _whole(who.size)
        else:
            hashes, session, size = np.ascontiguousarray(who, np.uint32), None, None
        self._folding.add(
            np.array(places, np.int64), _whole(one.page), _whole(one.layer), _whole(one.pane),
            np.ascontiguousarray(one.tile, np.int32), np.ascontiguousarray(one.count, np.int32), _whole(one.seen.row),
            hashes, session, size,
        )  # fmt: skip

    def tell(self, sets: Sequence[Sequence[int]]) -> Told:
        """What these sets of groups hold, each as one; a group is its place in `page` and `number`."""
        ends = np.cumsum([len(groups) for groups in sets], dtype=np.int64)
        groups = self._order[np.array([group for groups in sets for group in groups], np.intp)]
        cell, count, mark, *rest = self._folding.tell(ends, _whole(groups))
        whole = (np.frombuffer(column, np.int64) for column in rest)
        return Told(np.frombuffer(cell, np.int64), np.frombuffer(count, np.int64), np.frombuffer(mark, np.uint64), *whole)


def _whole(column: npt.NDArray[Any]) -> Ints:
    return np.ascontiguousarray(column, np.int64)


def _slices(ends: Ints) -> list[slice]:
    return [slice(start, end) for start, end in pairwise([0, *ends.tolist()])]

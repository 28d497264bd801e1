"""Counts: what Group By hands to the aggregator. How many samples fell on each tile of each page, a pane and layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from isotherm.core.people import Documents, Sightings
from isotherm.core.samples import Numbered
from isotherm.core.views import Stretch

__all__ = ["Counts", "CountsToRead", "SpotCounts", "StretchCounts", "ZoneCounts", "read"]


@dataclass(slots=True, frozen=True)
class ZoneCounts:
    """Columns of equal length, rows of (page, zone, pane, kind, person) in the order of their samples, perhaps several the same."""

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


@dataclass(slots=True, frozen=True)
class StretchCounts:
    """Columns of equal length, dtype int64, a row a stretch: who had which bands of a page in view, from when to when (`core/views.py`)."""

    page: npt.NDArray[np.int64]  #: place in the counts' `pages`
    person: npt.NDArray[np.int64]  #: the hashed session
    device: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]  #: first band
    bottom: npt.NDArray[np.int64]  #: band behind the last
    start_ms: npt.NDArray[np.int64]
    end_ms: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.page)

    @staticmethod
    def of(stretches: Sequence[Stretch], place: Mapping[str, int]) -> StretchCounts:
        """`place`: of each page key."""
        rows: npt.NDArray[np.int64] = np.array([(place[page], *rest) for page, *rest in stretches], np.int64).reshape(-1, 7)
        return StretchCounts(*np.ascontiguousarray(rows.T))

    def columns(self) -> tuple[npt.NDArray[np.int64], ...]:
        """All but the page."""
        return self.person, self.device, self.top, self.bottom, self.start_ms, self.end_ms

    def of_rows(self, rows: npt.NDArray[Any], page: npt.NDArray[Any]) -> StretchCounts:
        return StretchCounts(page, *(column[rows] for column in self.columns()))

    def only(self, wanted: Sequence[bool]) -> StretchCounts:
        """Without the rows of the pages that are not `wanted`; places are those in the shorter list."""
        place = np.cumsum(wanted) - 1
        rows = np.flatnonzero(np.array(wanted, np.bool_)[self.page])
        return self.of_rows(rows, place[self.page[rows]])


@dataclass(slots=True, frozen=True)
class SpotCounts:
    """One page's rows of one record, one a sample: on which element it lay, and where. Columns of equal length, dtype int64."""

    names: Sequence[str]
    layer: npt.NDArray[np.int64]
    element: npt.NDArray[np.int64]  #: place in `names`
    pane: npt.NDArray[np.int64]
    near: npt.NDArray[np.int64]  #: where in the document: row by row, `spots.NEAR_COLUMNS` a row
    cell: npt.NDArray[np.int64]  #: where in the element's box: row by row, `spots.SIDE` a row


@dataclass(slots=True)  # frozen, to make one would take a microsecond more: as much as ten samples
class Counts:
    """Columns of equal length, rows of (page, layer, pane, tile) in any order, perhaps several the same; and lists with one element a page.

    Nobody changes them.
    """

    pages: list[str]  #: page keys
    origins: list[str | None]  #: where a browser said that it sent from
    visitors: list[int]  #: sessions active on each page, as this source knows them
    newest_ms: list[int]  #: newest event time; 0: no samples
    page: npt.NDArray[Any]  #: place in `pages`
    layer: npt.NDArray[Any]
    pane: npt.NDArray[np.int64]  #: event time in ms // hop in ms
    tile: npt.NDArray[np.int32]
    count: npt.NDArray[np.int32]
    seen: Sightings = field(default_factory=Sightings)  #: who is behind the rows; empty: nobody asks
    documents: Documents | None = None  #: how large they were; what is left of some pages only does not tell
    zones: ZoneCounts | None = None  #: None: no sample had an anchor
    stretches: StretchCounts | None = None  #: None: nothing is told of what was in view
    spots: Mapping[str, SpotCounts] = field(default_factory=dict)  #: of the pages whose spots somebody asks for, by page key
    numbered: Numbered | None = None  #: the pages' numbers (`page_numbers`); None: they have none

    @property
    def rows(self) -> int:
        return len(self.count)

    @property
    def people(self) -> int:
        """Rows of people."""
        return len(self.seen)

    @property
    def stretched(self) -> int:
        """Rows of what was in view."""
        return len(self.stretches) if self.stretches is not None else 0

    @property
    def newest_pane(self) -> int:
        return int(self.pane.max())

    def only(self, wanted: Sequence[bool]) -> Counts:
        """Without the rows, and the visitors, of the pages that are not `wanted`; the lists of pages get shorter."""
        place = np.cumsum(wanted) - 1
        of_wanted = np.array(wanted, np.bool_)[self.page]
        rows = np.flatnonzero(of_wanted)
        kept = [at for at, want in enumerate(wanted) if want]
        return replace(
            self,
            pages=[self.pages[at] for at in kept],
            origins=[self.origins[at] for at in kept],
            visitors=[self.visitors[at] for at in kept],
            newest_ms=[self.newest_ms[at] for at in kept],
            page=place[self.page[rows]],
            layer=self.layer[rows],
            pane=self.pane[rows],
            tile=self.tile[rows],
            count=self.count[rows],
            seen=self.seen.only(of_wanted),
            documents=None,
            zones=self.zones.only(wanted) if self.zones is not None else None,
            stretches=self.stretches.only(wanted) if self.stretches is not None else None,
            spots={self.pages[at]: self.spots[self.pages[at]] for at in kept if self.pages[at] in self.spots} if self.spots else {},
            numbered=None,
        )


class CountsToRead(Protocol):
    """Counts that are kept in few bytes, and unpacked by whoever looks at them."""

    @property
    def rows(self) -> int: ...
    @property
    def people(self) -> int:
        """Rows of people: the length of `Counts.seen`."""
        ...

    @property
    def stretched(self) -> int:
        """Rows of what was in view."""
        ...

    @property
    def newest_pane(self) -> int:
        """Of the rows, if there are any."""

    def read(self) -> Counts:
        """Anew each time."""


def read(counts: Counts | CountsToRead) -> Counts:
    """What was kept so, or was there all the while."""
    return counts if isinstance(counts, Counts) else counts.read()

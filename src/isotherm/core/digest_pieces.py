"""Pieces of a digest (`digest`): the counts of any records in it that follow each other, as if they had been one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from isotherm.core.counts import Counts, StretchCounts, ZoneCounts
from isotherm.core.digest_bytes import NOBODY, STRETCH, Column, Head, Packed
from isotherm.core.layers import PLAIN_LAYERS
from isotherm.core.people import Documents, Sightings
from isotherm.core.rage import BURST_SEQ

__all__ = ["Piece", "Reader", "ends_of"]


@dataclass(slots=True, frozen=True)
class Piece:
    """One record or several, counted: `counts.CountsToRead`."""

    offset: int  #: of the last
    taken_ms: int  #: of the first
    arrived_ms: int  #: of the last
    _reader: Reader
    _first: int
    _end: int

    def read(self) -> Counts:
        """All of it."""
        return self._reader.counts(self._first, self._end, people=True)

    def without_people(self) -> Counts:
        """The same, but for who is behind the rows: these are as many as samples, and heat needs none of them."""
        return self._reader.counts(self._first, self._end, people=False)

    @property
    def rows(self) -> int:
        return self._reader.length("rows", self._first, self._end)

    @property
    def people(self) -> int:
        return self._reader.length("samples", self._first, self._end)

    @property
    def stretched(self) -> int:
        return self._reader.length("stretches", self._first, self._end)

    @property
    def newest_pane(self) -> int:
        return self._reader.newest_pane(self._first, self._end)

    def faded(self, counts: Counts, span_ms: float) -> Column:
        """Samples of plain kinds on each page of these, its counts, each record's as much less as it arrived before the last: of one that
        arrived `span_ms` before, a part of e. float64."""
        return self._reader.faded(counts, self._first, self._end, span_ms)


class Reader:
    """Counts of any records of a digest that follow each other."""

    def __init__(self, head: Head, columns: Mapping[str, Packed]) -> None:
        self._head, self._columns = head, columns
        self._ends = {what: ends_of(columns, what) for what in ("pages", "runs", "rows", "samples", "zone_rows", "stretches")}
        self._people = columns["session.hash"].wide(dtype=np.uint32) if head.people else None

    def counts(self, first: int, end: int, *, people: bool) -> Counts:
        """Of records `first` to (not including) `end`."""
        head = self._head
        place = self._of("page.place", "pages", first, end)
        used, local = np.unique(place, return_inverse=True)
        entry = self._starts("pages", first, end)  # of each record: its first page's place among those of the piece

        def pages_of(what: str, column: str) -> Column:
            """A column of places in its record's pages, as places in the piece's."""
            sizes = np.diff(self._ends[what][first : end + 1])
            pages: Column = local[self._of(column, what, first, end) + np.repeat(entry, sizes)]
            return pages

        origins: list[str | None] = [None] * len(used)
        newest, visitors = np.zeros(len(used), np.int64), np.zeros(len(used), np.int64)
        np.maximum.at(newest, local, self._of("page.newest", "pages", first, end))
        visitors[local] = self._of("page.visitors", "pages", first, end)  # of several, the last
        origin = self._of("page.origin", "pages", first, end)
        for at in np.flatnonzero(origin != NOBODY).tolist():
            origins[local[at]] = head.origins[origin[at]]
        return Counts(
            pages=[head.pages[at] for at in used.tolist()],
            origins=origins,
            visitors=visitors.tolist(),
            newest_ms=newest.tolist(),
            page=pages_of("rows", "row.page"),
            layer=self._of("row.layer", "rows", first, end),
            pane=self._of("row.pane", "rows", first, end),
            tile=self._of("row.tile", "rows", first, end, np.int32),
            count=self._of("row.count", "rows", first, end, np.int32),
            seen=self._seen(first, end) if people else Sightings(),
            documents=self._documents(first, end, used) if people else None,
            zones=self._zones(first, end, pages_of),
            stretches=self._stretches(first, end, pages_of),
        )

    def faded(self, counts: Counts, first: int, end: int, span_ms: float) -> Column:
        arrived = self._columns["record.arrived"].wide(first, end)
        weight = np.repeat(np.exp(np.minimum(arrived - arrived[-1], 0) / span_ms), np.diff(self._ends["rows"][first : end + 1]))
        weight *= counts.count
        weight[counts.layer >= PLAIN_LAYERS] = 0
        samples: Column = np.bincount(counts.page, weights=weight, minlength=len(counts.pages))
        return samples

    def length(self, what: str, first: int, end: int) -> int:
        """Rows of it."""
        return self._ends[what][end] - self._ends[what][first]

    def newest_pane(self, first: int, end: int) -> int:
        pane = self._columns["row.pane"]
        return int(pane.values[self._ends["rows"][first] : self._ends["rows"][end]].max()) + pane.base

    def _seen(self, first: int, end: int) -> Sightings:
        if self._people is None:
            return Sightings()
        row = self._of("sample.row", "samples", first, end)
        sizes = np.diff(self._ends["samples"][first : end + 1])
        row += np.where(row < 0, 0, np.repeat(self._starts("rows", first, end), sizes))
        session, size = self._of("run.session", "runs", first, end), self._of("run.size", "runs", first, end)
        told = np.repeat(sizes > 0, np.diff(self._ends["runs"][first : end + 1]))  # a record without samples tells of nobody
        return Sightings(row, np.repeat(self._people[session[told]], size[told]))

    def _documents(self, first: int, end: int, used: Column) -> Documents | None:
        if self._people is None:
            return None
        page = np.searchsorted(used, self._of("run.page", "runs", first, end))
        own = self._of("run.seq", "runs", first, end) != BURST_SEQ  # a burst's clicks may be older than the document now is
        width, height = (self._of(f"run.{name}", "runs", first, end, np.float64) for name in ("width", "height"))
        return Documents(page[own], width[own], height[own])

    def _zones(self, first: int, end: int, pages_of: Callable[[str, str], Column]) -> ZoneCounts | None:
        if self._ends["zone_rows"][first] == self._ends["zone_rows"][end]:
            return None
        zone, pane, kind = (self._of(f"zone.{name}", "zone_rows", first, end) for name in ("zone", "pane", "kind"))
        person, count = self._of("zone.person", "zone_rows", first, end, np.uint32), self._of("zone.count", "zone_rows", first, end)
        return ZoneCounts(self._head.zones, pages_of("zone_rows", "zone.page"), zone, pane, kind, person, count)

    def _stretches(self, first: int, end: int, pages_of: Callable[[str, str], Column]) -> StretchCounts | None:
        if not self.length("stretches", first, end):
            return None
        rest = (self._of(f"stretch.{name}", "stretches", first, end) for name in STRETCH[1:])
        return StretchCounts(pages_of("stretches", "stretch.page"), *rest)

    def _of(self, column: str, what: str, first: int, end: int, dtype: type[np.generic] = np.int64) -> Column:
        ends = self._ends[what]
        return self._columns[column].wide(ends[first], ends[end], dtype)

    def _starts(self, what: str, first: int, end: int) -> npt.NDArray[np.int64]:
        starts: npt.NDArray[np.int64] = np.array(self._ends[what][first:end], np.int64)
        starts -= self._ends[what][first]
        return starts


def ends_of(columns: Mapping[str, Packed], what: str) -> list[int]:
    """Where each record's part of these columns ends, after a 0."""
    return [0, *np.cumsum(columns[f"record.{what}"].wide()).tolist()]

"""Rollup: panes of counts become buckets of minutes, hours and days.

Panes add up, so counts go into all three tiers at once: each tier is whole by itself, a late sample is right in all of them, and no tier
waits for another. What is fed is gathered until it is taken; to gather costs nothing, to fold O(n log n), and that may be done elsewhere.

A pane belongs to the minute in which it begins. Where the hop divides a minute, that is the minute of all its samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.counts import Counts, CountsToRead, read
from isotherm.core.folding import Folded
from isotherm.core.layers import PLAIN_LAYERS
from isotherm.core.people import MARKS_MAX, Marks
from isotherm.core.tiers import TIERS_MS, Floors

__all__ = ["Bucket", "Contents", "Gathered", "Rollup", "Table", "fold", "groups", "sizes"]

Cells = npt.NDArray[np.int64]
_CELLS_A_ROW: Final = 8
_GROUPS_MAX: Final = 1 << 16


@dataclass(slots=True, frozen=True)
class Contents:
    """What a bucket, or several together, holds: cells (``layer x tiles + tile``) that are not zero, ascending; counts; who was there."""

    cells: Cells = field(default_factory=lambda: np.zeros(0, np.int64))
    counts: Cells = field(default_factory=lambda: np.zeros(0, np.int64))
    marks: Marks = field(default_factory=Marks)

    @staticmethod
    def added(parts: Sequence[Contents], marks_max: int = MARKS_MAX) -> Contents:
        """All of them together."""
        if len(parts) < 2:
            return parts[0] if parts else Contents()
        cells, counts = _added(np.concatenate([part.cells for part in parts]), np.concatenate([part.counts for part in parts]))
        return Contents(cells, counts, Marks.joined((part.marks for part in parts), marks_max))

    def samples(self, tiles: int) -> int:
        """Moves and clicks, of a grid of `tiles` tiles in all."""
        return int(self.counts[self.cells < PLAIN_LAYERS * tiles].sum())

    def by_tile(self, layers: npt.NDArray[Any], tiles: int) -> Cells:
        """Counts of each of the `tiles` tiles, these layers put together."""
        layer, tile = np.divmod(self.cells, tiles)
        chosen = np.isin(layer, layers)
        return np.bincount(tile[chosen], weights=self.counts[chosen], minlength=tiles).astype(np.int64)


class Bucket(NamedTuple):
    """What is to be added to a page's bucket of a tier."""

    page: str
    tier: int
    number: int  #: event time // the tier's span
    contents: Contents


class Gathered(NamedTuple):
    """What was fed since the last `take`."""

    counts: list[Counts | CountsToRead]
    offsets: dict[str, int]  #: source -> the newest record of it that is in here
    rows: int
    oldest_ms: int | None  #: when the oldest record in here was taken

    def read(self) -> list[Counts]:
        """All of it unpacked, as it should be held for no longer than it takes to store it."""
        return list(map(read, self.counts))


def sizes(counts: Iterable[Counts]) -> dict[str, tuple[float, float]]:
    """The newest document size of each page that told one."""
    told = [(one.pages, one.documents.sizes()) for one in counts if one.documents is not None]
    return {pages[place]: size for pages, of_places in told for place, size in of_places.items()}


class Rollup:
    """Feed `add`; `take` once in a while, and keep what was taken until it is stored: if it can't be, `put_back`."""

    def __init__(self) -> None:
        self._gathered = Gathered([], {}, 0, None)

    @property
    def rows(self) -> int:
        """Rows that wait: some 40 bytes each, those of people 12."""
        return self._gathered.rows

    @property
    def oldest_ms(self) -> int | None:
        return self._gathered.oldest_ms

    @property
    def counts(self) -> list[Counts | CountsToRead]:
        """What waits, as it is now."""
        return list(self._gathered.counts)

    def add(self, counts: Counts | CountsToRead, source: str, offset: int, taken_ms: int) -> None:
        """Takes the counts of one record of a source, in the order of its offsets."""
        before = self._gathered
        before.offsets[source] = offset
        rows = before.rows
        if counts.rows or counts.stretched:
            before.counts.append(counts)
            rows += counts.rows + counts.people + counts.stretched
        self._gathered = before._replace(rows=rows, oldest_ms=_least(before.oldest_ms, taken_ms))

    def take(self) -> Gathered:
        taken, self._gathered = self._gathered, Gathered([], {}, 0, None)
        return taken

    def put_back(self, taken: Gathered) -> None:
        """It was not stored."""
        now = self._gathered
        oldest_ms = now.oldest_ms if taken.oldest_ms is None else _least(now.oldest_ms, taken.oldest_ms)
        self._gathered = Gathered(taken.counts + now.counts, taken.offsets | now.offsets, taken.rows + now.rows, oldest_ms)


@dataclass(slots=True, frozen=True)
class Table:
    """Many counts as one: columns of counts, and of people beside them (`who` is the hashed session)."""

    pages: list[str]
    page: Cells
    pane: Cells
    cell: Cells
    count: Cells
    seen_page: Cells
    seen_pane: Cells
    seen_cell: Cells
    who: npt.NDArray[np.uint32]

    @staticmethod
    def of(counts: Sequence[Counts], tiles: int, only_page: str | None = None) -> Table:
        """All of them; or the rows of one page, which then is the only one in `pages`."""
        if only_page is not None:
            counts = [one.only([page == only_page for page in one.pages]) for one in counts if only_page in one.pages]
        places: dict[str, int] = {}
        pages, seen_rows, sessions, rows = [], [], [], 0
        for one in counts:
            place = np.array([places.setdefault(key, len(places)) for key in one.pages], np.int64)
            pages.append(place[one.page])
            counted = one.seen.row >= 0
            seen_rows.append(one.seen.row[counted] + rows)
            sessions.append(one.seen.session[counted])
            rows += len(one.count)
        page, seen = _joined(pages), _joined(seen_rows)
        pane = _joined([one.pane for one in counts])
        cell = _joined([one.layer * tiles + one.tile for one in counts])
        who = np.concatenate(sessions) if sessions else np.zeros(0, np.uint32)
        return Table(list(places), page, pane, cell, _joined([one.count for one in counts]), page[seen], pane[seen], cell[seen], who)


def fold(
    counts: Sequence[Counts], *, hop_ms: int, tiles: int, floors: Floors, only_page: str | None = None, marks_max: int = MARKS_MAX
) -> tuple[list[Bucket], int]:
    """The buckets of all tiers that get something, above the floors; and how many samples are older than all floors."""
    if counting.compiled is not None:
        folded = Folded(counts, tiles=tiles, hop_ms=hop_ms, span_ms=TIERS_MS[0], only_page=only_page)
        if folded.oldest_ms is None or folded.oldest_ms >= max(floors.by_tier):  # as nearly always: all of it goes into all tiers
            return _of_groups(folded, marks_max), 0
    return _fold_with_numpy(counts, hop_ms, tiles, floors, only_page, marks_max)


def _of_groups(folded: Folded, marks_max: int) -> list[Bucket]:
    """Groups are those of the finest tier. A bucket is several of them, and mostly one: then it is what that came to in the finer tier."""
    pages, places = list(folded.places), list(zip(folded.page.tolist(), folded.number.tolist(), strict=True))
    sets: dict[tuple[int, ...], int] = {}
    buckets: list[tuple[int, int, int, int]] = []
    for tier, span_ms in enumerate(TIERS_MS):
        groups: dict[tuple[int, int], list[int]] = {}
        for at, (page, number) in enumerate(places):
            groups.setdefault((page, number * TIERS_MS[0] // span_ms), []).append(at)
        buckets += [(page, tier, number, sets.setdefault(tuple(several), len(sets))) for (page, number), several in groups.items()]
    told = folded.tell(list(sets))
    contents = [
        Contents(told.cell[cells], told.counts[cells], Marks.of_distinct(told.mark[marks], marks_max))
        for cells, marks in zip(told.cells, told.marks, strict=True)
    ]
    return [Bucket(pages[page], tier, number, contents[at]) for page, tier, number, at in buckets]


def _fold_with_numpy(
    counts: Sequence[Counts], hop_ms: int, tiles: int, floors: Floors, only_page: str | None, marks_max: int
) -> tuple[list[Bucket], int]:
    table = Table.of(counts, tiles, only_page)
    if not len(table.count):
        return [], 0
    time_ms, seen_ms = table.pane * hop_ms, table.seen_pane * hop_ms
    if time_ms.min() >= max(floors.by_tier):
        return _in_all_tiers(table, time_ms, seen_ms, marks_max), 0
    buckets: list[Bucket] = []
    for tier, (span_ms, floor_ms) in enumerate(zip(TIERS_MS, floors.by_tier, strict=True)):
        kept, kept_seen = np.flatnonzero(time_ms >= floor_ms), np.flatnonzero(seen_ms >= floor_ms)
        who, seen_cell = table.who[kept_seen], table.seen_cell[kept_seen]
        cell, count = table.cell[kept], table.count[kept]
        marks = {
            at: Marks.of(who[rows], seen_cell[rows], marks_max)
            for at, rows in groups(table.seen_page[kept_seen], seen_ms[kept_seen] // span_ms)
        }
        for at, rows in groups(table.page[kept], time_ms[kept] // span_ms):
            buckets.append(Bucket(table.pages[at[0]], tier, at[1], Contents(*_added(cell[rows], count[rows]), marks.get(at, Marks()))))
    return buckets, int(table.count[time_ms < min(floors.by_tier)].sum())


def _in_all_tiers(table: Table, time_ms: Cells, seen_ms: Cells, marks_max: int) -> list[Bucket]:
    """Rows are sorted into the finest tier alone; each further one adds up what the one before came to, mostly one bucket or two."""
    finest = TIERS_MS[0]
    marks = {at: Marks.of(table.who[rows], table.seen_cell[rows], marks_max) for at, rows in groups(table.seen_page, seen_ms // finest)}
    found = {
        at: Contents(*_added(table.cell[rows], table.count[rows]), marks.get(at, Marks()))
        for at, rows in groups(table.page, time_ms // finest)
    }
    buckets: list[Bucket] = []
    for tier, span_ms in enumerate(TIERS_MS):
        if tier:
            parts: dict[tuple[int, int], list[Contents]] = {}
            for (page, number), contents in found.items():
                parts.setdefault((page, number * TIERS_MS[tier - 1] // span_ms), []).append(contents)
            found = {at: Contents.added(several, marks_max) for at, several in parts.items()}
        buckets += [Bucket(table.pages[page], tier, number, contents) for (page, number), contents in found.items()]
    return buckets


def groups(page: Cells, number: Cells) -> Iterator[tuple[tuple[int, int], Cells]]:
    """The rows of each (page, bucket's number), in ascending order; those of one as they came."""
    if not len(page):
        return
    lowest = int(number.min())
    spans = int(number.max()) - lowest + 1
    group, most = page * spans + (number - lowest), (int(page.max()) + 1) * spans
    if most > _GROUPS_MAX:  # samples of wild clocks: most groups that there could be are empty
        present, group = np.unique(group, return_inverse=True)
    else:
        present = np.arange(most)
    sizes = np.bincount(group, minlength=len(present))
    order = np.argsort(group.astype(np.uint16) if len(present) <= _GROUPS_MAX else group, kind="stable")  # 16 bits take two passes
    used = np.flatnonzero(sizes)
    places = (present[used] // spans).tolist(), (present[used] % spans + lowest).tolist()
    yield from zip(zip(*places, strict=True), np.split(order, np.cumsum(sizes[used])[:-1]), strict=True)


def _added(cells: Cells, counts: Cells) -> tuple[Cells, Cells]:
    """Counts of like cells added, cells ascending; all are above 0."""
    if len(cells) and int(cells.max()) < _CELLS_A_ROW * len(cells):  # few enough that to look at each is quicker than to sort
        totals = np.bincount(cells, weights=counts)
        which = np.flatnonzero(totals)
        return which, totals[which].astype(np.int64)
    which, inverse = np.unique(cells, return_inverse=True)
    return which, np.bincount(inverse, weights=counts, minlength=len(which)).astype(np.int64)


def _joined(columns: Sequence[npt.NDArray[Any]]) -> Cells:
    return np.concatenate(columns).astype(np.int64, copy=False) if columns else np.zeros(0, np.int64)


def _least(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)

"""The keeper: takes counts as they are counted, stores them at each minute's end, and answers for any range.

To take counts is to put a reference into a list. All else is done by one thread of its own, in turn: to store what waits, to let go what is
old, to read. So a question is answered from what is stored and what still waits, each sample once:

    add ──> waiting ──(a minute's end, or many rows)──> taken ──fold──> store: buckets and the newest offset, one transaction
               └──────────────────────────────┬───────────┴───────────────┘
                                            range

What can't be stored waits on, up to a bound; then the newest is left out, and counted. It is still read from the log by a start that comes
before anything could be stored again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from isotherm.allocator import give_back
from isotherm.core.counts import Counts, CountsToRead, read
from isotherm.core.crowd import Crowd
from isotherm.core.exposure import Exposed
from isotherm.core.exposure_rollup import exposed_in, fold_exposure
from isotherm.core.people import Marks
from isotherm.core.rollup import Bucket, Contents, Gathered, Rollup, fold, sizes
from isotherm.core.tiers import MINUTE_MS, TIERS_MS, Floors, Run, begin_ms, cover, widen
from isotherm.core.zone_rollup import fold_zones
from isotherm.history.store import HistoryError, PageSize, Reader, Retention, Store, StoredZones
from isotherm.history.zones import PastZones, past_zones

if TYPE_CHECKING:
    from isotherm.history.postgres import PostgresReader

__all__ = ["PAGES_MAX", "STEPS_MAX", "History", "PagePast", "PagesPast", "Past", "Step"]

STEPS_MAX: Final = 400  #: of one answer; a day in steps of five minutes has 288
PAGES_MAX: Final = 200  #: of one answer: each page's people have to be put together from all its buckets
_SETTLE_MS: Final = 2_000  #: trackers gather for some seconds: what comes so late still goes with its minute
_ROWS_MAX: Final = 500_000  #: that wait before they are stored ahead of time: some 20 MB
_ROWS_LOST: Final = 10 * _ROWS_MAX  #: beyond it nothing more is taken
_TRIM_EVERY_MS: Final = 10 * MINUTE_MS
_MARKS_READ_MAX: Final = 1 << 20  #: of one answer: what was stored is not thinned further
_SOURCE: Final = "log"
_NONE: Final = np.zeros(0, np.int64)

_T = TypeVar("_T")


@dataclass(slots=True, frozen=True)
class Past:
    """What a range holds."""

    start_ms: int
    end_ms: int
    contents: Contents
    size: PageSize | None  #: newest size of the document


class PagePast(NamedTuple):
    """One page in a range."""

    key: str
    samples: int  #: moves and clicks
    contents: Contents


class PagesPast(NamedTuple, Generic[_T]):
    """What was told of the pages of a range, those with most samples first, as many as were asked for."""

    start_ms: int
    end_ms: int
    known: int  #: how many there are in all
    pages: list[_T]


class Step(NamedTuple):
    """One of several equal parts of a range: its end, the tiles that are not zero, and their counts."""

    end_ms: int
    tiles: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


class History:
    """`open`, then `add` each record's counts, `tend` about once a second, `range` and `steps` at any time, `close` at the end."""

    def __init__(self, path: Path, *, grid_size: int, hop_ms: int, window_ms: int, retention: Retention) -> None:
        self.retention = retention
        self.why_failed: str | None = None  #: set: what waits can't be stored
        self.too_old = 0  #: samples older than all that is kept
        self.lost = 0  #: samples left out because nothing could be stored for long
        self._path = path
        self._grid = grid_size
        self._tiles = grid_size * grid_size
        self._hop_ms = hop_ms
        self._crowd = Crowd(tiles=self._tiles, hop_ms=hop_ms, window_ms=window_ms)
        self._slots = max(1, window_ms // self._crowd.slot_ms)
        self._next_offset = 0
        self._waiting = Rollup()
        self._taken: Gathered | None = None  # on its way into the store
        self._moving = Lock()  # held while something goes from one to the other, or is looked at in both
        self._flushing = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "history")
        self._store: Store | None = None
        self._reader: Reader | PostgresReader | None = None
        self._floors = Floors()
        self._stored_minute = 0
        self._trimmed_ms = 0
        self._roomy = False  # much was let go since memory was given back

    # -- life

    def open(self) -> None:
        """Opens what is stored, or begins. Blocks; raises `HistoryError`."""
        self._store = Store(self._path, self._grid)
        self._reader = Reader(self._path, self._grid)
        self._floors = self._store.floors()

    def next_offset(self, newest: int) -> int:
        """Records of the log from this one on are not in the history; `newest` is the log's newest. Blocks; raises `HistoryError`."""
        assert self._store is not None
        offset = self._store.next_offset(_SOURCE)
        if offset > newest + 1:  # the log began anew
            self._store.forget_source(_SOURCE)
            offset = 0
        self._next_offset = offset
        return offset

    async def close(self) -> None:
        """Stores what waits, if it can be."""
        if self._store is not None and self._reader is not None:
            await self._flush()
            self._reader.close()
            self._store.close()
        self._thread.shutdown()

    # -- what comes in

    def add(self, counts: Counts | CountsToRead, offset: int, taken_ms: int) -> None:
        """Takes the counts of one record of the log; one that is in the history already only tells who is here."""
        self._crowd.add(counts, taken_ms)
        if offset < self._next_offset:
            return
        if self._waiting.rows > _ROWS_LOST:
            self.lost += int(read(counts).count.sum())
            return
        self._waiting.add(counts, _SOURCE, offset, taken_ms)

    @property
    def slot_ms(self) -> int:
        """Records that were taken within a span of this length, counted from the epoch, may be added as one."""
        return self._crowd.slot_ms

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest record was taken that is not stored yet: the log keeps it."""
        taken = self._taken
        return taken.oldest_ms if taken is not None else self._waiting.oldest_ms

    async def tend(self, now_ms: int) -> None:
        """Stores what waits once a minute has ended, and lets go what is too old; failures are in `why_failed`."""
        minute = (now_ms - _SETTLE_MS) // MINUTE_MS
        if (minute != self._stored_minute and self._waiting.oldest_ms is not None) or self._waiting.rows > _ROWS_MAX:
            self._stored_minute = minute
            await self._flush()
            self._roomy = True
        if await self._do(self._crowd.settle) or self._roomy:
            self._roomy = False
            await self._do(give_back)
        if not 0 <= now_ms - self._trimmed_ms < _TRIM_EVERY_MS:
            self._trimmed_ms = now_ms
            await self._do(lambda: self._trim(now_ms))

    async def _flush(self) -> None:
        async with self._flushing:
            await self._do(lambda: None)  # a flush whose caller was cancelled may be under way
            self._put_back()
            with self._moving:
                self._taken = self._waiting.take()
            await self._do(self._store_taken)
            self._put_back()

    def _put_back(self) -> None:
        with self._moving:
            if self._taken is not None:
                self._waiting.put_back(self._taken)
                self._taken = None

    def _store_taken(self) -> None:
        taken = self._taken
        assert self._store is not None
        assert taken is not None
        try:
            counts = taken.read()
            buckets, too_old = self._fold(counts)
            zones = fold_zones(counts, hop_ms=self._hop_ms, floors=self._floors)
            exposure = fold_exposure(counts, bands=self._grid, floors=self._floors)
            self._store.add([*buckets, *zones, *exposure], sizes(counts), taken.offsets)
        except HistoryError as error:
            self.why_failed = str(error)
            return
        with self._moving:
            self._taken = None
        self.too_old += too_old
        self.why_failed = None

    def _fold(self, counts: list[Counts], page: str | None = None) -> tuple[list[Bucket], int]:
        return fold(counts, hop_ms=self._hop_ms, tiles=self._tiles, floors=self._floors, only_page=page)

    def _trim(self, now_ms: int) -> None:
        assert self._store is not None
        try:
            self._store.trim(self.retention.floors(now_ms), self.retention.bytes_max)
            self._floors = self._store.floors()
        except HistoryError as error:
            self.why_failed = str(error)

    # -- what is asked

    async def range(self, page: str, from_ms: int | None, to_ms: int) -> Past:
        """The smallest stored range that holds ``[from, to)``; without `from`, all there is before `to`. Raises `HistoryError`."""
        return await self._do(lambda: self._range(page, from_ms, to_ms))

    async def now(self, page: str, end_ms: int) -> Marks | None:
        """Who was on which cell in the window that ends then; None: nobody here knows. It waits for nothing that is stored, and holds
        however broken that is."""
        return await asyncio.to_thread(self.marks, page, end_ms)

    def marks(self, page: str, end_ms: int) -> Marks | None:
        """The same at once, for who can wait for nothing."""
        return self._crowd.marks(page, end_ms)

    async def size(self, page: str) -> PageSize | None:
        """The newest size of the document. Raises `HistoryError`."""
        return await self._do(lambda: self._size_of(page))

    async def recent(self, page: str, layers: npt.NDArray[Any], end_ms: int, *, people_min: int = 0) -> list[Step]:
        """The live window that ends then in its parts, some seconds each, by arrival; those that are empty too."""
        return await self._do(lambda: self._recent(page, layers, end_ms, people_min))

    def _recent(self, page: str, layers: npt.NDArray[Any], end_ms: int, people_min: int) -> list[Step]:
        slot_ms = self._crowd.slot_ms
        shown = self._crowd.marks(page, end_ms).enough(layers, self._tiles, people_min)
        last_ms = -(-end_ms // slot_ms) * slot_ms
        steps = {at_ms: Step(at_ms, _NONE, _NONE) for at_ms in range(last_ms - (self._slots - 1) * slot_ms, last_ms + 1, slot_ms)}
        for at_ms, cell, count in self._crowd.parts(page, end_ms):
            if at_ms not in steps:
                continue
            steps[at_ms] = _step(at_ms, Contents(cell, count).by_tile(layers, self._tiles) * shown)
        return list(steps.values())

    async def steps(
        self, page: str, layers: npt.NDArray[Any], from_ms: int, to_ms: int, step_ms: int, *, people_min: int = 0
    ) -> list[Step]:
        """The range in parts of `step_ms`, a whole number of minutes; those that are empty too. Raises `HistoryError`.

        Where the beginning is kept in coarser buckets only, the steps are as long as these.
        """
        return await self._do(lambda: self._steps(page, layers, from_ms, to_ms, step_ms, people_min))

    async def zones(self, page: str, from_ms: int | None, to_ms: int) -> PastZones:
        """The zones of the smallest stored range that holds ``[from, to)``; without `from`, of all before `to`. Raises `HistoryError`."""

        def work() -> PastZones:
            start_ms, end_ms = self._widened(page, from_ms, to_ms)
            return past_zones(lambda runs: self._zone_rows(page, runs), start_ms, end_ms, self._floors)

        return await self._do(work)

    async def exposure(self, page: str, from_ms: int | None, to_ms: int, devices: Sequence[int]) -> Exposed:
        """What was in view in the smallest stored range that holds ``[from, to)``; without `from`, in all before `to`.
        Raises `HistoryError`."""

        def work() -> Exposed:
            start_ms, end_ms = self._widened(page, from_ms, to_ms)
            contents = Contents.added(self._exposure_parts(page, cover(start_ms, end_ms)), _MARKS_READ_MAX)
            return exposed_in(contents, devices, bands=self._grid, start_ms=start_ms, end_ms=end_ms)

        return await self._do(work)

    def _exposure_parts(self, page: str, runs: list[Run]) -> list[Contents]:
        """Stored, and waiting."""
        assert self._reader is not None
        waiting = fold_exposure(self._unstored(), bands=self._grid, floors=self._floors, only_page=page)
        inside = [
            contents for _, tier, number, contents in waiting if any(run.tier == tier and run.first <= number < run.last for run in runs)
        ]
        return [*(row.contents for row in self._reader.exposure_rows(page, runs)), *inside]

    async def zone_minutes(self, page: str, from_ms: int, to_ms: int) -> list[StoredZones]:
        """The minutes of ``[from, to)`` that anything lay on a zone in, several of one minute perhaps, as far back as minutes are kept."""
        first, last = max(from_ms, self._floors.minutes_ms) // MINUTE_MS, -(-to_ms // MINUTE_MS)
        return await self._do(lambda: self._zone_rows(page, [Run(0, first, last)]) if first < last else [])

    async def zone_hours(self, page: str, hours: list[int]) -> list[StoredZones]:
        """The zones of these hours (numbers since the epoch), as far as they are kept."""
        return await self._do(lambda: self._zone_rows(page, [Run(1, number, number + 1) for number in hours]))

    @property
    def minutes_since_ms(self) -> int:
        """From when on there are minutes."""
        return self._floors.minutes_ms

    async def pages(
        self, from_ms: int, to_ms: int, wanted: Callable[[str], bool], most: int, tell: Callable[[PagePast], _T]
    ) -> PagesPast[_T]:
        """Of the smallest stored range that holds ``[from, to)``: what `tell` makes of `most` pages of those whose keys are `wanted`.

        It is called on another thread, a page after the other: their contents, of some megabytes each, are never there together.
        Raises `HistoryError`.
        """
        return await self._do(lambda: self._pages(from_ms, to_ms, wanted, most, tell))

    def _pages(self, from_ms: int, to_ms: int, wanted: Callable[[str], bool], most: int, tell: Callable[[PagePast], _T]) -> PagesPast[_T]:
        assert self._reader is not None
        start_ms, end_ms = widen(max(from_ms, min(self._floors.days_ms, to_ms - 1)), to_ms, self._floors)
        runs = cover(start_ms, end_ms)
        samples = self._reader.page_samples(runs)
        waiting: dict[str, list[Contents]] = {}
        for bucket in self._fold(self._unstored())[0]:
            if any(run.tier == bucket.tier and run.first <= bucket.number < run.last for run in runs):
                samples[bucket.page] = samples.get(bucket.page, 0) + bucket.contents.samples(self._tiles)
                waiting.setdefault(bucket.page, []).append(bucket.contents)
        known = [key for key, number in samples.items() if number and wanted(key)]
        reader = self._reader

        def whole(key: str) -> PagePast:
            parts = [row.contents for row in reader.rows(key, runs)] + waiting.get(key, [])
            return PagePast(key, samples[key], Contents.added(parts, _MARKS_READ_MAX))

        first = sorted(known, key=lambda key: (-samples[key], key))[:most]
        return PagesPast(start_ms, end_ms, len(known), [tell(whole(key)) for key in first])

    def _zone_rows(self, page: str, runs: list[Run]) -> list[StoredZones]:
        """Stored, and waiting."""
        assert self._reader is not None
        waiting = fold_zones(self._unstored(), hop_ms=self._hop_ms, floors=self._floors, only_page=page)
        inside = [
            StoredZones(tier, number, contents)
            for _, tier, number, contents in waiting
            if any(run.tier == tier and run.first <= number < run.last for run in runs)
        ]
        return [*self._reader.zone_rows(page, runs), *inside]

    async def first_ms(self, page: str) -> int | None:
        """When a page's history begins, stored or waiting; None: it has none. Raises `HistoryError`."""
        return await self._do(lambda: self._first_ms(page))

    def _first_ms(self, page: str) -> int | None:
        assert self._reader is not None
        oldest = self._reader.oldest(page)
        for bucket in self._waiting_buckets(page):
            oldest[bucket.tier] = min(bucket.number, oldest.get(bucket.tier, bucket.number))
        return begin_ms(oldest)

    def _range(self, page: str, from_ms: int | None, to_ms: int) -> Past:
        assert self._reader is not None
        start_ms, end_ms = self._widened(page, from_ms, to_ms)
        runs = cover(start_ms, end_ms)
        parts = [row.contents for row in self._reader.rows(page, runs)]
        parts += [
            bucket.contents
            for bucket in self._waiting_buckets(page)
            if any(run.tier == bucket.tier and run.first <= bucket.number < run.last for run in runs)
        ]
        return Past(start_ms, end_ms, Contents.added(parts, _MARKS_READ_MAX), self._size_of(page))

    def _widened(self, page: str, from_ms: int | None, to_ms: int) -> tuple[int, int]:
        if from_ms is None:
            first_ms = self._first_ms(page)
            from_ms = min(first_ms, to_ms - 1) if first_ms is not None else to_ms - 1
        return widen(max(from_ms, min(self._floors.days_ms, to_ms - 1)), to_ms, self._floors)

    def _steps(self, page: str, layers: npt.NDArray[Any], from_ms: int, to_ms: int, step_ms: int, people_min: int) -> list[Step]:
        assert self._reader is not None
        tier = max(tier for tier, span_ms in enumerate(TIERS_MS) if step_ms % span_ms == 0)
        tier = max(tier, next(at for at, floor_ms in enumerate((*self._floors.by_tier[:2], 0)) if from_ms >= floor_ms))
        span_ms = TIERS_MS[tier]
        step_ms = -(-step_ms // span_ms) * span_ms
        end_ms = -(-to_ms // step_ms) * step_ms
        number = min(STEPS_MAX, (end_ms - from_ms // step_ms * step_ms) // step_ms)
        start_ms = end_ms - number * step_ms
        run = Run(tier, start_ms // span_ms, end_ms // span_ms)
        parts: list[list[Contents]] = [[] for _ in range(number)]
        for row in self._reader.rows(page, [run]):
            parts[(row.number * span_ms - start_ms) // step_ms].append(row.contents)
        for bucket in self._waiting_buckets(page):
            if bucket.tier == tier and run.first <= bucket.number < run.last:
                parts[(bucket.number * span_ms - start_ms) // step_ms].append(bucket.contents)
        return [self._step(several, layers, start_ms + (at + 1) * step_ms, people_min) for at, several in enumerate(parts)]

    def _step(self, parts: list[Contents], layers: npt.NDArray[Any], end_ms: int, people_min: int) -> Step:
        counts = np.zeros(self._tiles, np.int64)
        for contents in parts:
            counts += contents.by_tile(layers, self._tiles)
        if people_min > 1:  # to join marks is most of the work
            marks = Marks.joined([contents.marks for contents in parts], _MARKS_READ_MAX)
            counts *= marks.enough(layers, self._tiles, people_min)
        return _step(end_ms, counts)

    def _waiting_buckets(self, page: str) -> list[Bucket]:
        return self._fold(self._unstored(), page)[0]

    def _unstored(self) -> list[Counts]:
        with self._moving:
            unstored = [*(self._taken.counts if self._taken is not None else ()), *self._waiting.counts]
        return list(map(read, unstored))

    def _size_of(self, page: str) -> PageSize | None:
        assert self._reader is not None
        for counts in reversed(self._unstored()):
            if page in counts.pages and counts.documents is not None:
                size = counts.documents.sizes().get(counts.pages.index(page))
                if size is not None:
                    return PageSize(*size)
        return self._reader.size_of(page)

    async def _do(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _step(end_ms: int, counts: npt.NDArray[np.int64]) -> Step:
    """`counts` of each tile."""
    tiles = np.flatnonzero(counts)
    return Step(end_ms, tiles, counts[tiles])

"""Digesting: what records came to is put beside the log every few seconds, and taken at a start instead of them.

    _count ──add──▶ waiting ──cut──▶ digest/… (its own thread)          usable, memory ──▶ a start

About once a minute what Group By remembers goes beside the digest that ends there (`Recollection`): a start meets no batches before it.
What is missing, damaged, or of another generation of the log is read from the records, so nothing depends on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from isotherm.core.counts import Counts
from isotherm.core.digest import Counted, Digest
from isotherm.core.digest_bytes import BEGIN_BYTES, DigestError, Setting, remembered_bytes
from isotherm.core.group_by import GroupBy, Grouped
from isotherm.core.limits import ARRIVED_TOGETHER_MS, REPEAT_MEMORY_MS
from isotherm.core.recollection import Recollection, RecollectionError
from isotherm.log import Digests, Log, LogError, Stored
from isotherm.runtimes.pipeline import PipelineSettings

__all__ = ["CUT_MS", "FORGOTTEN_MS", "RECOLLECT_MS", "Digesting"]

CUT_MS: Final = 5_000  #: of records in a digest: what is newer than the last one is read at a start, at a fifth of the speed
RECOLLECT_MS: Final = 60_000  #: batches of so much are met at a start, at some 200 ns each
FORGOTTEN_MS: Final = 2 * (REPEAT_MEMORY_MS + ARRIVED_TOGETHER_MS)  #: after an erasure, until what went is not remembered either
_ROWS_ENOUGH: Final = 500_000  #: for a digest, whatever time they took: some 20 MB wait then
_ROWS_MAX: Final = 4_000_000  #: that wait at most: a disk that hangs must not fill memory

logger = logging.getLogger(__name__)
_T = TypeVar("_T")


class Digesting:
    """`add` each record that was counted; `cut` about once a second and at the end, with the log's own thread."""

    def __init__(self, settings: PipelineSettings, log: Log, group_by: GroupBy, catch_up: Callable[[], object]) -> None:
        """`wanted` False: nothing is kept, and nothing taken. `catch_up` adds all that was appended to the log: then `group_by` has grouped
        what was added, and no more."""
        self.wanted = not settings.samples_a_tile_max  # the cap remembers samples, and these are not kept
        self._files = Digests(settings.data / "digest")
        self._setting = Setting(settings.grid_size, settings.hop_ms, settings.retention is not None)
        self._log = log
        self._group_by = group_by
        self._recollect_ms: int | None = None  # not before; None: at once
        self._may_name_erased = False
        self._catch_up = catch_up
        self._generation = log.generation
        self._waiting: list[Counted] = []
        self._first = 0
        self._rows = 0
        self._checksum = 0
        self._thread = ThreadPoolExecutor(1, "digest")
        self._cutting = asyncio.Lock()
        self._failed = False
        self._counting = False  # a record was begun and is not added yet

    # -- a start

    def usable(self, since_ms: int, wanted: Callable[[int, int], object]) -> Iterator[tuple[Stored, Digest]]:
        """In the order of the log, those that hold something since then; with what was counted where any of their records is `wanted`
        (see `Digest.pieces`). Raises `LogError`."""
        try:
            stored = self._files.stored() if self.wanted and self._generation else []
        except OSError as error:
            logger.warning("can't look for digests of the log: %s", error)
            return
        next_offset, told = 0, False
        for one in stored:
            if one.generation != self._generation or one.taken_ms < since_ms or one.first < next_offset:
                continue
            if self._log.checksum_of(one.last) != one.checksum:
                continue
            try:
                digest = self._read(one, wanted)
            except (OSError, DigestError) as error:
                if not told:  # what is wrong with one is often wrong with all
                    logger.warning("the digest of records %d to %d is left out, they are read: %s", one.first, one.last, error)
                told = True
                continue
            next_offset = one.last + 1
            yield one, digest

    def memory(self) -> tuple[int, Recollection] | None:
        """What was remembered after a record that ends a digest, its offset before; the newest there is. Raises `LogError`."""
        try:
            remembered = self._files.remembered() if self.wanted and self._generation else []
            for stored in remembered:
                if stored.generation == self._generation and self._log.checksum_of(stored.last) == stored.checksum:
                    try:
                        return stored.last, Recollection.from_bytes(self._files.read_memory(stored))
                    except RecollectionError as error:
                        logger.warning("what was remembered after record %d is left out, batches are met again: %s", stored.last, error)
        except OSError as error:
            logger.warning("can't look for digests of the log: %s", error)
        return None

    def read(self, stored: Stored) -> Digest:
        """Again, without what was counted. Raises `OSError`, `DigestError`."""
        return self._read(stored, lambda _offset, _taken_ms: None)

    def _read(self, stored: Stored, wanted: Callable[[int, int], object]) -> Digest:
        """Raises `OSError`, `DigestError`."""
        end = remembered_bytes(self._files.read(stored, 0, BEGIN_BYTES))
        digest = Digest.remembered(self._files.read(stored, 0, end), self._setting)
        if not stored.first <= digest.first_offset <= digest.last_offset == stored.last:
            raise DigestError("it is of other records")
        return digest.with_counted(self._files.read(stored, end)) if digest.has(wanted) else digest

    # -- while it runs

    def begin(self) -> None:
        """A record goes to Group By, and comes to `add` next. If counting it fails, it never does: what Group By remembers is ahead of all
        that was counted from then on, and a start that took it would hold that record for a repeat. So nothing more is cut."""
        self._counting = True

    def add(self, grouped: Grouped, counts: Counts, first: int, offset: int, taken_ms: int, checksum: int) -> None:
        """Takes records that were counted as one, from offset `first` on; `checksum` is the log's of the last, at `offset`."""
        self._counting = False
        if not self.wanted:
            return
        if self._rows > _ROWS_MAX:
            self._forget()
        if self._waiting and first != self._waiting[-1].offset + 1:
            self._forget()
        if not self._waiting:
            self._first = first
        self._waiting.append(Counted.of(grouped, counts, offset, taken_ms))
        self._rows += len(counts.page) + len(grouped.samples)
        self._checksum = checksum

    def due(self, now_ms: int) -> bool:
        return bool(self._waiting) and (self._rows > _ROWS_ENOUGH or not 0 <= now_ms - self._waiting[0].taken_ms < CUT_MS)

    async def cut(self, log_thread: ThreadPoolExecutor) -> None:
        """Writes what waits. What can't be written is left out; nothing is written once a record could not be counted (`begin`)."""
        async with self._cutting:
            self._catch_up()
            if self._counting:
                return
            waiting, first, checksum, views = self._waiting, self._first, self._checksum, self._group_by.views.snapshot()
            self._forget()
            if not waiting:
                return
            recollection = self._recollection(waiting[-1].taken_ms)
            try:
                if await self._renewed(log_thread):
                    return  # what waited may hold what was erased
                last = waiting[-1]
                stored = Stored(first, last.offset, last.taken_ms, self._generation, checksum)
                await _in(self._thread, lambda: self._files.write(stored, Digest.of(waiting, self._setting, views).to_bytes()))
                if recollection is not None:
                    await _in(self._thread, lambda: self._files.write_memory(stored, recollection.to_bytes()))
                if await self._renewed(log_thread):
                    await _in(self._thread, self._files.erase)
                self._failed = False
            except (OSError, LogError) as error:
                if not self._failed:
                    logger.warning("can't write a digest of the log, a start will take longer: %s", error)
                self._failed = True

    def _recollection(self, taken_ms: int) -> Recollection | None:
        """What is remembered now, where that was not asked for some time."""
        if self._may_name_erased:
            self._may_name_erased, self._recollect_ms = False, taken_ms + FORGOTTEN_MS
        if self._recollect_ms is not None and 0 < self._recollect_ms - taken_ms <= FORGOTTEN_MS:
            return None
        self._recollect_ms = taken_ms + RECOLLECT_MS
        return self._group_by.recollection()

    async def trim(self, before_ms: int) -> None:
        """Lets go what no start needs any more."""
        try:
            await _in(self._thread, lambda: self._files.trim(before_ms, self._generation))
        except OSError as error:
            logger.warning("can't remove old digests of the log: %s", error)

    def close(self) -> None:
        self._thread.shutdown()

    def _forget(self) -> None:
        self._waiting, self._rows = [], 0

    async def _renewed(self, log_thread: ThreadPoolExecutor) -> bool:
        """Whether something in the log was rewritten since last asked."""
        before, self._generation = self._generation, await _in(log_thread, lambda: self._log.generation)
        if self._generation == before:
            return False
        self._catch_up()
        self._forget()  # what came meanwhile, too
        self._may_name_erased = True
        return True


async def _in(thread: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)

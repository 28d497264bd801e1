"""Spots of the embedded runtime: counted from when somebody asks for a page, and brought back from the log for the window before.

    the first viewer asks ──▶ from the next record on, Group By tells spots of the page
                         └──▶ records up to there are read in a thread of its own, those that do not name the page passed over

Panes add up, so it does not matter that the older ones come last. Where nobody asks, nothing is kept and nothing read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from time import sleep
from typing import Final

import msgspec

from isotherm.core.counts import SpotCounts
from isotherm.core.group_by import GroupBy
from isotherm.core.joining import joined
from isotherm.core.limits import ARRIVED_TOGETHER_MS, REPEAT_MEMORY_MS
from isotherm.core.records import Clickstream, RecordError, decode_clickstream
from isotherm.core.sample_records import samples_from_record
from isotherm.core.samples import Samples
from isotherm.core.spots import Spots
from isotherm.live.spots import SpotGroups
from isotherm.log import Log, LogError
from isotherm.runtimes.pipeline import PipelineSettings

__all__ = ["Sticking", "decoded", "joined_soundly"]

_AT_ONCE: Final = 100  #: records that are taken as one: some 5 ms of work where they are small
_PAUSE_S: Final = 0.002  #: the tick goes before

logger = logging.getLogger(__name__)


class Sticking:
    """`spots` and `groups`, with what is behind them. `counted` is the offset of the newest record that Group By has seen."""

    def __init__(self, settings: PipelineSettings, group_by: GroupBy) -> None:
        self.spots = Spots(window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms)
        self.groups = SpotGroups(self.spots)
        self.groups.on_first, self.groups.on_last = self._ask, self._forget
        group_by.spots_of = self.spots.asked
        self.counted = 0
        self._settings = settings
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._thread = ThreadPoolExecutor(1, "spots")
        self._closing = False

    async def close(self) -> None:
        self._closing = True
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(cancel_futures=True)

    def _ask(self, page: str) -> None:
        self._reading[page] = asyncio.create_task(self._recall(page, self.counted + 1))

    def _forget(self, page: str) -> None:
        reading = self._reading.pop(page, None)
        if reading is not None:
            reading.cancel()

    async def _recall(self, page: str, end: int) -> None:
        loop, reading = asyncio.get_running_loop(), asyncio.current_task()

        def merge(counts: SpotCounts) -> None:
            if self._reading.get(page) is reading:
                self.spots.merge({page: counts})

        def tell(counts: SpotCounts) -> None:
            loop.call_soon_threadsafe(merge, counts)

        try:
            await loop.run_in_executor(self._thread, self._read, page, self.spots.end_ms, end, tell)
        except LogError as error:
            logger.error("what lay on the elements of %s before now can't be read, it is shown from now on: %s", page, error)

    def _read(self, page: str, now_ms: int, end: int, tell: Callable[[SpotCounts], object]) -> None:
        """What records before `end` came to; repeats are told by those of the ten minutes before. Raises `LogError`."""
        settings = self._settings
        group_by = GroupBy(grid_size=settings.grid_size, hop_ms=settings.hop_ms, samples_a_tile_max=settings.samples_a_tile_max)
        group_by.spots_of = {page}
        named = msgspec.json.encode(page)
        since_ms = now_ms - max(settings.window_ms, REPEAT_MEMORY_MS) - settings.skew_ms - ARRIVED_TOGETHER_MS
        log = Log(settings.data / "log.sqlite", repair=False)
        try:
            values = (value for _, _, value in log.replay(since_ms, end=end) if named in value)
            while records := list(decoded(islice(values, _AT_ONCE))):
                for samples in joined_soundly(records):
                    counts = group_by.group(samples).spots
                    if page in counts:
                        tell(counts[page])
                if self._closing or page not in self.spots.asked:
                    return
                sleep(_PAUSE_S)
        finally:
            log.close()


def decoded(values: Iterable[bytes]) -> Iterator[Clickstream]:
    """What can't be read was told when the server started."""
    for value in values:
        with suppress(RecordError):
            yield decode_clickstream(value)


def joined_soundly(records: list[Clickstream]) -> Iterator[Samples]:
    """As one, or one by one where one of them is not sound."""
    try:
        yield joined(records)
    except RecordError:
        for record in records:
            with suppress(RecordError):
                yield samples_from_record(record)

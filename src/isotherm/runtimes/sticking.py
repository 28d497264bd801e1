"""Spots of the embedded runtime: counted from when somebody asks for a page, and brought back from the log for the window before.

    the first viewer asks ──▶ from the next record on, Group By tells spots of the page
                         └──▶ records up to there are read in a thread of its own, those that do not name the page passed over

Panes add up, so it does not matter that the older ones come last. Where nobody asks, nothing is kept and nothing read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Final

import msgspec

from isotherm.core.counts import SpotCounts
from isotherm.core.group_by import GroupBy
from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.records import RecordError, decode_clickstream, samples_from_record
from isotherm.core.spots import Spots
from isotherm.live.spots import SpotGroups
from isotherm.log import Log, LogError
from isotherm.runtimes.pipeline import PipelineSettings

__all__ = ["Sticking"]

_PAUSE_EVERY: Final = 20  #: records that name the page; some 4 ms of work
_PAUSE_S: Final = 0.004  #: the tick goes before
_MERGED_AT_ONCE: Final = 20

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

    async def close(self) -> None:
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
        now_ms = self.spots.end_ms
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._thread, lambda: list(self._read(page, now_ms, end)))
        except LogError as error:
            logger.error("what lay on the elements of %s before now can't be read, it is shown from now on: %s", page, error)
            return
        for at, counts in enumerate(found):
            self.spots.merge({page: counts})
            if at % _MERGED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _read(self, page: str, now_ms: int, end: int) -> Iterator[SpotCounts]:
        """What records before `end` came to; repeats are told by those of the ten minutes before. Raises `LogError`."""
        settings = self._settings
        group_by = GroupBy(
            grid_size=settings.grid_size, hop_ms=settings.hop_ms, samples_a_tile_max=settings.samples_a_tile_max
        )
        group_by.spots_of = {page}
        named = msgspec.json.encode(page)
        log, taken = Log(settings.data / "log.sqlite", repair=False), 0
        try:
            for _, _, value in log.replay(now_ms - max(settings.window_ms, REPEAT_MEMORY_MS) - settings.skew_ms, end=end):
                if named not in value:
                    continue
                try:
                    counts = group_by.group(samples_from_record(decode_clickstream(value)))
                except RecordError:
                    continue  # told when the server started, or in the dead letters
                if page in counts.spots:
                    yield counts.spots[page]
                taken += 1
                if taken % _PAUSE_EVERY == 0:
                    sleep(_PAUSE_S)
        finally:
            log.close()

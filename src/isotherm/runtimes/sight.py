"""Who sees what, in the embedded runtime: kept from when a rule first asks for a page, and brought back from the log for the time before.

To meet a record twice changes nothing (`core/seeing.py`), so it does not matter where what is read and what is counted meet.
"""

from __future__ import annotations

import asyncio
import logging
from itertools import islice
from time import sleep
from typing import Final

import msgspec

from isotherm.core.exposure import Exposures
from isotherm.core.limits import ARRIVED_TOGETHER_MS, REPEAT_MEMORY_MS
from isotherm.core.samples import Samples
from isotherm.core.seeing import Seeing
from isotherm.core.views import Views
from isotherm.log import Log, LogError
from isotherm.runtimes.pipeline import PipelineSettings
from isotherm.runtimes.sticking import decoded, joined_soundly

__all__ = ["Sight"]

_AT_ONCE: Final = 100  #: records that are taken as one
_PAUSE_S: Final = 0.002  #: the tick goes before

logger = logging.getLogger(__name__)


class Sight:
    """`seeing`, with what it needs of the log."""

    def __init__(self, settings: PipelineSettings, exposures: Exposures, views: Views) -> None:
        self.seeing = Seeing(exposures, views, hop_ms=settings.hop_ms, on_first=self._ask)
        self._settings = settings
        self._exposures = exposures
        self._reading: set[asyncio.Task[None]] = set()
        self._closing = False

    async def close(self) -> None:
        self._closing = True
        await asyncio.gather(*self._reading, return_exceptions=True)

    def _ask(self, page: str) -> None:
        task = asyncio.get_running_loop().create_task(self._recall(page))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _recall(self, page: str) -> None:
        loop = asyncio.get_running_loop()
        since_ms = self._exposures.end_ms - max(self._settings.window_ms, REPEAT_MEMORY_MS) - ARRIVED_TOGETHER_MS

        def read() -> None:
            named = msgspec.json.encode(page)
            log = Log(self._settings.data / "log.sqlite", repair=False)
            try:
                values = (value for _, _, value in log.replay(since_ms) if named in value)
                while not self._closing and (records := list(decoded(islice(values, _AT_ONCE)))):
                    for samples in joined_soundly(records):
                        loop.call_soon_threadsafe(self._meet, samples)
                    sleep(_PAUSE_S)
            finally:
                log.close()

        try:
            await loop.run_in_executor(None, read)
        except LogError as error:
            logger.error("where the zones of %s lay before now can't be read, it is known from now on: %s", page, error)
        finally:
            self.seeing.caught_up(page)

    def _meet(self, samples: Samples) -> None:
        self.seeing.meet(samples)

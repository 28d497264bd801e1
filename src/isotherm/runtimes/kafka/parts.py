"""Parts at a gateway: zones and spots of the pages that its viewers ask for, counted here from what Group By tells of them.

    a question comes ──▶ a wish is written (`interest`); from then on Group By tells parts of the page (`isotherm-parts`)
                    └──▶ when all must have heard it, what came before is read again from `clickstream` (`past`), in a thread

Panes add up, so it does not matter that the older ones come last; offsets tell which of the two ways counts a record. A page's zones are
kept for a while after the last question, its spots as long as a viewer is there. Nobody asks: nothing is told, kept or read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from confluent_kafka import KafkaException

from isotherm.core.counts import Counts
from isotherm.core.part_records import PartCounts
from isotherm.core.spots import Spots
from isotherm.core.zones import Zones
from isotherm.live.spots import SpotGroups
from isotherm.live.zones import League
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.kafka.interest import Part
from isotherm.runtimes.kafka.past import read_past

__all__ = ["Parts"]

ZONES_PAGES_MAX: Final = 64  #: of which zones are kept at a time; one more takes the place of the one asked for longest ago
_LINGER_MS: Final = 60_000
_HEARD_S: Final = 0.5  #: a wish is known to every Group By worker after some ten milliseconds
_WAIT_S: Final = 2.0  #: a first question waits so long for what came before it
_WAITING_MAX: Final = 10_000

logger = logging.getLogger(__name__)


class _Asked:
    """One page of which something is asked for: each of its records is merged once, told or read again."""

    def __init__(self, merge: Callable[[PartCounts], object]) -> None:
        self._merge = merge
        self._next: dict[int, int] | None = None  # by partition: from there on, what is told counts. None: that is not known yet
        self._waiting: list[PartCounts] = []
        self.whole = asyncio.Event()  #: what came before was read
        self.dropped = False
        self.reading: asyncio.Task[None] | None = None

    def hear(self, told: PartCounts) -> None:
        if self._next is None:
            if len(self._waiting) < _WAITING_MAX:
                self._waiting.append(told)
        elif told.offset >= self._next.get(told.partition, 0):
            self._next[told.partition] = told.offset + 1
            self._merge(told)

    def ends(self, ends: Mapping[int, int]) -> None:
        """What is below is read again."""
        self._next = dict(ends)
        waiting, self._waiting = self._waiting, []
        for told in waiting:
            self.hear(told)

    def past(self, page: str, counts: Counts) -> None:
        """What came of records below the `ends`."""
        at = counts.pages.index(page) if page in counts.pages else None
        if at is None or self.dropped:
            return
        zones = counts.zones.only([index == at for index in range(len(counts.pages))]) if counts.zones is not None else None
        self._merge(PartCounts(0, 0, zones, counts.spots.get(page)))

    def drop(self) -> None:
        self.dropped = True
        if self.reading is not None:
            self.reading.cancel()


class _Zoned(_Asked):
    """One page's zones."""

    def __init__(self, page: str, zones: Zones) -> None:
        super().__init__(self._take)
        self._page = page
        self.zones = zones
        self.asked_ms = 0

    def _take(self, told: PartCounts) -> None:
        if told.zones is not None:
            self.zones.merge([self._page], told.zones)


class Parts:
    """`of` a page its zones, `groups` for viewers who ask for spots. `hear` what Group By tells, `hop` and `turn` with the time."""

    def __init__(self, cluster: Cluster, now_ms: Callable[[], int], wish: Callable[[str, Part, bool], None]) -> None:
        self._cluster = cluster
        self._now_ms = now_ms
        self._wish = wish
        settings = cluster.pipeline
        self._spots = Spots(window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms)
        self.groups = SpotGroups(self._spots)
        self.groups.on_first, self.groups.on_last = self._ask_spots, self._forget_spots
        self._spotted: dict[str, _Asked] = {}
        self._zoned: dict[str, _Zoned] = {}
        self._thread = ThreadPoolExecutor(1, "parts")

    async def close(self) -> None:
        asked = [*self._zoned.values(), *self._spotted.values()]
        for one in asked:
            one.drop()
        await asyncio.gather(*(one.reading for one in asked if one.reading is not None), return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def wants(self, page: str) -> bool:
        """Whether anything told of the page is of use here. From any thread."""
        return page in self._zoned or page in self._spotted

    def hear(self, page: str, told: PartCounts) -> None:
        for asked in (self._zoned.get(page), self._spotted.get(page)):
            if asked is not None:
                asked.hear(told)

    async def hop(self, now_ms: int) -> None:
        """As often as one likes."""
        for zoned in self._zoned.values():
            zoned.zones.advance(now_ms)
        if self._spots.advance(now_ms):
            await self.groups.broadcast()

    def turn(self, now_ms: int) -> None:
        """Lets go what nobody asked for lately."""
        for page in [page for page, zoned in self._zoned.items() if not 0 <= now_ms - zoned.asked_ms < _LINGER_MS]:
            self._forget_zones(page)

    @property
    def beyond(self) -> dict[str, int]:
        """Counters, by name."""
        kept = [zoned.zones for zoned in self._zoned.values()]
        return {"zones_beyond": sum(zones.beyond for zones in kept), "spots_beyond": self._spots.beyond}

    # -- zones

    async def of(self, page: str) -> League:
        """The page's zones. The first question waits a moment for what was before it."""
        zoned = self._zoned.get(page) or self._ask_zones(page)
        zoned.asked_ms = self._now_ms()
        try:
            async with asyncio.timeout(_WAIT_S):
                await zoned.whole.wait()
        except TimeoutError:
            logger.debug("zones of %s: what was before is not read yet", page)
        zones = zoned.zones
        zones.advance(self._now_ms())
        return League(zones.end_ms, zones.window_ms, zones.people(page), zones.league(page))

    def _ask_zones(self, page: str) -> _Zoned:
        if len(self._zoned) >= ZONES_PAGES_MAX:
            self._forget_zones(min(self._zoned, key=lambda known: self._zoned[known].asked_ms))
        settings = self._cluster.pipeline
        zones = Zones(window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms)
        zoned = self._zoned[page] = _Zoned(page, zones)
        zoned.asked_ms = self._now_ms()
        zones.advance(zoned.asked_ms)
        self._begin(page, "zones", zoned)
        return zoned

    def _forget_zones(self, page: str) -> None:
        self._zoned.pop(page).drop()
        self._wish(page, "zones", False)

    # -- spots

    def _ask_spots(self, page: str) -> None:
        def merge(told: PartCounts) -> None:
            if told.spots is not None:
                self._spots.merge({page: told.spots})

        asked = self._spotted[page] = _Asked(merge)
        self._begin(page, "spots", asked)

    def _forget_spots(self, page: str) -> None:
        self._spotted.pop(page).drop()
        self._wish(page, "spots", False)

    # -- what was before

    def _begin(self, page: str, part: Part, asked: _Asked) -> None:
        self._wish(page, part, True)
        asked.reading = asyncio.create_task(self._recall(page, asked))

    async def _recall(self, page: str, asked: _Asked) -> None:
        await asyncio.sleep(_HEARD_S)
        loop = asyncio.get_running_loop()

        def ends(by_partition: Mapping[int, int]) -> None:
            loop.call_soon_threadsafe(asked.ends, by_partition)

        def tell(counts: Counts) -> None:
            loop.call_soon_threadsafe(asked.past, page, counts)

        def read() -> None:
            if not asked.dropped:
                read_past(self._cluster, page, self._now_ms(), ends, tell, lambda: not asked.dropped)

        try:
            await loop.run_in_executor(self._thread, read)
        except KafkaException as error:
            logger.error("what lay on the parts of %s before now can't be read, they are shown from now on: %s", page, error)
            asked.ends({})
        asked.whole.set()

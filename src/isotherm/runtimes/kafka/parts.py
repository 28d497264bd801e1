"""Parts at a gateway: zones, spots and exposure of the pages that its viewers ask for, counted here from what Group By tells of them.

    a question comes ──▶ a wish is written (`interest`); from then on Group By tells parts of the page (`isotherm-parts`)
                    └──▶ when all must have heard it, what came before is read again from `clickstream` (`past`), in a thread

Panes add up, so it does not matter that the older ones come last; offsets tell which of the two ways counts a record. A page's zones and
exposure are kept for a while after the last question, its spots as long as a viewer is there. Nobody asks: nothing is told, kept or read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from confluent_kafka import KafkaException

from isotherm.core.exposure import Exposed, Exposures
from isotherm.core.part_records import PartCounts
from isotherm.core.spots import Spots
from isotherm.core.zones import Zones
from isotherm.live.spots import SpotGroups
from isotherm.live.zones import League
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.kafka.interest import Part
from isotherm.runtimes.kafka.past import ReadPast, read_past, read_views

__all__ = ["Parts"]

PAGES_MAX: Final = 64  #: of which zones are kept, and as many exposures; one more takes the place of the one asked for longest ago
_LINGERING: Final[tuple[Part, ...]] = ("zones", "exposure")
_LINGER_MS: Final = 60_000
_HEARD_S: Final = 0.5  #: a wish is known to every Group By worker after some ten milliseconds
_WAIT_S: Final = 2.0  #: a first question waits so long for what came before it
_WAITING_MAX: Final = 10_000

logger = logging.getLogger(__name__)


class _Asked:
    """One page of which something is asked for: each of its records is merged once, told or read again."""

    def __init__(self, merge: Callable[[PartCounts], object], asked_ms: int) -> None:
        self._merge = merge
        self.asked_ms = asked_ms
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

    def past(self, told: PartCounts) -> None:
        """What came of records below the `ends`."""
        if not self.dropped:
            self._merge(told)

    def drop(self) -> None:
        self.dropped = True
        if self.reading is not None:
            self.reading.cancel()


class Parts:
    """`of` a page its zones, `exposed` what was in view, `groups` for viewers of spots. `hear` what is told, `hop` and `turn` with time."""

    def __init__(self, cluster: Cluster, now_ms: Callable[[], int], wish: Callable[[str, Part, bool], None]) -> None:
        self._cluster = cluster
        self._now_ms = now_ms
        self._wish = wish
        settings = cluster.pipeline
        self._zones: dict[str, Zones] = {}
        self._spots = Spots(window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms)
        self._exposures = Exposures(grid_size=settings.grid_size, window_ms=settings.window_ms, hop_ms=settings.hop_ms)
        self.groups = SpotGroups(self._spots)
        self.groups.on_first = self._ask_spots
        self.groups.on_last = lambda page: self._forget(page, "spots")
        self._asked: dict[Part, dict[str, _Asked]] = {"zones": {}, "spots": {}, "exposure": {}}
        self._thread = ThreadPoolExecutor(1, "parts")

    async def close(self) -> None:
        asked = [one for pages in self._asked.values() for one in pages.values()]
        for one in asked:
            one.drop()
        await asyncio.gather(*(one.reading for one in asked if one.reading is not None), return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def wants(self, page: str) -> bool:
        """Whether anything told of the page is of use here. From any thread."""
        return any(page in pages for pages in self._asked.values())

    def hear(self, page: str, told: PartCounts) -> None:
        for pages in self._asked.values():
            if page in pages:
                pages[page].hear(told)

    async def hop(self, now_ms: int) -> None:
        """As often as one likes."""
        for zones in self._zones.values():
            zones.advance(now_ms)
        self._exposures.advance(now_ms)
        if self._spots.advance(now_ms):
            await self.groups.broadcast()

    def turn(self, now_ms: int) -> None:
        """Lets go what nobody asked for lately."""
        for part in _LINGERING:
            for page in [page for page, asked in self._asked[part].items() if not 0 <= now_ms - asked.asked_ms < _LINGER_MS]:
                self._forget(page, part)

    @property
    def beyond(self) -> dict[str, int]:
        """Counters, by name."""
        zones = sum(zones.beyond for zones in self._zones.values())
        return {"zones_beyond": zones, "spots_beyond": self._spots.beyond, "views_beyond": self._exposures.beyond}

    # -- questions

    async def of(self, page: str) -> League:
        """The page's zones. The first question waits a moment for what was before it."""
        asked = self._asked["zones"].get(page) or self._ask_zones(page)
        zones = self._zones[page]
        await self._whole(asked)
        zones.advance(self._now_ms())
        return League(zones.end_ms, zones.window_ms, zones.people(page), zones.league(page))

    async def exposed(self, page: str, devices: Sequence[int]) -> Exposed:
        """What was in view of the page. The first question waits as well."""
        await self._whole(self._asked["exposure"].get(page) or self._ask_exposure(page))
        self._exposures.advance(self._now_ms())
        return self._exposures.lately(page, devices)

    async def _whole(self, asked: _Asked) -> None:
        asked.asked_ms = self._now_ms()
        try:
            async with asyncio.timeout(_WAIT_S):
                await asked.whole.wait()
        except TimeoutError:
            logger.debug("what was before a question is not read yet")

    def _ask_zones(self, page: str) -> _Asked:
        settings = self._cluster.pipeline
        zones = Zones(window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms)
        zones.advance(self._now_ms())

        def merge(told: PartCounts) -> None:
            if told.zones is not None:
                zones.merge([page], told.zones)

        asked = self._ask(page, "zones", merge, read_past)
        self._zones[page] = zones
        return asked

    def _ask_spots(self, page: str) -> None:
        def merge(told: PartCounts) -> None:
            if told.spots is not None:
                self._spots.merge({page: told.spots})

        self._ask(page, "spots", merge, read_past)

    def _ask_exposure(self, page: str) -> _Asked:
        def merge(told: PartCounts) -> None:
            if told.stretches is not None:
                self._exposures.merge([page], told.stretches)

        return self._ask(page, "exposure", merge, read_views)

    def _ask(self, page: str, part: Part, merge: Callable[[PartCounts], object], read: ReadPast) -> _Asked:
        known = self._asked[part]
        if part in _LINGERING and len(known) >= PAGES_MAX:
            self._forget(min(known, key=lambda page: known[page].asked_ms), part)
        asked = known[page] = _Asked(merge, self._now_ms())
        self._wish(page, part, True)
        asked.reading = asyncio.create_task(self._recall(page, asked, read))
        return asked

    def _forget(self, page: str, part: Part) -> None:
        self._asked[part].pop(page).drop()
        self._wish(page, part, False)
        if part == "zones":
            del self._zones[page]
        elif part == "exposure":
            self._exposures.forget(page)

    # -- what was before

    async def _recall(self, page: str, asked: _Asked, read: ReadPast) -> None:
        await asyncio.sleep(_HEARD_S)
        loop = asyncio.get_running_loop()

        def ends(by_partition: Mapping[int, int]) -> None:
            loop.call_soon_threadsafe(asked.ends, by_partition)

        def tell(told: PartCounts) -> None:
            loop.call_soon_threadsafe(asked.past, told)

        def run() -> None:
            if not asked.dropped:
                read(self._cluster, page, self._now_ms(), ends, tell, lambda: not asked.dropped)

        try:
            await loop.run_in_executor(self._thread, run)
        except KafkaException as error:
            logger.error("what lay on the parts of %s before now can't be read, they are shown from now on: %s", page, error)
            asked.ends({})
        finally:
            asked.whole.set()  # whatever went wrong, no later question waits for it

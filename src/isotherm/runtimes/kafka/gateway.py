"""The gateway's pipeline on Kafka: events into `clickstream`, heat out of `heatmap`. What stands between are workers, elsewhere.

    once a hop   shortly before its end: gate.drain -> a record a session shard -> Kafka (then the acks)
    every hop    a tick to every partition of `clickstream-group-by-page`; every second one to those of `clickstream`
    as it comes  `heatmap` -> mirror -> groups.broadcast ; `isotherm-interest` -> the trackers' pace
                 `isotherm-parts` -> parts: zones, spots and exposure of the pages that are asked for here

What Kafka does not have is not acknowledged; while it takes nothing, the gate is closed and says why. Any number of gateways may run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from isotherm.access.keys import Keys
from isotherm.core.counters import Counters
from isotherm.core.exposure import Exposed
from isotherm.core.heat import AllPages
from isotherm.core.masking import Masked
from isotherm.core.mirror import STALE_MS, Mirror
from isotherm.core.records import HeatmapRecord, Interest, RecordError, Tick, encode
from isotherm.core.rules import Rule
from isotherm.core.sample_records import samples_to_record
from isotherm.core.shards import split
from isotherm.core.sites import Sites, with_origins
from isotherm.gateway.gate import Gate
from isotherm.history import History
from isotherm.history.looking import StoredHistory
from isotherm.live.groups import Groups
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.first_event import FirstEvent
from isotherm.runtimes.kafka.agreement import agree
from isotherm.runtimes.kafka.connection import INTEREST, Cluster, KafkaSettings
from isotherm.runtimes.kafka.gathering import GATHER_MS_MAX, Gathering
from isotherm.runtimes.kafka.interest import Interests, Part
from isotherm.runtimes.kafka.observer import Observer
from isotherm.runtimes.kafka.outbox import Letter, Outbox, OutboxError
from isotherm.runtimes.kafka.parts import Parts
from isotherm.runtimes.kafka.reader import Reader
from isotherm.runtimes.kafka.shared import Shared
from isotherm.runtimes.kafka.sharing import Sharing
from isotherm.runtimes.pipeline import PipelineSettings
from isotherm.runtimes.topics import Topics
from isotherm.sockets import push_each

__all__ = ["KafkaGateway"]

_POLL_S: Final = 0.010
_GATHERED_MAX: Final = 100_000  #: samples; so many are written before it is time
_GATHER_S: Final = 0.010  #: heat of one hop comes from several partitions at nearly the same time: one broadcast
_LOOK_S: Final = 0.25
_COOL_EVERY_MS: Final = 1000
_GROUP_BY_TICK_MS: Final = 1000  #: Group By only needs the time to let silent sessions go
_STALLED_S: Final = 2.0  #: Kafka that has not taken a record for so long is not there
_STOP_S: Final = 2.0

logger = logging.getLogger(__name__)


class KafkaGateway:
    """Raises `StartError` where Kafka can't be used, or where this process's settings are not those of the pipeline."""

    name = "kafka"

    def __init__(
        self,
        settings: PipelineSettings,
        sites: Sites,
        kafka: KafkaSettings,
        origins: frozenset[str] = frozenset(),
        *,
        store: str | None = None,
    ) -> None:
        """`origins`: of the default site, whatever the shared settings say of it. `store`: of the workers' history; None: none is shown."""
        self.settings = settings
        self._origins = origins
        self.clock = Clock(settings.skew_ms)
        self.counters = Counters()
        self.topics = Topics(settings.topic_prefix)
        self.cluster = Cluster(kafka, settings)
        self.rules: Mapping[str, Rule] = {}  #: of all gateways
        self.on_rules: Callable[[Mapping[str, Rule]], object] = lambda _rules: None
        self._gathering = Gathering(settings.hop_ms)
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self.gate = Gate(sites=sites, counters=self.counters, skew_ms=settings.skew_ms, hop_ms=settings.hop_ms, wake=self._wake.set)
        self.source = Mirror(grid_size=settings.grid_size, window_ms=settings.window_ms, hop_ms=settings.hop_ms)
        self._interests = Interests(self._tell_interest, self.gate.set_watched)
        # who is on a tile now is known to no gateway: where that must be known, none is shown
        self._masked = Masked(self.source, lambda _page, _end_ms: None, settings.people_min) if settings.people_min > 1 else None
        self.shown: AllPages = self._masked or self.source
        self.groups = Groups(self.shown, self.counters, self._on_interest, push_each)
        self.leagues = self._parts = Parts(self.cluster, self.clock.now_ms, self._ask)
        self.spots = self._parts.groups
        self.history: History | None = None
        if store is not None and settings.retention is not None:
            self.history = StoredHistory(
                store,
                grid_size=settings.grid_size,
                hop_ms=settings.hop_ms,
                window_ms=settings.window_ms,
                retention=settings.retention,
            )
        self._first_event = FirstEvent(settings.data)
        self.zones = None
        self._outbox: Outbox | None = None
        self._reader: Reader | None = None
        self._observer: Observer | None = None
        self._sharing: Sharing | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._stalled = False
        self._broken = False  #: a task ended that should not: the gate stays closed, whatever Kafka does
        self._failures: tuple[int, int] = (0, 0)
        self._steady_since_ms = 0  #: Kafka could be read since then
        self.lag_ms = 0

    # -- life

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.settings.data.mkdir(parents=True, exist_ok=True)
        self.gate.first_event_ms = self._first_event.read()
        await loop.run_in_executor(None, self.cluster.prepare)
        await loop.run_in_executor(None, agree, self.cluster)
        self._outbox = Outbox(self.cluster)
        self._sharing = Sharing(self.cluster, self._outbox, self.clock.now_ms, self._take_shared)
        await self._sharing.start()
        self._steady_since_ms = self.clock.now_ms()
        self._reader = Reader(self.cluster, self.clock.now_ms, self._on_heat, self._on_interest_records, self._parts)
        self._observer = Observer(self.cluster, self.topics, self.clock.now_ms)
        loops: list[Coroutine[Any, Any, None]] = [self._ticks(), self._hops(), self._times(), self._looks(), self._sharing.run()]
        self._tasks = [asyncio.create_task(running) for running in loops]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    async def share(self, keys: Keys, *, first_token: bool) -> None:
        """From now on the keys are those of all gateways. Raises `StartError`."""
        assert self._sharing is not None
        await self._sharing.join(keys, first_token=first_token)

    def _take_shared(self, shared: Shared) -> None:
        self.gate.sites.replace(with_origins(shared.sites, self._origins))
        if shared.rules != self.rules:
            self.rules = shared.rules
            self.on_rules(shared.rules)

    async def stop(self) -> None:
        """What was taken is in Kafka and acknowledged before this returns, or its senders are told to send again."""
        self.gate.why_closed = "the server stops"
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait([self._tasks[0]], timeout=_STOP_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._parts.close()
        closing = [part.close() for part in (self._reader, self._observer, self._sharing, self.history) if part is not None]
        if self._outbox is not None:
            closing.append(self._outbox.close(0.5))
        await asyncio.gather(*closing, return_exceptions=True)

    @property
    def outbox(self) -> Outbox:
        """Of a gateway that was started."""
        assert self._outbox is not None
        return self._outbox

    @property
    def visitors(self) -> int:
        return self.source.visitors

    def catch_up(self) -> None:
        """Nothing: the workers count."""

    async def exposed(self, page: str, devices: Sequence[int]) -> Exposed:
        return await self._parts.exposed(page, devices)

    def why_not_ready(self) -> str | None:
        """None: events are taken, and heat is shown."""
        if self.gate.why_closed is not None:
            return self.gate.why_closed
        if self._reader is None or not self._reader.ready:
            return f"the live heat is being read back from the topic {self.cluster.name(Topics.HEATMAP)}"
        return None

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            logger.critical("a task of the pipeline ended", exc_info=task.exception())
            self._broken = True
            self.gate.why_closed = "an internal error, see the server's output; restart it"

    # -- events

    async def _ticks(self) -> None:
        while True:
            await self._wake.wait()
            await self._gather(self._gathering.due_ms(self.clock.now_ms()))
            self._gathering.wrote(self.clock.now_ms())
            self._wake.clear()
            await self._tick()
            if self._stopping:
                if not self.gate.gathered:  # else it came while the last was committed
                    return
                self._wake.set()

    async def _gather(self, due_ms: int) -> None:
        while not self._stopping and self.gate.gathered < _GATHERED_MAX:
            left_ms = due_ms - self.clock.now_ms()
            if not 0 < left_ms <= GATHER_MS_MAX:  # it is time; or the clock was set back meanwhile
                return
            await asyncio.sleep(min(left_ms / 1000, _POLL_S))

    async def _tick(self) -> None:
        now_ms = self.clock.now_ms()
        drained = self.gate.drain(now_ms)
        if drained is None:
            return
        assert self._outbox is not None
        topic = self.cluster.name(Topics.CLICKSTREAM)
        letters = [
            Letter(topic, str(shard), encode(samples_to_record(part)), shard, now_ms)
            for shard, part in split(drained.samples, self.cluster.partitions)
        ]
        try:
            await self._outbox.send(letters)
        except (OutboxError, asyncio.CancelledError) as error:
            self.counters.add("log_failures")
            self.counters.add("shed_log", len(drained.samples))
            drained.fail()
            if isinstance(error, asyncio.CancelledError):
                raise
            logger.warning("Kafka did not take %d samples, their senders are told to send again: %s", len(drained.samples), error)
            return
        drained.acknowledge()
        self._first_event.keep(self.gate.first_event_ms)

    async def _times(self) -> None:
        """Writes the time to every partition: once a hop for the aggregators, once a second for Group By."""
        hop_ms, told_ms = self.settings.hop_ms, 0
        assert self._outbox is not None
        while True:
            now_ms = self.clock.now_ms()
            if self._outbox.on_the_way < 4 * self.cluster.partitions:  # while Kafka takes nothing a few are enough to see when it does
                value = encode(Tick(tick=now_ms))
                topics = [Topics.GROUPED]
                if not 0 <= now_ms - told_ms < _GROUP_BY_TICK_MS:
                    told_ms = now_ms
                    topics.append(Topics.CLICKSTREAM)
                for topic in topics:
                    for partition in range(self.cluster.partitions):
                        self._outbox.post(Letter(self.cluster.name(topic), None, value, partition, now_ms))
            await asyncio.sleep((hop_ms - self.clock.now_ms() % hop_ms) / 1000)

    async def _looks(self) -> None:
        """Whether Kafka takes what is written, and whose interest ended."""
        assert self._outbox is not None
        while True:
            await asyncio.sleep(_LOOK_S)
            self._look(self._outbox)
            now_ms = self.clock.now_ms()
            self._interests.turn(now_ms)
            self._parts.turn(now_ms)
            self.counters.by_name |= self._parts.beyond

    def _look(self, outbox: Outbox) -> None:
        delivered, failed = self._failures
        self._failures = (outbox.delivered, outbox.failed)
        stalled = outbox.waiting_s > _STALLED_S or (self._stalled and outbox.delivered == delivered) or outbox.failed > failed
        if stalled:
            self._steady_since_ms = self.clock.now_ms()
        if stalled == self._stalled or self._stopping or self._broken:
            return
        self._stalled = stalled
        if stalled:
            why = f"Kafka at {self.cluster.kafka.servers} takes no events ({self.cluster.last_error})"
            logger.error("%s: events are refused", why)
            self.gate.why_closed = why
        else:
            logger.warning("Kafka takes events again")
            self.gate.why_closed = None

    # -- heat

    def _on_heat(self, records: list[HeatmapRecord]) -> None:
        for record in records:
            try:
                self.source.take(record)
            except RecordError as error:
                logger.warning("a record of %s%s is left out: %s", record.site, record.path, error)
        self._news.set()

    async def _hops(self) -> None:
        cooled_ms = 0
        while True:
            news = await self._wait_for_news()
            now_ms = self.clock.now_ms()
            forget = not 0 <= now_ms - cooled_ms < _COOL_EVERY_MS and now_ms - self._steady_since_ms > STALE_MS
            if forget:
                cooled_ms = now_ms
            hop = self.source.advance(now_ms, forget=forget)
            await self.groups.broadcast(self._masked.hop(self.source.end_ms) if self._masked is not None else hop, now_ms)
            await self._parts.hop(now_ms)
            if news and self.source.told_end_ms:
                self.lag_ms = max(0, self.clock.now_ms() - self.source.told_end_ms)

    async def _wait_for_news(self) -> bool:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._news.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(_GATHER_S)
        self._news.clear()
        return True

    # -- interest

    def _on_interest(self, page: str, watched: bool) -> None:
        self._interests.watch(page, watched, self.clock.now_ms())

    def _ask(self, page: str, part: Part, asked: bool) -> None:
        self._interests.ask(page, part, asked, self.clock.now_ms())

    def _on_interest_records(self, records: list[tuple[str, Interest]]) -> None:
        now_ms = self.clock.now_ms()
        for page, interest in records:
            self._interests.heard(page, interest, now_ms)

    def _tell_interest(self, page: str, value: bytes | None) -> None:
        if self._outbox is not None:
            self._outbox.post(Letter(self.cluster.name(INTEREST), page, value))

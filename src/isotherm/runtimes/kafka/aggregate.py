"""The aggregator on Kafka: `clickstream-group-by-page` to `heatmap`, by the clock. On Quix Streams' own consumer and producer.

A StreamingDataFrame acts when a record comes; windows end when time passes. So this is a loop of its own: records as they come, and at each
hop what changed. Its state is one window of its partitions: whoever is given a partition reads that window again, merges, and begins to
write once it has read what stood there at that moment, every page whole. A member of a consumer group only for the partitions' sake:
the committed offsets say how far it is, to whoever looks; they are not where it begins.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from isotherm.core.records import Interest, RecordError, dead_letter, decode_interest, encode, tick_of
from isotherm.core.ticks import TickClock
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.kafka.connection import AGGREGATE_GROUP, INTEREST, Cluster
from isotherm.runtimes.kafka.holding import Holding
from isotherm.runtimes.kafka.interest import LASTS_MS
from isotherm.runtimes.kafka.life import Life
from isotherm.runtimes.kafka.lines import lines
from isotherm.runtimes.kafka.partition import Partition
from isotherm.runtimes.kafka.ruled import Ruled
from isotherm.runtimes.kafka.scribe import Scribe
from isotherm.runtimes.kafka.stalls import Stalls
from isotherm.runtimes.topics import Topics

__all__ = ["AggregateWorker"]

_AT_ONCE: Final = 2000
_COMMIT_EVERY_S: Final = 1.0
_QUEUED_MAX: Final = 20_000  #: heat that Kafka has not taken; beyond it hops are left out, and pages written whole when it does again
_TIMEOUT_MS: Final = 5_000  #: heat that is older is not worth having
_REQUEST_S: Final = 10.0

logger = logging.getLogger(__name__)


class AggregateWorker:
    """One worker. `run` returns after SIGTERM."""

    def __init__(self, cluster: Cluster, ruled: Ruled, *, publish_all: bool) -> None:
        """`ruled`: the rules that hold; they may change meanwhile."""
        self._cluster = cluster
        self._ruled = ruled
        self._publish_all = publish_all
        self._clock = Clock(cluster.pipeline.skew_ms)
        self._ticks = TickClock(cluster.pipeline.skew_ms)
        self._parts: dict[int, Partition] = {}
        self._holdings: dict[int, Holding] = {}
        self._scribe = Scribe(cluster)
        self._interest: dict[str, int] = {}
        self._grouped = cluster.name(Topics.GROUPED)
        self._stalls = Stalls()
        self._life = Life(logger)
        self._lost_heat = False
        self._committed_s = 0.0

    def run(self) -> None:
        self._life.live(self._work, self._let_go)
        self._scribe.close()

    def _work(self) -> None:
        cluster = self._cluster
        producer = cluster.producer(**{"message.timeout.ms": _TIMEOUT_MS})
        consumer = cluster.consumer(AGGREGATE_GROUP, member=True, **{"partition.assignment.strategy": "cooperative-sticky"})
        interest = cluster.consumer("isotherm-aggregate-interest")
        with producer, interest, consumer:
            interest.assign([TopicPartition(cluster.name(INTEREST), 0, 0)])
            consumer.subscribe([self._grouped], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)
            logger.info("aggregates %s", self._grouped)
            while self._life.running:
                self._read(consumer, producer)
                self._read_interest(interest)
                self._hop(producer)
                self._hold_rules()
                self._commit(consumer)
            self._commit(consumer, last=True)

    # -- partitions

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        if not partitions:
            return
        pipeline = self._cluster.pipeline
        since_ms = self._clock.now_ms() - pipeline.window_ms - 2 * pipeline.skew_ms
        topic = self._grouped
        places = self._cluster.offsets_since(consumer, topic, [place.partition for place in partitions], since_ms)
        done = {place.partition: place.offset for place in consumer.committed([place for place, _ in places], timeout=_REQUEST_S)}
        for place, end in places:
            self._parts[place.partition] = Partition(
                pipeline, publish_all=self._publish_all, start=place.offset, end=end, done=done[place.partition]
            )
            self._holdings[place.partition] = Holding(place.partition, self._cluster.partitions, self._scribe)
            logger.info("%s[%d]: reads back %d records", topic, place.partition, end - place.offset)
        consumer.incremental_assign([place for place, _ in places])
        self._stalls.begin(place for place, _ in places)

    def _on_revoke(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        self._stalls.end(partitions)
        for place in partitions:
            self._parts.pop(place.partition, None)
            holding = self._holdings.pop(place.partition, None)
            if holding is not None:
                holding.end()

    def _let_go(self) -> None:
        self._on_revoke(None, [TopicPartition(self._grouped, partition) for partition in list(self._parts)])

    # -- records

    def _read(self, consumer: Any, producer: Any) -> None:
        hop_ms = self._cluster.pipeline.hop_ms
        now_ms = self._ticks.now_ms(self._clock.now_ms())
        first = consumer.poll((hop_ms - now_ms % hop_ms) / 1000)
        if first is None:
            self._stalls.check(consumer)
            return
        messages, arrived_ms = [first, *consumer.consume(_AT_ONCE, timeout=0)], self._clock.now_ms()
        for message in messages:
            if message.error():
                logger.warning("kafka: %s", message.error().str())
                continue
            lines.reached(logger)
            part = self._parts.get(message.partition())
            if part is None or message.offset() < part.next_offset:
                continue
            self._take(part, message, arrived_ms, producer)
        for partition, part in self._parts.items():
            for origin, failure in part.settle():
                self._give_up(failure, origin, producer)
            self._stalls.heard(self._grouped, partition, part.next_offset)
        if len(messages) <= _AT_ONCE:
            self._stalls.check(consumer)

    def _take(self, part: Partition, message: Any, arrived_ms: int, producer: Any) -> None:
        value = message.value() or b""
        try:
            tick_ms = tick_of(value)
            if tick_ms is None:
                part.take(value, message.timestamp()[1], arrived_ms, message)
            elif part.caught_up:
                self._ticks.heard(tick_ms, arrived_ms)
        except Exception as error:  # one record never stops a stage; what it was is kept
            self._give_up(error, message, producer)
        part.next_offset = message.offset() + 1

    def _give_up(self, error: Exception, message: Any, producer: Any) -> None:
        if isinstance(error, RecordError):
            self._bury(str(error), message, producer)
            return
        logger.error("record %d of partition %d could not be processed", message.offset(), message.partition(), exc_info=error)
        self._bury(f"{type(error).__name__}: {error}", message, producer)

    def _bury(self, error: str, message: Any, producer: Any) -> None:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if offset < self._parts[partition].done:
            return  # the worker that had the partition then has seen to it
        logger.warning("record %d of %s[%d] goes to the dead letters: %s", offset, topic, partition, error)
        letter = dead_letter(error, "aggregate", topic, partition, offset, message.value() or b"")
        producer.produce(self._cluster.name(Topics.DEAD_LETTER), encode(letter))

    def _read_interest(self, consumer: Any) -> None:
        now_ms = self._clock.now_ms()
        for message in consumer.consume(1000, timeout=0):
            if message.error() or message.value() is None:
                continue
            try:
                interest: Interest = decode_interest(message.value())
            except RecordError as error:
                logger.warning("record %d of %s is left out: %s", message.offset(), message.topic(), error)
                continue
            page = (message.key() or b"").decode("utf-8", "replace")
            self._interest[page] = max(self._interest.get(page, 0), min(interest.until, now_ms + LASTS_MS))
        for page in [page for page, until in self._interest.items() if until <= now_ms]:
            del self._interest[page]

    # -- heat

    def _hop(self, producer: Any) -> None:
        now_ms = self._ticks.now_ms(self._clock.now_ms())
        blocked = len(producer) > _QUEUED_MAX
        topic = self._cluster.name(Topics.HEATMAP)
        watched = set(self._interest)
        for partition, part in self._parts.items():
            records = part.hop(now_ms, watched)
            if blocked or self._lost_heat:
                part.whole_again()
            if blocked:
                continue
            for key, record in records:
                producer.produce(topic, encode(record), key, partition=partition, on_delivery=self._delivered)
        self._lost_heat = blocked
        producer.poll(0)

    # -- rules

    def _hold_rules(self) -> None:
        """What fires is written behind: heat does not wait for it."""
        for claimed in self._scribe.results():
            for holding in self._holdings.values():
                if holding.claim == claimed.claim:
                    holding.claimed(claimed.told)
        for partition, holding in self._holdings.items():
            part = self._parts[partition]
            if part.caught_up:
                holding.hop(part.zones.end_ms, part.zones, self._ruled.of_partition(partition))

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is not None:
            self._lost_heat = True

    def _commit(self, consumer: Any, *, last: bool = False) -> None:
        """How far this worker is, for whoever looks at the group's lag."""
        if not last and time.monotonic() - self._committed_s < _COMMIT_EVERY_S:
            return
        self._committed_s = time.monotonic()
        offsets = [TopicPartition(self._grouped, partition, part.next_offset) for partition, part in self._parts.items() if part.caught_up]
        if offsets:
            try:
                consumer.commit(offsets=offsets, asynchronous=not last)
            except KafkaException as error:
                logger.debug("can't commit: %s", error)

"""History on Kafka: `clickstream` to buckets of minutes, hours and days, in SQLite or PostgreSQL. By the embedded runtime's own stages.

It reads `clickstream` itself rather than what Group By wrote, since people are counted by their sessions. A member of a consumer group for
the partitions' sake: where it begins, each partition's offset, stands in the store and is written with the buckets, in one
transaction. So a record is in them once, whoever is killed and whoever takes over; a worker that woke up too late is refused by the
store, and begins anew.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from isotherm.core.records import RecordError
from isotherm.core.sites import Sites
from isotherm.history import HistoryError, NewerError
from isotherm.history.places import open_store
from isotherm.history.storing import Storing
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.kafka.connection import HISTORY_GROUP, Cluster, watermarks
from isotherm.runtimes.kafka.life import Life
from isotherm.runtimes.kafka.stages import Stages
from isotherm.runtimes.topics import Topics

__all__ = ["HistoryWorker"]

_AT_ONCE: Final = 500
_POLL_S: Final = 0.25

logger = logging.getLogger(__name__)


class HistoryWorker:
    """One worker. `run` returns after SIGTERM; what waits is stored then. Raises `NewerError` once a newer release writes the history."""

    def __init__(self, cluster: Cluster, sites: Sites, place: str, *, every_ms: int) -> None:
        self._cluster = cluster
        self._sites = sites
        self._place = place
        self._every_ms = every_ms
        self._topic = cluster.name(Topics.CLICKSTREAM)
        self._clock = Clock(cluster.pipeline.skew_ms)
        self._life = Life(logger, HistoryError, lasting=(NewerError,))

    def run(self) -> None:
        self._life.live(self._work)

    def _work(self) -> None:
        pipeline = self._cluster.pipeline
        assert pipeline.retention is not None
        store = open_store(self._place, pipeline.grid_size)
        try:
            storing = Storing(
                store, grid_size=pipeline.grid_size, hop_ms=pipeline.hop_ms, retention=pipeline.retention, every_ms=self._every_ms
            )
            with self._cluster.consumer(
                HISTORY_GROUP, member=True, **{"partition.assignment.strategy": "cooperative-sticky"}
            ) as consumer:
                _Member(self, consumer, storing).work()
        finally:
            store.close()


class _Member:
    """From the moment in which it joins the group until something fails or the worker stops."""

    def __init__(self, worker: HistoryWorker, consumer: Any, storing: Storing) -> None:
        self._worker = worker
        self._consumer = consumer
        self._storing = storing
        self._stages = Stages(worker._cluster, worker._sites, "isotherm-history-memory", people=True)
        self._next: dict[int, int] = {}
        self._lost = False

    def work(self) -> None:
        worker = self._worker
        self._consumer.subscribe([worker._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        logger.info("keeps the history of %s", worker._topic)
        while worker._life.running:
            first = self._consumer.poll(_POLL_S)
            if self._lost:
                raise HistoryError("the group took this worker for dead")
            for message in [] if first is None else [first, *self._consumer.consume(_AT_ONCE, timeout=0)]:
                self._take(message)
            if self._storing.tend(worker._clock.now_ms()):
                self._commit()
        self._storing.flush()
        self._commit()

    def _source(self, partition: int) -> str:
        return f"{self._worker._topic}/{partition}"

    def _on_assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        places = []
        for place in partitions:
            low, high = watermarks(consumer, TopicPartition(place.topic, place.partition))
            start = max(low, self._storing.begin(self._source(place.partition), high))
            self._next[place.partition] = start
            places.append(TopicPartition(place.topic, place.partition, start))
            logger.info("%s[%d]: goes on at %d, %d records behind", place.topic, place.partition, start, high - start)
        if places:
            consumer.incremental_assign(places)

    def _on_revoke(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        self._storing.flush()  # whoever is next begins there
        self._commit()
        self._drop(partitions)

    def _on_lost(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        """Another may have them already, and what waits is not ours to store."""
        self._lost = True
        self._drop(partitions)

    def _drop(self, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._next.pop(place.partition, None)
            self._stages.forget(place.partition)

    def _take(self, message: Any) -> None:
        if message.error():
            logger.warning("kafka: %s", message.error().str())
            return
        partition, offset = message.partition(), message.offset()
        if self._next.get(partition, offset + 1) > offset:
            return
        self._next[partition] = offset + 1
        value, (_, taken_ms) = message.value() or b"", message.timestamp()
        try:
            counts = self._stages.counts(partition, offset, value, message.key(), taken_ms)
        except RecordError:
            return  # Group By writes it to the dead letters
        if counts is not None:
            self._storing.add(counts, self._source(partition), offset, taken_ms)

    def _commit(self) -> None:
        """How far this worker is, for whoever looks at the group's lag."""
        stored = self._storing.stored
        offsets = [TopicPartition(self._worker._topic, partition, stored[self._source(partition)]) for partition in self._next]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                logger.debug("can't commit: %s", error)

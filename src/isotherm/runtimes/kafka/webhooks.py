"""Webhooks on Kafka: `isotherm-reactions` to whoever wants to be told. One worker sends, others stand by.

The topic has one partition, and whoever the group gives it to sends. It reads what fired and what came of it (`deliveries`) from their
beginning, so it needs no disk, and goes on where the one before it was. Addresses and secrets are in its settings file alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from isotherm.core.records import RecordError
from isotherm.core.rules import Reaction
from isotherm.core.webhooks import Webhook
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.kafka.connection import DELIVERIES, WEBHOOKS_GROUP, Cluster, watermarks
from isotherm.runtimes.kafka.deliveries import Known
from isotherm.runtimes.kafka.life import Life
from isotherm.runtimes.kafka.sending import Sending
from isotherm.runtimes.kafka.told import told_by
from isotherm.runtimes.kafka.whole import WholeTopic
from isotherm.runtimes.topics import Topics

__all__ = ["WebhooksWorker"]

_POLL_S: Final = 0.1
_AT_ONCE: Final = 500
_FLUSH_S: Final = 5.0
_TURN_EVERY_MS: Final = 3_600_000

logger = logging.getLogger(__name__)


class WebhooksWorker:
    """One worker. `run` returns after SIGTERM."""

    def __init__(self, cluster: Cluster, webhooks: Sequence[Webhook], allowed: Sequence[str]) -> None:
        self._cluster = cluster
        self._webhooks = webhooks
        self._allowed = allowed
        self._clock = Clock(cluster.pipeline.skew_ms)
        self._life = Life(logger)
        self._turn: _Turn | None = None

    def run(self) -> None:
        self._life.live(self._work, self._let_go)

    def _work(self) -> None:
        cluster = self._cluster
        # a message that was sent is told to be so however long Kafka is away, as long as this process lives
        producer = cluster.producer(**{"message.timeout.ms": 0, "linger.ms": 0})
        consumer: Any = cluster.consumer(WEBHOOKS_GROUP, member=True, **{"isolation.level": "read_committed", "enable.partition.eof": True})

        def write(key: str, value: bytes | None) -> None:
            producer.produce(cluster.name(DELIVERIES), value, key)

        def on_assign(_consumer: Any, partitions: list[TopicPartition]) -> None:
            for place in partitions:
                low, _ = watermarks(consumer, TopicPartition(place.topic, place.partition))
                self._let_go()
                self._turn = _Turn(self, write)
                consumer.assign([TopicPartition(place.topic, place.partition, low)])
                logger.info("sends webhooks")

        def on_revoke(_consumer: Any, _partitions: list[TopicPartition]) -> None:
            if self._turn is not None and self._life.running:
                logger.info("another sends now, stands by for webhooks")
            self._let_go()
            producer.flush(_FLUSH_S)

        with consumer:
            consumer.subscribe([cluster.name(Topics.REACTIONS)], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_revoke)
            logger.info("stands by for webhooks")
            try:
                while self._life.running:
                    first = consumer.poll(_POLL_S)
                    messages = [] if first is None else [first, *consumer.consume(_AT_ONCE, timeout=0)]
                    producer.poll(0)
                    if self._turn is not None:
                        self._turn.take(messages)
            finally:
                self._let_go()
                producer.flush(_FLUSH_S)

    def _let_go(self) -> None:
        if self._turn is not None:
            self._turn.end()
            self._turn = None


class _Turn:
    """The time in which this worker is the one that sends."""

    def __init__(self, worker: WebhooksWorker, write: Any) -> None:
        self._worker = worker
        self._write = write
        self._known = Known()
        self._before: list[Reaction] = []
        self._sending: Sending | None = None
        self._turned_ms = 0
        self._deliveries = WholeTopic(worker._cluster, DELIVERIES)
        self._learn(self._deliveries.rest())

    def end(self) -> None:
        if self._sending is not None:
            self._sending.stop()
        self._deliveries.close()

    def take(self, messages: list[Any]) -> None:
        """What came of `isotherm-reactions`. Raises `KafkaException`."""
        for message in messages:
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if error is None:
                self._hear(message)
            elif self._sending is None:
                worker, now_ms = self._worker, self._worker._clock.now_ms
                self._sending = Sending(worker._webhooks, worker._allowed, self._known, self._before, self._write, now_ms)
        if self._sending is not None:
            self._learn(self._deliveries.read(0))
            self._tidy(self._worker._clock.now_ms())

    def _hear(self, message: Any) -> None:
        for seq, reaction in told_by([message]):
            if self._sending is None:
                self._before.append(reaction)
            else:
                self._sending.hear(seq, reaction)

    def _learn(self, messages: list[Any]) -> None:
        for message in messages:
            key = (message.key() or b"").decode("utf-8", "replace")
            try:
                self._known.take(key, message.value())
            except RecordError as error:
                logger.warning("record %d of %s is left out: %s", message.offset(), message.topic(), error)
                continue
            if self._sending is not None and not message.value() and key in {webhook.name for webhook in self._worker._webhooks}:
                self._sending.renew(key)

    def _tidy(self, now_ms: int) -> None:
        if 0 <= now_ms - self._turned_ms < _TURN_EVERY_MS:
            return
        self._turned_ms = now_ms
        for key in self._known.turn(now_ms):
            self._write(key, None)

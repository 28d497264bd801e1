"""Group By on Kafka: a StreamingDataFrame from `clickstream` to `clickstream-group-by-page`, with the core's stage inside.

What came of a page is gathered from tick to tick and handed on once a hop, as one record, so that a page that everyone looks at
costs its aggregator as little as any other: a record a hop and partition of `clickstream`. That record carries the partition and the
offset of the tick. Turns are a function of the log alone, so whoever begins anew writes the same records with the same offsets, and
the aggregator merges each once. So at-least-once is enough here, and cheap: checkpoints of a second, no transactions.

The stage's state, who was seen where, which batches were counted and what waits for the next tick, is a function of the last ten
minutes of its partition. Whoever begins in the midst of a partition reads these ten minutes again first, and writes nothing of them (why
not a changelog: docs/sizing.md). What must hold: of one page and partition, records are written in the order of their offsets and
without a gap. Hence one producer, idempotent, that gives nothing up; and whoever finds that offsets do not follow on each other
begins anew.

Ticks come from gateways. Where there is none (the tutorial's gateway writes events alone), the worker writes one itself after a second.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from quixstreams import Application, message_context
from quixstreams.models import Serializer, Topic

from isotherm.core.combine import Combiner
from isotherm.core.counts import Counts
from isotherm.core.group_by import GroupBy
from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.records import (
    RecordError,
    Tick,
    counts_to_records,
    dead_letter,
    decode_clickstream,
    encode,
    is_clickstream,
    samples_from_record,
    tick_of,
    visits_of,
)
from isotherm.core.samples import Samples
from isotherm.core.ticks import turn_of
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.kafka.classic import samples_of_event
from isotherm.runtimes.kafka.connection import GROUP_BY_GROUP, Cluster
from isotherm.runtimes.pipeline import PipelineSettings
from isotherm.runtimes.topics import Topics

__all__ = ["GroupByWorker", "group_by_application"]

_READ_AT_ONCE: Final = 1000
_TIMEOUT_S: Final = 30.0
_PATIENCE_S: Final = 1.0
_NUDGE_EVERY_S: Final = 0.25
_NUDGES: Final = 3

logger = logging.getLogger(__name__)


class Out(NamedTuple):
    """A record that is to be written."""

    key: str | None  #: None: it is a dead letter
    value: bytes


class _Value(Serializer):
    def __call__(self, value: Out, ctx: Any = None) -> bytes:
        return value.value


class _Part:
    """One partition's stage, what it gathered since its last turn, and the offset that it expects next."""

    def __init__(self, pipeline: PipelineSettings) -> None:
        self.group_by = GroupBy(grid_size=pipeline.grid_size, hop_ms=pipeline.hop_ms, samples_a_tile_max=pipeline.samples_a_tile_max)
        self.gathered = Combiner(pipeline.grid_size)
        self.next_offset = 0
        self.turn: int | None = None
        self.waits_since_s: float | None = None  #: something was gathered then, and no tick came yet
        self.nudges = 0

    def begins_turn(self, tick_ms: int, hop_ms: int) -> bool:
        """Whether this tick is the first of another turn."""
        turn = turn_of(tick_ms, hop_ms)
        if turn == self.turn:
            return False
        self.turn = turn
        return True

    def gather(self, counts: Counts | None) -> None:
        if counts is None or not counts.pages:
            return
        self.gathered.add(counts)
        if self.waits_since_s is None:
            self.waits_since_s, self.nudges = time.monotonic(), 0

    def hand_on(self) -> Counts | None:
        self.waits_since_s = None
        return self.gathered.take()


class GroupByWorker:
    """One worker's stages, a partition each. `outputs` is what the StreamingDataFrame applies."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pipeline = cluster.pipeline
        self._parts: dict[int, _Part] = {}

    def outputs(self, value: bytes, key: bytes | None, timestamp_ms: int, _headers: object) -> list[Out]:
        """The records that follow from one record."""
        context = message_context()
        partition, offset = context.partition, context.offset
        part = self._parts.get(partition)
        if part is None or part.next_offset != offset:
            part = self._parts[partition] = self._remember(partition, offset, timestamp_ms)
        part.next_offset = offset + 1
        try:
            counts = self._counts(part, value, key, timestamp_ms)
        except RecordError as error:
            return [self._dead(str(error), partition, offset, value)]
        except Exception as error:  # one record never stops a stage; what it was is kept
            logger.exception("record %d of partition %d could not be processed", offset, partition)
            return [self._dead(f"{type(error).__name__}: {error}", partition, offset, value)]
        if counts is None:
            return []
        hop_ms, grid_size = self._pipeline.hop_ms, self._pipeline.grid_size
        records = counts_to_records(counts, partition=partition, offset=offset, pane_ms=hop_ms, grid_size=grid_size)
        return [Out(page, encode(record)) for page, record in records]

    def overdue(self, now_s: float) -> list[int]:
        """Partitions that wait for a tick for long, a few times each: one that was taken from this worker is not its affair any more."""
        patience_s = max(_PATIENCE_S, 2 * self._pipeline.hop_ms / 1000)
        due = []
        for partition, part in list(self._parts.items()):
            since_s = part.waits_since_s
            if since_s is not None and part.nudges < _NUDGES and now_s - since_s > patience_s * (part.nudges + 1):
                part.nudges += 1
                due.append(partition)
        return due

    def _counts(self, part: _Part, value: bytes, key: bytes | None, timestamp_ms: int) -> Counts | None:
        """Gathers; returns what is to be handed on now."""
        tick_ms = tick_of(value)
        if tick_ms is None:
            samples = self._samples(value, key, timestamp_ms)
            if samples is not None:
                part.gather(part.group_by.group(samples))
            return None
        part.gather(part.group_by.tick(tick_ms))
        return part.hand_on() if part.begins_turn(tick_ms, self._pipeline.hop_ms) else None

    def _samples(self, value: bytes, key: bytes | None, timestamp_ms: int) -> Samples | None:
        if is_clickstream(value):
            return samples_from_record(decode_clickstream(value))
        return samples_of_event(value, key, timestamp_ms, self._pipeline.skew_ms)

    def _dead(self, error: str, partition: int, offset: int, value: bytes) -> Out:
        topic = self._cluster.name(Topics.CLICKSTREAM)
        logger.warning("record %d of %s[%d] goes to the dead letters: %s", offset, topic, partition, error)
        return Out(None, encode(dead_letter(error, "group-by", topic, partition, offset, value)))

    # -- the past

    def _remember(self, partition: int, offset: int, timestamp_ms: int) -> _Part:
        """A stage that knows what came before that offset. Raises `KafkaException`: then nothing was processed."""
        part, topic, began = _Part(self._pipeline), self._cluster.name(Topics.CLICKSTREAM), time.monotonic()
        memory_ms = max(REPEAT_MEMORY_MS, self._pipeline.window_ms) + 2 * self._pipeline.skew_ms
        records, waiting = 0, []  # what came since the last turn is gathered again, all before it was handed on
        for message in self._past(topic, partition, offset, timestamp_ms - memory_ms):
            records += 1
            waiting.append(message)
            tick_ms = _tick_or_none(message.value() or b"")
            if tick_ms is not None and part.begins_turn(tick_ms, self._pipeline.hop_ms):
                for past in waiting:
                    self._relive(part.group_by, past)
                waiting.clear()
        for message in waiting:
            with contextlib.suppress(RecordError):  # it went to the dead letters then
                self._counts(part, message.value() or b"", message.key(), message.timestamp()[1])
        if records:
            logger.info("%s[%d]: %d records read back in %.1f s", topic, partition, records, time.monotonic() - began)
        return part

    def _past(self, topic: str, partition: int, offset: int, since_ms: int) -> Iterator[Any]:
        """The records from that time on, before that offset. Raises `KafkaException` where they can't all be had."""
        with self._cluster.consumer("isotherm-group-by-memory") as consumer:
            ((start, _),) = self._cluster.offsets_since(consumer, topic, [partition], since_ms)
            at, deadline = start.offset, time.monotonic() + _TIMEOUT_S
            if at < offset:
                consumer.assign([start])
            while at < offset:
                for message in consumer.consume(min(_READ_AT_ONCE, offset - at), timeout=1.0):
                    if message.error():
                        raise KafkaException(message.error())
                    deadline = time.monotonic() + _TIMEOUT_S
                    at = message.offset() + 1
                    if message.offset() < offset:
                        yield message
                if time.monotonic() > deadline:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic}[{partition}] can't be read back up to {offset}"))

    def _relive(self, group_by: GroupBy, message: Any) -> None:
        value = message.value() or b""
        with contextlib.suppress(RecordError):  # it went to the dead letters then
            tick_ms = tick_of(value)
            if tick_ms is not None:
                group_by.tick(tick_ms)
            elif group_by.remembers_visits and is_clickstream(value):
                group_by.relive(*visits_of(value))
            else:
                samples = self._samples(value, message.key(), message.timestamp()[1])
                if samples is not None:
                    group_by.remember(samples)


def _tick_or_none(value: bytes) -> int | None:
    try:
        return tick_of(value)
    except RecordError:
        return None


class Nudger:
    """Writes ticks where no gateway does, on a thread of its own: a StreamingDataFrame acts only when a record comes."""

    def __init__(self, cluster: Cluster, worker: GroupByWorker) -> None:
        self._cluster = cluster
        self._worker = worker
        self._ended = threading.Event()
        self._clock = Clock(cluster.pipeline.skew_ms)
        self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        topic = self._cluster.name(Topics.CLICKSTREAM)
        with self._cluster.producer(**{"message.timeout.ms": 5000}) as producer:
            while not self._ended.wait(_NUDGE_EVERY_S):
                for partition in self._worker.overdue(time.monotonic()):
                    now_ms = self._clock.now_ms()
                    producer.produce(topic, encode(Tick(tick=now_ms)), partition=partition, timestamp=now_ms)
                producer.poll(0)


def group_by_application(cluster: Cluster) -> tuple[Application, Nudger]:
    """The worker, ready to `run`, and what must be running meanwhile."""
    app = cluster.application(GROUP_BY_GROUP)

    def topic(name: str) -> Topic:
        return app.topic(
            cluster.name(name), key_deserializer="bytes", value_deserializer="bytes", key_serializer="str", value_serializer=_Value()
        )

    clickstream, grouped, dead = topic(Topics.CLICKSTREAM), topic(Topics.GROUPED), topic(Topics.DEAD_LETTER)
    worker = GroupByWorker(cluster)
    stream = app.dataframe(clickstream).apply(worker.outputs, expand=True, metadata=True)
    stream.to_topic(lambda out, *_: grouped if out.key is not None else dead, key=lambda out: out.key)
    return app, Nudger(cluster, worker)

"""Group By on Kafka: a StreamingDataFrame from `clickstream` to `clickstream-group-by-page`, with the core's stage inside.

One record of `clickstream` becomes one record a page, which carries that record's partition and offset: the aggregator
merges it once, however often it is written. So at-least-once is enough here, and cheap: checkpoints of a second, no transactions.

The stage's state, who was seen where and which batches were counted, is a function of the last ten minutes of its partition. Whoever
begins in the midst of a partition reads these ten minutes again first, and writes nothing of them (why not a changelog: docs/sizing.md).
What must hold: of one page and partition, records are written in the order of their offsets and without a gap. Hence one
producer, idempotent, that gives nothing up; and whoever finds that offsets do not follow on each other begins anew.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException
from quixstreams import Application, message_context
from quixstreams.models import Serializer, Topic

from isotherm.core.counts import Counts
from isotherm.core.group_by import GroupBy
from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.records import (
    RecordError,
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
from isotherm.core.sites import Sites
from isotherm.runtimes.kafka.classic import samples_of_event
from isotherm.runtimes.kafka.connection import GROUP_BY_GROUP, Cluster
from isotherm.runtimes.topics import Topics

__all__ = ["GroupByWorker", "group_by_application"]

_READ_AT_ONCE: Final = 1000
_TIMEOUT_S: Final = 30.0

logger = logging.getLogger(__name__)


class Out(NamedTuple):
    """A record that is to be written."""

    key: str | None  #: None: it is a dead letter
    value: bytes


class _Value(Serializer):
    def __call__(self, value: Out, ctx: Any = None) -> bytes:
        return value.value


class _Part:
    """One partition's stage, and the offset that it expects next."""

    def __init__(self, group_by: GroupBy, next_offset: int) -> None:
        self.group_by = group_by
        self.next_offset = next_offset


class GroupByWorker:
    """One worker's stages, a partition each. `outputs` is what the StreamingDataFrame applies."""

    def __init__(self, cluster: Cluster, sites: Sites) -> None:
        self._cluster = cluster
        self._sites = sites
        self._parts: dict[int, _Part] = {}

    def outputs(self, value: bytes, key: bytes | None, timestamp_ms: int, _headers: object) -> list[Out]:
        """The records that follow from one record."""
        context = message_context()
        partition, offset = context.partition, context.offset
        part = self._parts.get(partition)
        if part is None or part.next_offset != offset:
            part = self._parts[partition] = _Part(self._remember(partition, offset, timestamp_ms), offset)
        part.next_offset = offset + 1
        try:
            counts = self._counts(part.group_by, value, key, timestamp_ms)
        except RecordError as error:
            return [self._dead(str(error), partition, offset, value)]
        except Exception as error:  # one record never stops a stage; what it was is kept
            logger.exception("record %d of partition %d could not be processed", offset, partition)
            return [self._dead(f"{type(error).__name__}: {error}", partition, offset, value)]
        if counts is None:
            return []
        pipeline = self._cluster.pipeline
        records = counts_to_records(counts, partition=partition, offset=offset, pane_ms=pipeline.hop_ms, grid_size=pipeline.grid_size)
        return [Out(page, encode(record)) for page, record in records]

    def _counts(self, group_by: GroupBy, value: bytes, key: bytes | None, timestamp_ms: int) -> Counts | None:
        tick_ms = tick_of(value)
        if tick_ms is not None:
            return group_by.tick(tick_ms)
        samples = self._samples(value, key, timestamp_ms)
        return group_by.group(samples) if samples is not None else None

    def _samples(self, value: bytes, key: bytes | None, timestamp_ms: int) -> Samples | None:
        if is_clickstream(value):
            return samples_from_record(decode_clickstream(value))
        site = self._sites.get(None)
        return samples_of_event(value, key, timestamp_ms, self._cluster.pipeline.skew_ms, site) if site is not None else None

    def _dead(self, error: str, partition: int, offset: int, value: bytes) -> Out:
        topic = self._cluster.name(Topics.CLICKSTREAM)
        logger.warning("record %d of %s[%d] goes to the dead letters: %s", offset, topic, partition, error)
        return Out(None, encode(dead_letter(error, "group-by", topic, partition, offset, value)))

    def _remember(self, partition: int, offset: int, timestamp_ms: int) -> GroupBy:
        """A stage that knows what came before that offset. Raises `KafkaException`: then nothing was processed."""
        pipeline = self._cluster.pipeline
        group_by = GroupBy(grid_size=pipeline.grid_size, hop_ms=pipeline.hop_ms, samples_a_tile_max=pipeline.samples_a_tile_max)
        topic = self._cluster.name(Topics.CLICKSTREAM)
        since_ms = timestamp_ms - REPEAT_MEMORY_MS - 2 * pipeline.skew_ms
        began, records, at = time.monotonic(), 0, offset
        with self._cluster.consumer("isotherm-group-by-memory") as consumer:
            ((start, _),) = self._cluster.offsets_since(consumer, topic, [partition], since_ms)
            at = start.offset
            if at < offset:
                consumer.assign([start])
            while at < offset:
                messages = consumer.consume(min(_READ_AT_ONCE, offset - at), timeout=1.0)
                for message in messages:
                    if message.error():
                        raise KafkaException(message.error())
                    at = message.offset() + 1
                    if message.offset() < offset:
                        self._relive(group_by, message)
                        records += 1
                if not messages and time.monotonic() - began > _TIMEOUT_S + records / 1000:
                    logger.warning("%s[%d] could not be read back up to %d: repeats may be counted twice", topic, partition, offset)
                    break
        if records:
            logger.info("%s[%d]: %d records read back in %.1f s", topic, partition, records, time.monotonic() - began)
        return group_by

    def _relive(self, group_by: GroupBy, message: Any) -> None:
        value = message.value() or b""
        try:
            tick_ms = tick_of(value)
            if tick_ms is not None:
                group_by.tick(tick_ms)
            elif group_by.remembers_visits and is_clickstream(value):
                group_by.relive(*visits_of(value))
            else:
                samples = self._samples(value, message.key(), message.timestamp()[1])
                if samples is not None:
                    group_by.remember(samples)
        except RecordError:
            pass  # it went to the dead letters then


def group_by_application(cluster: Cluster, sites: Sites) -> Application:
    """The worker, ready to `run`. `sites` may change while it does."""
    app = cluster.application(GROUP_BY_GROUP)

    def topic(name: str) -> Topic:
        return app.topic(
            cluster.name(name), key_deserializer="bytes", value_deserializer="bytes", key_serializer="str", value_serializer=_Value()
        )

    clickstream, grouped, dead = topic(Topics.CLICKSTREAM), topic(Topics.GROUPED), topic(Topics.DEAD_LETTER)
    worker = GroupByWorker(cluster, sites)
    stream = app.dataframe(clickstream).apply(worker.outputs, expand=True, metadata=True)
    stream.to_topic(lambda out, *_: grouped if out.key is not None else dead, key=lambda out: out.key)
    return app

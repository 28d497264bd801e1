"""Group By's state, a partition each: the core's stage, and how whoever begins in the midst of a partition comes to know what was before.

The state, who was seen where and which batches were counted, is a function of the last ten minutes of the partition; so these ten minutes
are read again, and nothing of them comes out (why not a changelog: docs/decisions.md). Offsets that do not follow on each other mean that
another had the partition meanwhile: its state is made anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from typing import Any, Final

from confluent_kafka import KafkaException

from isotherm.core.counts import Counts
from isotherm.core.group_by import GroupBy
from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.rage import REMEMBERED_MS
from isotherm.core.records import RecordError, decode_clickstream, is_clickstream, tick_of
from isotherm.core.sample_records import samples_from_record
from isotherm.core.samples import Samples
from isotherm.core.sites import Sites
from isotherm.core.visits import visits_of
from isotherm.runtimes.kafka.classic import samples_of_event
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.topics import Topics

__all__ = ["Stages"]

_READ_AT_ONCE: Final = 1000
_WHOLE_MS: Final = max(2 * REMEMBERED_MS, 120_000)  #: clicks and views of the records since then are known; of older ones who was where
_TIMEOUT_S: Final = 30.0

logger = logging.getLogger(__name__)


class _Part:
    """One partition's stage, and the offset that it expects next."""

    def __init__(self, group_by: GroupBy, next_offset: int) -> None:
        self.group_by = group_by
        self.next_offset = next_offset


class Stages:
    """One worker's partitions of `clickstream`. `sites` may change meanwhile. `people`: the counts tell who is behind them."""

    def __init__(self, cluster: Cluster, sites: Sites, group: str, *, people: bool = False) -> None:
        """`group`: of the consumer that reads again; it commits nothing."""
        self._cluster = cluster
        self._sites = sites
        self._group = group
        self._people = people
        self.spots_of: Collection[str] = ()  #: keys of the pages whose spots are asked for
        self._parts: dict[int, _Part] = {}

    def counts(self, partition: int, offset: int, value: bytes, key: bytes | None, timestamp_ms: int) -> Counts | None:
        """What follows from a record. Raises `RecordError`; and `KafkaException`: then nothing was processed."""
        part = self._parts.get(partition)
        if part is None or part.next_offset != offset:
            part = self._parts[partition] = _Part(self._remember(partition, offset, timestamp_ms), offset)
        part.next_offset = offset + 1
        tick_ms = tick_of(value)
        if tick_ms is not None:
            return part.group_by.tick(tick_ms)
        samples = self._samples(value, key, timestamp_ms)
        part.group_by.spots_of = self.spots_of
        return part.group_by.group(samples) if samples is not None else None

    def forget(self, partition: int) -> None:
        """Another has the partition."""
        self._parts.pop(partition, None)

    def _samples(self, value: bytes, key: bytes | None, timestamp_ms: int) -> Samples | None:
        if is_clickstream(value):
            return samples_from_record(decode_clickstream(value))
        site = self._sites.get(None)
        return samples_of_event(value, key, timestamp_ms, self._cluster.pipeline.skew_ms, site) if site is not None else None

    def _remember(self, partition: int, offset: int, timestamp_ms: int) -> GroupBy:
        """A stage that knows what came before that offset. Raises `KafkaException`: then nothing was processed."""
        pipeline = self._cluster.pipeline
        group_by = GroupBy(
            grid_size=pipeline.grid_size,
            hop_ms=pipeline.hop_ms,
            samples_a_tile_max=pipeline.samples_a_tile_max,
            people=self._people,
        )
        topic = self._cluster.name(Topics.CLICKSTREAM)
        since_ms = timestamp_ms - REPEAT_MEMORY_MS - 2 * pipeline.skew_ms
        began, records, at = time.monotonic(), 0, offset
        with self._cluster.consumer(self._group) as consumer:
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
                        self._relive(group_by, message, timestamp_ms - _WHOLE_MS - pipeline.skew_ms)
                        records += 1
                if not messages and time.monotonic() - began > _TIMEOUT_S + records / 1000:
                    logger.warning("%s[%d] could not be read back up to %d: repeats may be counted twice", topic, partition, offset)
                    break
        if records:
            logger.info("%s[%d]: %d records read back in %.1f s", topic, partition, records, time.monotonic() - began)
        return group_by

    def _relive(self, group_by: GroupBy, message: Any, whole_since_ms: int) -> None:
        """`whole_since_ms`: of records since then the clicks count too, not only who was where."""
        value = message.value() or b""
        try:
            tick_ms = tick_of(value)
            if tick_ms is not None:
                group_by.tick(tick_ms)
            elif message.timestamp()[1] < whole_since_ms and group_by.remembers_visits and is_clickstream(value):
                group_by.relive(*visits_of(value))
            else:
                samples = self._samples(value, message.key(), message.timestamp()[1])
                if samples is not None:
                    group_by.remember(samples)
        except RecordError:
            pass  # it went to the dead letters then

"""Past: what lay on a page's parts before somebody asked for them, read again from `clickstream`. It blocks, on a thread.

A page's records alone are taken, by a Group By of this reading's own, a partition after the other; repeats are told by the records of ten
minutes. Where each partition ends is told first: what Group By tells of offsets from there on is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from time import sleep
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from isotherm.core.counts import Counts
from isotherm.core.group_by import GroupBy
from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.records import is_clickstream
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.sticking import decoded, joined_soundly
from isotherm.runtimes.topics import Topics

__all__ = ["read_past"]

_AT_ONCE: Final = 100  #: records that are taken as one
_FETCHED: Final = 1000
_PAUSE_S: Final = 0.002  #: the gateway goes before
_RECORDS_MAX: Final = 200_000  #: of a partition, the newest: a gateway writes at most four a second


def read_past(
    cluster: Cluster,
    page: str,
    now_ms: int,
    ends: Callable[[Mapping[int, int]], object],
    tell: Callable[[Counts], object],
    wanted: Callable[[], bool],
) -> None:
    """Raises `KafkaException`. `ends(by partition)` is called once, then `tell` as it goes on, while it is `wanted`."""
    pipeline = cluster.pipeline
    topic = cluster.name(Topics.CLICKSTREAM)
    since_ms = now_ms - max(pipeline.window_ms, REPEAT_MEMORY_MS) - pipeline.skew_ms
    named = msgspec.json.encode(page)
    with cluster.consumer("isotherm-parts-past", **{"enable.partition.eof": True}) as consumer:
        places = cluster.offsets_since(consumer, topic, list(range(cluster.partitions)), since_ms)
        ends({place.partition: end for place, end in places})
        for place, end in places:
            start = max(place.offset, end - _RECORDS_MAX)
            if start >= end:
                continue
            group_by = GroupBy(grid_size=pipeline.grid_size, hop_ms=pipeline.hop_ms, samples_a_tile_max=pipeline.samples_a_tile_max)
            group_by.spots_of = {page}
            consumer.assign([TopicPartition(topic, place.partition, start)])
            values = (value for value in _values(consumer, end) if named in value and is_clickstream(value))
            while records := list(decoded(islice(values, _AT_ONCE))):
                for samples in joined_soundly(records):
                    tell(group_by.group(samples))
                if not wanted():
                    return
                sleep(_PAUSE_S)


def _values(consumer: Any, end: int) -> Iterator[bytes]:
    """Of the partition that is assigned, up to `end`."""
    while True:
        first = consumer.poll(1.0)
        for message in [] if first is None else [first, *consumer.consume(_FETCHED, timeout=0)]:
            if message.error() is not None:
                if message.error().code() == KafkaError._PARTITION_EOF:
                    return
                raise KafkaException(message.error())
            if message.offset() < end:
                yield message.value() or b""
            if message.offset() + 1 >= end:
                return

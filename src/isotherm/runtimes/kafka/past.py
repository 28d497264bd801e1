"""Past: what lay on a page's parts before somebody asked for them, read again from `clickstream`. It blocks, on a thread.

A page's records alone are taken, a partition after the other, by stages of this reading's own; repeats are told by the records of ten
minutes. Where each partition ends is told first: what Group By tells of offsets from there on is not in it.

What was in view is told in stretches, some time after it was: which of them Group By told before the end depends on when it looked. So
here `Views` hear the time of every record, and the stretches of both ways meet without a gap or an overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from time import monotonic, sleep
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from isotherm.core.counts import Counts, StretchCounts
from isotherm.core.group_by import GroupBy
from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.meeting import Meeting
from isotherm.core.part_records import PartCounts
from isotherm.core.records import RecordError, decode_clickstream, is_clickstream
from isotherm.core.sample_records import samples_from_record
from isotherm.core.samples import Samples
from isotherm.core.views import Views
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.sticking import decoded, joined_soundly
from isotherm.runtimes.topics import Topics

__all__ = ["ReadPast", "read_past", "read_views"]

_AT_ONCE: Final = 100  #: records that are taken as one
_FETCHED: Final = 1000
_PAUSE_S: Final = 0.002  #: the gateway goes before
_POLL_S: Final = 0.5  #: so soon it sees that nobody waits any more
_SILENCE_S: Final = 30.0  #: brokers that send nothing for so long are away: the next question is to have its turn
_RECORDS_MAX: Final = 200_000  #: of a partition, the newest: a gateway writes at most four a second

#: Of a cluster, a page and the time. The first is called once with the ends by partition, the next as it goes on, while the last says so.
ReadPast = Callable[
    [Cluster, str, int, Callable[[Mapping[int, int]], object], Callable[[PartCounts], object], Callable[[], bool]], None
]


def read_past(
    cluster: Cluster,
    page: str,
    now_ms: int,
    ends: Callable[[Mapping[int, int]], object],
    tell: Callable[[PartCounts], object],
    wanted: Callable[[], bool],
) -> None:
    """Zones and spots. Raises `KafkaException`."""
    pipeline = cluster.pipeline
    named = msgspec.json.encode(page)
    for messages in _partitions(cluster, now_ms, ends, wanted):
        group_by = GroupBy(grid_size=pipeline.grid_size, hop_ms=pipeline.hop_ms, samples_a_tile_max=pipeline.samples_a_tile_max)
        group_by.spots_of = {page}
        values = (value for _, value in messages if named in value and is_clickstream(value))
        while records := list(decoded(islice(values, _AT_ONCE))):
            for samples in joined_soundly(records):
                counts = group_by.group(samples)
                if page in counts.pages:
                    tell(_of_page(counts, page))
            if not wanted():
                return
            sleep(_PAUSE_S)


def _of_page(counts: Counts, page: str) -> PartCounts:
    zones = counts.zones.only([key == page for key in counts.pages]) if counts.zones is not None else None
    return PartCounts(0, 0, zones, counts.spots.get(page))


def read_views(
    cluster: Cluster,
    page: str,
    now_ms: int,
    ends: Callable[[Mapping[int, int]], object],
    tell: Callable[[PartCounts], object],
    wanted: Callable[[], bool],
) -> None:
    """What was in view. Raises `KafkaException`."""
    named = msgspec.json.encode(page)
    for messages in _partitions(cluster, now_ms, ends, wanted):
        meeting, views = Meeting(), Views(grid_size=cluster.pipeline.grid_size)
        while some := list(islice(messages, _AT_ONCE)):
            for time_ms, value in some:
                views.settle(time_ms)
                if named in value and is_clickstream(value):
                    with suppress(RecordError):
                        _meet(meeting, views, samples_from_record(decode_clickstream(value)), page)
            told = views.take()
            if told:
                tell(PartCounts(0, 0, None, None, StretchCounts.of(told, {page: 0})))
            if not wanted():
                return
            sleep(_PAUSE_S)


def _meet(meeting: Meeting, views: Views, samples: Samples, page: str) -> None:
    keys = [one.key for one in samples.pages]
    fresh, _ = meeting.meet(samples, keys)
    if page in keys:
        views.meet(samples, keys, fresh & (samples.runs.page == keys.index(page)))


def _partitions(
    cluster: Cluster, now_ms: int, ends: Callable[[Mapping[int, int]], object], wanted: Callable[[], bool]
) -> Iterator[Iterator[tuple[int, bytes]]]:
    """Of each partition in turn the records, their times and values, as long as they are wanted."""
    pipeline = cluster.pipeline
    topic = cluster.name(Topics.CLICKSTREAM)
    since_ms = now_ms - max(pipeline.window_ms, REPEAT_MEMORY_MS) - pipeline.skew_ms
    with cluster.consumer("isotherm-parts-past", **{"enable.partition.eof": True}) as consumer:
        places = cluster.offsets_since(consumer, topic, list(range(cluster.partitions)), since_ms, wanted)
        ends({place.partition: end for place, end in places})
        for place, end in places:
            start = max(place.offset, end - _RECORDS_MAX)
            if start < end and wanted():
                consumer.assign([TopicPartition(topic, place.partition, start)])
                yield _records(consumer, end, wanted)


def _records(consumer: Any, end: int, wanted: Callable[[], bool]) -> Iterator[tuple[int, bytes]]:
    """Of the partition that is assigned, up to `end`. Raises `KafkaException` where nothing comes for long."""
    heard_s = monotonic()
    while wanted():
        first = consumer.poll(_POLL_S)
        if first is not None:
            heard_s = monotonic()
        elif monotonic() - heard_s > _SILENCE_S:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        for message in [] if first is None else [first, *consumer.consume(_FETCHED, timeout=0)]:
            if message.error() is not None:
                if message.error().code() == KafkaError._PARTITION_EOF:
                    return
                raise KafkaException(message.error())
            if message.offset() < end:
                yield message.timestamp()[1], message.value() or b""
            if message.offset() + 1 >= end:
                return

"""What a dry run of a rule goes over: the samples of its page's records in `clickstream`, by hand, without a word to anybody."""

from __future__ import annotations

import time
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.records import RecordError, decode_clickstream, is_clickstream
from isotherm.core.sample_records import samples_from_record
from isotherm.core.samples import Samples
from isotherm.reactions.store import ReactionError
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.topics import Topics

__all__ = ["kept_samples"]

_AT_ONCE: Final = 1000
_TIMEOUT_S: Final = 30.0


def kept_samples(cluster: Cluster, page: str, now_ms: int) -> list[Samples]:
    """Of the last ten minutes or the window, whichever is longer, in the order of their arrival. Raises `ReactionError`."""
    topic = cluster.name(Topics.CLICKSTREAM)
    since_ms = now_ms - max(cluster.pipeline.window_ms, REPEAT_MEMORY_MS)
    found: list[Samples] = []
    began_s = time.monotonic()
    try:
        with cluster.consumer("isotherm-trial") as consumer:
            places = cluster.offsets_since(consumer, topic, list(range(cluster.partitions)), since_ms)
            left = {place.partition: end for place, end in places if place.offset < end}
            consumer.assign([TopicPartition(topic, place.partition, place.offset) for place, _ in places if place.partition in left])
            while left:
                if time.monotonic() - began_s > _TIMEOUT_S:
                    raise ReactionError(f"what {topic} keeps could not be read within {_TIMEOUT_S:.0f} s: try again")
                for message in consumer.consume(_AT_ONCE, timeout=1.0):
                    if message.error():
                        raise KafkaException(message.error())
                    samples = _samples(message, page)
                    if samples is not None:
                        found.append(samples)
                    if message.offset() + 1 >= left.get(message.partition(), 0):
                        left.pop(message.partition(), None)
    except KafkaException as error:
        raise ReactionError(f"can't read the topic {topic}: {error.args[0].str()}") from error
    return sorted(found, key=lambda samples: samples.arrived_ms)


def _samples(message: Any, page: str) -> Samples | None:
    """None: nothing of that page, or no record of ours (an event of others lies on no zone)."""
    value = message.value() or b""
    if not is_clickstream(value):
        return None
    try:
        record = decode_clickstream(value)
        return samples_from_record(record) if page in record.pages else None
    except RecordError:
        return None

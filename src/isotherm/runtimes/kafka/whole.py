"""Whole: a topic of one partition, read from its beginning, and on as it grows. For topics that are small, and known whole or not at all.

Only what was committed is read. The end is told by the consumer itself (end of partition), since marks of transactions stand among the
records and after them.
"""

from __future__ import annotations

import time
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from isotherm.runtimes.kafka.connection import Cluster, watermarks

__all__ = ["WholeTopic", "read_whole"]

_AT_ONCE: Final = 500
_TIMEOUT_S: Final = 30.0
_FETCH_MS: Final = 50  #: the end is told after a fetch that found nothing, and somebody waits for it


class WholeTopic:
    """A context; `read` whatever comes."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        topic = cluster.name(name)
        # the end that is asked for is that of all records, committed or not: what is committed may lie behind what is not yet
        with cluster.consumer("isotherm-whole", member=False, **{"isolation.level": "read_uncommitted"}) as asking:
            low, self._end = watermarks(asking, TopicPartition(topic, 0))
        self._consumer: Any = cluster.consumer(
            "isotherm-whole",
            member=False,
            **{"isolation.level": "read_committed", "enable.partition.eof": True, "fetch.wait.max.ms": _FETCH_MS},
        )
        self._consumer.assign([TopicPartition(topic, 0, low)])
        self.whole = False  #: all that stood there at the beginning was read

    def __enter__(self) -> WholeTopic:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._consumer.close()

    def read(self, timeout_s: float) -> list[Any]:
        """The messages that came, oldest first. Raises `KafkaException`."""
        first: Any = self._consumer.poll(timeout_s)
        found = []
        for message in [] if first is None else [first, *self._consumer.consume(_AT_ONCE, timeout=0)]:
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.whole = self.whole or message.offset() >= self._end
            else:
                raise KafkaException(error)
        return found

    def rest(self) -> list[Any]:
        """All that stood there at the beginning. Raises `KafkaException`."""
        found: list[Any] = []
        began_s = time.monotonic()
        while not self.whole:
            found += self.read(1.0)
            if time.monotonic() - began_s > _TIMEOUT_S + len(found) / 1000:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "a topic could not be read to its end"))
        return found


def read_whole(cluster: Cluster, name: str) -> list[Any]:
    """All messages that stand there now, oldest first. Raises `KafkaException`."""
    with WholeTopic(cluster, name) as topic:
        return topic.rest()

"""Told: the topic `isotherm-reactions`, read. One partition, so that what fired has one order and a number that all know: offset plus 1.

Only what was committed is read. The end is told by the consumer itself (end of partition), since marks of transactions stand among
the records and after them.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from isotherm.core.rules import Reaction, RuleError, reaction_from_json
from isotherm.runtimes.kafka.connection import Cluster, watermarks
from isotherm.runtimes.topics import Topics

__all__ = ["TellingReader", "read_told"]

_AT_ONCE: Final = 500
_TIMEOUT_S: Final = 30.0
_FETCH_MS: Final = 50  #: the end is told after a fetch that found nothing, and whoever claims a partition waits for it

logger = logging.getLogger(__name__)

#: What fired, with its number.
Told = list[tuple[int, Reaction]]


class TellingReader:
    """From the topic's beginning. A context; `read` whatever comes."""

    def __init__(self, cluster: Cluster) -> None:
        self._topic = cluster.name(Topics.REACTIONS)
        # the end that is asked for is that of all records, committed or not: what is committed may lie behind what is not yet
        with cluster.consumer("isotherm-told", member=False, **{"isolation.level": "read_uncommitted"}) as asking:
            low, self._end = watermarks(asking, TopicPartition(self._topic, 0))
        self._consumer: Any = cluster.consumer(
            "isotherm-told",
            member=False,
            **{"isolation.level": "read_committed", "enable.partition.eof": True, "fetch.wait.max.ms": _FETCH_MS},
        )
        self._consumer.assign([TopicPartition(self._topic, 0, low)])
        self.whole = False  #: all that stood there at the beginning was read

    def __enter__(self) -> TellingReader:
        return self

    def __exit__(self, *_error: object) -> None:
        self._consumer.close()

    def read(self, timeout_s: float) -> Told:
        """What came, oldest first. Raises `KafkaException`."""
        first: Any = self._consumer.poll(timeout_s)
        told: Told = []
        for message in [] if first is None else [first, *self._consumer.consume(_AT_ONCE, timeout=0)]:
            error = message.error()
            if error is None:
                self._take(told, message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.whole = self.whole or message.offset() >= self._end
            else:
                raise KafkaException(error)
        return told

    def _take(self, told: Told, message: Any) -> None:
        try:
            told.append((message.offset() + 1, reaction_from_json(msgspec.json.decode(message.value() or b"null"))))
        except (RuleError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            logger.warning("record %d of %s is left out: %s", message.offset(), message.topic(), error)


def read_told(cluster: Cluster) -> list[Reaction]:
    """All that stands there now, oldest first. Raises `KafkaException`."""
    told: list[Reaction] = []
    began_s = time.monotonic()
    with TellingReader(cluster) as reader:
        while not reader.whole:
            told += [reaction for _, reaction in reader.read(1.0)]
            if time.monotonic() - began_s > _TIMEOUT_S + len(told) / 1000:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the topic of reactions could not be read to its end"))
    return told

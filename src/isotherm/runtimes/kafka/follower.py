"""The follower: reads `isotherm-settings` from its beginning and stays at its end, on a thread of its own.

After an outage it begins anew: what was taken out meanwhile may leave no trace in a compacted topic, so only a whole reading tells what
is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from isotherm.core.records import RecordError
from isotherm.runtimes.kafka.connection import SETTINGS, Cluster, watermarks
from isotherm.runtimes.kafka.following import Following
from isotherm.runtimes.kafka.shared import Shared

__all__ = ["Follower", "read_shared"]

_AT_ONCE: Final = 500
_POLL_S: Final = 0.25

logger = logging.getLogger(__name__)


class Follower(Following):
    """`changed(shared)` is called on the follower's thread: once all that stands in the topic was read, then whenever more came."""

    def __init__(self, cluster: Cluster, changed: Callable[[Shared], None]) -> None:
        self._changed = changed
        super().__init__(cluster, SETTINGS, "settings", "the settings")

    def _follow(self) -> None:
        with self._cluster.consumer("isotherm-settings") as consumer:
            place = TopicPartition(self._cluster.name(SETTINGS), 0)
            low, end = watermarks(consumer, place)
            consumer.assign([TopicPartition(place.topic, 0, low)])
            shared, whole = Shared(), low >= end
            if whole:
                self._tell(shared)
            while self._running:
                first = consumer.poll(_POLL_S)
                messages = [] if first is None else [first, *consumer.consume(_AT_ONCE, timeout=0)]
                for message in messages:
                    if message.error():
                        raise KafkaException(message.error())
                    _take(shared, message)
                    whole = whole or message.offset() + 1 >= end
                if messages and whole:
                    self._tell(shared)

    def _tell(self, shared: Shared) -> None:
        self._changed(shared.copy())
        self._read_once.set()


def _take(shared: Shared, message: Any) -> None:
    try:
        shared.take((message.key() or b"").decode("utf-8", "replace"), message.value())
    except RecordError as error:
        logger.warning("record %d of %s is left out: %s", message.offset(), message.topic(), error)


def read_shared(cluster: Cluster) -> Shared:
    """What stands in the topic now, for a command. Raises `StartError`."""
    found: list[Shared] = []
    follower = Follower(cluster, found.append)
    try:
        follower.wait()
    finally:
        follower.close()
    return found[-1]

"""The follower: reads `isotherm-settings` from its beginning and stays at its end, on a thread of its own.

After an outage it begins anew: what was taken out meanwhile may leave no trace in a compacted topic, so only a whole reading tells what
is there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaException, TopicPartition

from isotherm.core.records import RecordError
from isotherm.runtimes.kafka.connection import SETTINGS, Cluster, watermarks
from isotherm.runtimes.kafka.shared import Shared
from isotherm.runtimes.pipeline import StartError

__all__ = ["Follower", "read_shared"]

_AT_ONCE: Final = 500
_AGAIN_S: Final = 1.0
_POLL_S: Final = 0.25
_TIMEOUT_S: Final = 20.0

logger = logging.getLogger(__name__)


class Follower:
    """`changed(shared)` is called on the follower's thread: once all that stands in the topic was read, then whenever more came."""

    def __init__(self, cluster: Cluster, changed: Callable[[Shared], None]) -> None:
        self._cluster = cluster
        self._changed = changed
        self._running = True
        self._read_once = threading.Event()
        self._thread = threading.Thread(target=self._run, name="settings", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Returns once the topic was read. Raises `StartError`."""
        if not self._read_once.wait(_TIMEOUT_S):
            raise StartError(f"the topic {self._cluster.name(SETTINGS)} could not be read within {_TIMEOUT_S:.0f} s")

    def close(self) -> None:
        self._running = False
        self._thread.join()

    def _run(self) -> None:
        while self._running:
            try:
                with self._cluster.consumer("isotherm-settings") as consumer:
                    self._follow(consumer)
            except KafkaException as error:
                logger.warning("can't read the settings, will try again: %s", error.args[0].str() if error.args else error)
                threading.Event().wait(_AGAIN_S)

    def _follow(self, consumer: Any) -> None:
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

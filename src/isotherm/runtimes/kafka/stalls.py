"""Stalls: a partition of which a consumer hears nothing more though there is more, told from one in which nothing is written.

librdkafka's consumers do not always go on with every partition after their broker was away (its issue 5153, open since 2.5): they stay
assigned and connected, say nothing, and only a new consumer reads on. So who has heard nothing of a partition for a while asks its broker
where it ends, and if what stood there then has not come a while later, the consumer is given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

__all__ = ["Stalls"]

_SILENT_S: Final = 5.0
_ANSWER_S: Final = 2.0


class _Place(NamedTuple):
    topic: str
    partition: int


class _Ear:
    """Of one partition: what is expected next, since when, and what was there when it was asked."""

    __slots__ = ("end", "next", "since_s")

    def __init__(self, next_offset: int, now_s: float) -> None:
        self.next = next_offset
        self.since_s = now_s
        self.end: int | None = None  #: None: not asked since anything came


class Stalls:
    """`begin` with what is assigned, `heard` as records come, `check` often.

    It outlives the consumers: what a new one does not get either is no stall (it may be a mark of a transaction).
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._ears: dict[_Place, _Ear] = {}
        self._given_up: dict[_Place, int] = {}  # the offset at which a consumer was given up

    def begin(self, places: Iterable[TopicPartition]) -> None:
        """A consumer begins there."""
        now_s = self._monotonic_s()
        for place in places:
            self._ears[_Place(place.topic, place.partition)] = _Ear(place.offset, now_s)

    def end(self, places: Iterable[TopicPartition] | None = None) -> None:
        """Those are not assigned any more; None: none is."""
        if places is None:
            self._ears.clear()
        for place in places or ():
            self._ears.pop(_Place(place.topic, place.partition), None)

    def heard(self, topic: str, partition: int, next_offset: int) -> None:
        """All before that offset came. May be told again."""
        ear = self._ears.get(_Place(topic, partition))
        if ear is not None and ear.next != next_offset:
            ear.next, ear.since_s, ear.end = next_offset, self._monotonic_s(), None

    def check(self, consumer: Any) -> None:
        """Once all that had come was heard. Raises `KafkaException` where a partition stands still."""
        now_s = self._monotonic_s()
        for place, ear in self._ears.items():
            if now_s - ear.since_s < _SILENT_S:
                continue
            if ear.end is not None and ear.next < ear.end and self._given_up.get(place) != ear.next:
                self._given_up[place] = ear.next
                why = f"nothing of {place.topic}[{place.partition}] came since record {ear.next - 1}, though it ends at {ear.end}"
                raise KafkaException(KafkaError(KafkaError._FAIL, why))
            try:
                _, ear.end = consumer.get_watermark_offsets(TopicPartition(*place), timeout=_ANSWER_S)
            except KafkaException:  # brokers are away: nothing can be known
                ear.end = None
                for other in self._ears.values():
                    other.since_s = now_s
                return
            ear.since_s = now_s

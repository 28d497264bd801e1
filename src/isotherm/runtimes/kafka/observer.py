"""The observer: the topics as `/topics` and `isotherm topics` show them: messages, rates, how far behind readers are, live messages.

Figures come from the brokers' own offsets. Live messages are read only while somebody looks at them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException, TopicPartition

from isotherm.runtimes.kafka.again import begun_anew
from isotherm.runtimes.kafka.connection import AGGREGATE_GROUP, GROUP_BY_GROUP, ONE_PARTITION, Cluster, KafkaSettings, watermarks
from isotherm.runtimes.pipeline import PipelineSettings, StartError
from isotherm.runtimes.topics import Message, Topics

__all__ = ["Figures", "Gauge", "Observer", "tail", "watch_figures", "watch_messages"]

_EVERY_S: Final = 1.0
_TIMEOUT_S: Final = 5.0
_NEWEST: Final = 20  #: messages shown at once when somebody begins to look
_NAMES: Final = (Topics.CLICKSTREAM, Topics.GROUPED, Topics.HEATMAP, Topics.DEAD_LETTER, Topics.REACTIONS)
_LATEST: Final = -1  #: as a time: the next offset
_RATE_SPAN_S: Final = 2.0
_GROUP_OF: Final = {Topics.CLICKSTREAM: GROUP_BY_GROUP, Topics.GROUPED: AGGREGATE_GROUP}

logger = logging.getLogger(__name__)


class Figures(NamedTuple):
    """One topic, as its brokers have it."""

    partitions: int
    messages: int  #: written since the topic was made
    lag: int | None  #: messages that the next stage has not finished; None: no stage reads it


class Gauge:
    """Measures the topics, by consumers that read nothing.

    The library's admin client is not used: an outage of the brokers ends its process (an assertion in librdkafka 2.12).
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._by_group = {name: cluster.consumer(group) for name, group in _GROUP_OF.items()}

    def measure(self) -> dict[str, Figures]:
        """All topics by name, without the prefix. Raises `KafkaException`."""
        cluster = self._cluster
        places = [
            TopicPartition(cluster.name(name), at, _LATEST)
            for name in _NAMES
            for at in range(1 if name in ONE_PARTITION else cluster.partitions)
        ]
        asking = next(iter(self._by_group.values()))
        ends: dict[str, dict[int, int]] = {}
        for place in asking.offsets_for_times(places, timeout=_TIMEOUT_S):
            if place.error is not None:
                raise KafkaException(place.error)
            ends.setdefault(place.topic, {})[place.partition] = max(0, place.offset)
        return {name: Figures(len(end), sum(end.values()), self._lag(name, end)) for name in _NAMES for end in [ends[cluster.name(name)]]}

    def _lag(self, name: str, end: dict[int, int]) -> int | None:
        consumer = self._by_group.get(name)
        if consumer is None:
            return None
        places = [TopicPartition(self._cluster.name(name), partition) for partition in end]
        done = {place.partition: max(0, place.offset) for place in consumer.committed(places, timeout=_TIMEOUT_S)}
        lag: int = sum(max(0, at - done[partition]) for partition, at in end.items())
        return lag

    def close(self) -> None:
        for consumer in self._by_group.values():
            consumer.close()  # type: ignore[no-untyped-call]  # of Quix Streams


def tail(cluster: Cluster, name: str, running: Callable[[], bool]) -> Iterator[Message]:
    """The newest few messages of a topic, then each as it comes. Raises `KafkaException`."""
    topic = cluster.name(name)
    partitions = 1 if name in ONE_PARTITION else cluster.partitions
    with cluster.consumer("isotherm-topics") as consumer:
        starts = []
        for partition in range(partitions):
            low, high = watermarks(consumer, TopicPartition(topic, partition))
            starts.append(TopicPartition(topic, partition, max(low, high - -(-_NEWEST // partitions))))
        consumer.assign(starts)
        while running():
            message: Any = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            key = message.key()
            yield Message(
                topic,
                key.decode("utf-8", "replace") if key is not None else None,
                message.partition(),
                message.offset(),
                message.timestamp()[1],
                message.value() or b"null",
            )


def watch_figures(kafka: KafkaSettings, prefix: str) -> list[dict[str, Any]]:
    """As `/api/topics` has it, measured twice for the rates. Raises `StartError`."""
    cluster = _look_in(kafka, prefix)
    gauge = Gauge(cluster)
    try:
        first = gauge.measure()
        time.sleep(_RATE_SPAN_S)
        second = gauge.measure()
    except KafkaException as error:
        raise StartError(f"can't read the topics at {kafka.servers}: {error.args[0].str()}") from error
    finally:
        gauge.close()
    return [
        {
            "name": cluster.name(name),
            "partitions": figures.partitions,
            "messages": figures.messages,
            "messages_per_second": (figures.messages - first[name].messages) / _RATE_SPAN_S,
            "bytes_per_second": None,
            "lag": figures.lag,
        }
        for name, figures in second.items()
    ]


def watch_messages(kafka: KafkaSettings, prefix: str, name: str) -> Iterator[Message]:
    """A topic's newest messages and those that come. Raises `StartError`."""
    cluster = _look_in(kafka, prefix)
    bare = name.removeprefix(prefix)
    if bare not in _NAMES:
        raise StartError(f"no topic {name!r}; there are {', '.join(map(cluster.name, _NAMES))}")
    try:
        yield from tail(cluster, bare, lambda: True)
    except KafkaException as error:
        raise StartError(f"can't read the topic {cluster.name(bare)}: {error.args[0].str()}") from error


def _look_in(kafka: KafkaSettings, prefix: str) -> Cluster:
    """The cluster, with the number of partitions that its topics have. Raises `StartError`: nothing is made here."""
    cluster = Cluster(kafka, PipelineSettings(Path(), topic_prefix=prefix))
    found = cluster.partitions_of(Topics.CLICKSTREAM)
    return Cluster(replace(kafka, partitions=found), cluster.pipeline)


class Observer:
    """Keeps `topics` up to date: figures once a second, messages of those that are heard."""

    def __init__(self, cluster: Cluster, topics: Topics, now_ms: Callable[[], int]) -> None:
        self._cluster = cluster
        self._topics = topics
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._running = True
        self._wake = threading.Event()
        self._tailing: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        self._running = False
        self._wake.set()
        for thread in [self._thread, *self._tailing.values()]:
            await self._loop.run_in_executor(None, thread.join)

    def _run(self) -> None:
        begun_anew(self._measure, lambda: self._running, "measure the topics", logger)

    def _measure(self) -> None:
        with contextlib.closing(Gauge(self._cluster)) as gauge:
            due = 0.0
            before: dict[str, Figures] = {}
            while self._running:
                self._tail_heard()
                if time.monotonic() >= due:
                    due = time.monotonic() + _EVERY_S
                    try:
                        found = gauge.measure()
                    except KafkaException as error:
                        logger.debug("can't measure the topics: %s", error)
                        continue
                    self._loop.call_soon_threadsafe(self._show, found, before)
                    before = found
                self._wake.wait(0.1)

    def _show(self, found: dict[str, Figures], before: dict[str, Figures]) -> None:
        now_ms = self._now_ms()
        for name, figures in found.items():
            topic = self._topics[name]
            topic.partitions, topic.lag = figures.partitions, figures.lag
            if name in before and figures.messages > before[name].messages:
                topic.count(figures.messages - before[name].messages, 0, now_ms)
            topic.messages = figures.messages

    def _tail_heard(self) -> None:
        for name in _NAMES:
            thread = self._tailing.get(name)
            if self._topics[name].heard and (thread is None or not thread.is_alive()):
                self._tailing[name] = threading.Thread(target=self._tail, args=(name,), name=f"tail {name}", daemon=True)
                self._tailing[name].start()

    def _tail(self, name: str) -> None:
        topic = self._topics[name]
        self._loop.call_soon_threadsafe(topic.newest.clear)
        try:
            for message in tail(self._cluster, name, lambda: self._running and topic.heard):
                self._loop.call_soon_threadsafe(self._publish, name, message)
        except KafkaException as error:
            logger.warning("can't read %s: %s", topic.name, error)

    def _publish(self, name: str, message: Message) -> None:
        topic = self._topics[name]
        topic.publish([message])
        topic.count(0, len(message.value), self._now_ms())

"""The reader: `heatmap`, `isotherm-interest` and `isotherm-parts`, read by every gateway as a whole, on a thread of its own.

It begins early enough to have every live page whole, and is `ready` once it has read what stood there when it began. Of parts it takes
what comes from then on, of the pages that are asked for here.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import TopicPartition

from isotherm.core.mirror import STALE_MS
from isotherm.core.part_records import PartCounts, parts_from_value
from isotherm.core.records import HeatmapRecord, Interest, RecordError, decode_heatmap, decode_interest
from isotherm.runtimes.kafka.again import begun_anew
from isotherm.runtimes.kafka.connection import INTEREST, PARTS, Cluster, watermarks
from isotherm.runtimes.kafka.lines import lines
from isotherm.runtimes.kafka.parts import Parts
from isotherm.runtimes.kafka.stalls import Stalls
from isotherm.runtimes.topics import Topics

__all__ = ["Reader"]

_AT_ONCE: Final = 500

logger = logging.getLogger(__name__)


class Reader:
    """`on_heat` and `on_interest` are called on the loop, with what came at once."""

    def __init__(
        self,
        cluster: Cluster,
        now_ms: Callable[[], int],
        on_heat: Callable[[list[HeatmapRecord]], None],
        on_interest: Callable[[list[tuple[str, Interest]]], None],
        parts: Parts,
    ) -> None:
        self._cluster = cluster
        self._now_ms = now_ms
        self._on_heat = on_heat
        self._on_interest = on_interest
        self._parts = parts
        self._parts_next: dict[int, int] = {}  # by partition: after an outage it goes on there
        self._loop = asyncio.get_running_loop()
        self._running = True
        self.ready = False
        self.heat_bytes = 0
        self._ends: dict[tuple[str, int], int] = {}  # where reading back ends
        self._stalls = Stalls()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        self._running = False
        await self._loop.run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        begun_anew(self._follow, lambda: self._running, "read heat", logger)

    def _follow(self) -> None:
        with self._cluster.consumer("isotherm-live") as consumer:
            self._begin(consumer)
            while self._running:
                self._read(consumer)

    def _begin(self, consumer: Any) -> None:
        heat, interest = self._cluster.name(Topics.HEATMAP), self._cluster.name(INTEREST)
        since_ms = self._now_ms() - STALE_MS
        places = self._cluster.offsets_since(consumer, heat, list(range(self._cluster.partitions)), since_ms)
        places += self._cluster.offsets_since(consumer, interest, [0], 0)
        self._ends = {(place.topic, place.partition): high for place, high in places if place.offset < high}
        begins = [TopicPartition(place.topic, place.partition, place.offset) for place, _ in places]
        begins += self._begin_parts(consumer)
        consumer.assign(begins)
        self._stalls.begin(begins)
        if not self._ends:
            self._loop.call_soon_threadsafe(self._set_ready)

    def _begin_parts(self, consumer: Any) -> list[TopicPartition]:
        topic = self._cluster.name(PARTS)
        begins = []
        for partition in range(self._cluster.partitions):
            low, high = watermarks(consumer, TopicPartition(topic, partition))
            at = self._parts_next.setdefault(partition, high)
            begins.append(TopicPartition(topic, partition, at if low <= at <= high else high))
        return begins

    def _take_part(self, message: Any) -> tuple[str, PartCounts] | None:
        """None: nobody here asks for the page."""
        self._parts_next[message.partition()] = message.offset() + 1
        page, pipeline = (message.key() or b"").decode("utf-8", "replace"), self._cluster.pipeline
        if not self._parts.wants(page):
            return None
        return page, parts_from_value(message.value() or b"", pipeline.hop_ms, pipeline.grid_size)

    def _read(self, consumer: Any) -> None:
        first = consumer.poll(0.25)
        messages = [] if first is None else [first, *consumer.consume(_AT_ONCE, timeout=0)]
        heat_topic, parts_topic = self._cluster.name(Topics.HEATMAP), self._cluster.name(PARTS)
        heat: list[HeatmapRecord] = []
        interest: list[tuple[str, Interest]] = []
        parts: list[tuple[str, PartCounts]] = []
        nexts: dict[tuple[str, int], int] = {}
        for message in messages:
            if message.error():
                logger.warning("kafka: %s", message.error().str())
                continue
            lines.reached(logger)
            topic, value = message.topic(), message.value()
            nexts[topic, message.partition()] = message.offset() + 1
            try:
                if topic == heat_topic:
                    if value is not None:
                        self.heat_bytes += len(value)
                        heat.append(decode_heatmap(value))
                elif topic == parts_topic:
                    part = self._take_part(message)
                    parts += [part] if part is not None else []
                elif value is not None:
                    interest.append(((message.key() or b"").decode("utf-8", "replace"), decode_interest(value)))
            except RecordError as error:
                logger.warning("record %d of %s[%d] is left out: %s", message.offset(), topic, message.partition(), error)
            end = self._ends.get((topic, message.partition()))
            if end is not None and message.offset() + 1 >= end:
                del self._ends[topic, message.partition()]
        if messages:
            self._hand_over(heat, interest, parts)
        for (topic, partition), next_offset in nexts.items():
            self._stalls.heard(topic, partition, next_offset)
        if len(messages) <= _AT_ONCE:
            self._stalls.check(consumer)
        if not self.ready and not self._ends:
            self._loop.call_soon_threadsafe(self._set_ready)

    def _hand_over(self, heat: list[HeatmapRecord], interest: list[tuple[str, Interest]], parts: list[tuple[str, PartCounts]]) -> None:
        """Waits until the loop has taken it, so that no more than that is ever held."""
        taken = threading.Event()

        def take() -> None:
            try:
                if heat:
                    self._on_heat(heat)
                if interest:
                    self._on_interest(interest)
                for page, told in parts:
                    self._parts.hear(page, told)
            finally:
                taken.set()

        self._loop.call_soon_threadsafe(take)
        while self._running and not taken.wait(1.0):
            pass

    def _set_ready(self) -> None:
        self.ready = True

"""Runs a Quix Streams application on a real broker: the trace is produced once it is settled, its CPU taken until its budget is spent.

How many events that were is what it had committed when it was stopped. Of its windows those are compared that it wrote.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from scripts.kafka_broker import Broker

from bench.machine import cpu_s
from bench.peers.trace import GRID, HOP_MS, WINDOW_MS, Event

__all__ = ["broker", "make_topic", "measure", "produce"]

_GROUPED, _HEATMAP = "grouped", "heatmap"
_KEPT = {"retention.ms": "-1"}  #: the trace's times are long past
_SETTLE_S = 12.0
_POLL_S = 0.1
_WALL_S_MAX = 240.0


@contextlib.contextmanager
def broker() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="isotherm-bench-") as folder:
        one = Broker(Path(folder, "broker"))
        one.start()
        try:
            yield one.servers
        finally:
            one.kill()


def measure(servers: str, name: str, group: str, command: list[str], given: list[Event], budget_s: float) -> dict[str, Any]:
    """As the other peers tell it: events, cpu_s, and the values that it wrote."""
    grouped, heatmap = f"{name}-{_GROUPED}", f"{name}-{_HEATMAP}"
    admin = AdminClient({"bootstrap.servers": servers})
    for topic in (grouped, heatmap):
        make_topic(admin, topic)
    with tempfile.TemporaryDirectory(prefix="isotherm-bench-") as folder:
        environment = os.environ | {
            "KAFKA": servers, "GROUPED": grouped, "HEATMAP": heatmap, "STATE_DIR": f"{folder}/state",
            "WINDOW_MS": str(WINDOW_MS), "STEP_MS": str(HOP_MS), "GRID_SIZE": str(GRID), "PYTHONPATH": os.getcwd(),
        }  # fmt: skip
        process = subprocess.Popen([sys.executable, *command], env=environment, cwd=folder, stderr=subprocess.DEVNULL)
        try:
            time.sleep(_SETTLE_S)
            before_s = cpu_s(process.pid)
            produce(servers, grouped, given)
            began_s = time.monotonic()
            spent_s = 0.0
            while spent_s < budget_s and time.monotonic() - began_s < _WALL_S_MAX and _committed(admin, group, grouped) < len(given):
                time.sleep(_POLL_S)
                spent_s = cpu_s(process.pid) - before_s
            process.terminate()  # it commits what it has done
            process.wait(30)
        finally:
            process.kill()
            process.wait()
    return {"events": _committed(admin, group, grouped), "cpu_s": spent_s, "written": _written(servers, heatmap)}


def make_topic(admin: AdminClient, topic: str) -> None:
    """One partition, and nothing in it grows old."""
    admin.create_topics([NewTopic(topic, 1, 1, config=_KEPT)])[topic].result()


def produce(servers: str, topic: str, given: list[Event]) -> None:
    """Writes the events to the topic, with their times, and waits until the broker has them."""
    producer = Producer({"bootstrap.servers": servers, "queue.buffering.max.messages": 1_000_000})
    for page, time_ms, tile in given:
        producer.produce(topic, json.dumps({"tile_x": tile % GRID, "tile_y": tile // GRID}).encode(), page.encode(), timestamp=time_ms)
    producer.flush()


def _committed(admin: AdminClient, group: str, topic: str) -> int:
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
    found = admin.list_consumer_group_offsets([asked])[group].result().topic_partitions[0].offset
    return max(0, int(found))


def _written(servers: str, topic: str) -> list[tuple[str, dict[str, Any]]]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0))
    found: list[tuple[str, dict[str, Any]]] = []
    while high and (message := consumer.poll(5)) is not None:
        if message.error() is None:
            found.append(((message.key() or b"").decode(), json.loads(message.value())))
            if message.offset() >= high - 1:
                break
    consumer.close()
    return found

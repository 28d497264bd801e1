"""What each process of a pipeline did last, for whoever reads of a test that failed: where samples stopped is seen, not guessed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.kafka.running import Pipeline, Worker

__all__ = ["explain", "explained"]

_READERS: Final = {"clickstream": "isotherm-group-by", "clickstream-group-by-page": "isotherm-aggregate", "heatmap": None}
_ANSWER_S: Final = 5.0
_LOOKED_AT: Final = 60  #: records at a partition's end, among which there is one that is no tick, if samples come at all
_LINES: Final = 12


@asynccontextmanager
async def explained(http: aiohttp.ClientSession, pipeline: Pipeline) -> AsyncIterator[None]:
    """A failure within is told with what every stage did last."""
    try:
        yield
    except Exception as error:
        error.add_note(await explain(http, pipeline))
        raise


async def explain(http: aiohttp.ClientSession, pipeline: Pipeline) -> str:
    """Gateways, topics, consumer groups and workers, as they are now; what does not answer is told too, and never raised."""
    lines = [f"-- the pipeline {pipeline.prefix} at {_at(time.time())}"]
    for gateway in pipeline.gateways:
        if gateway.process.returncode is None:
            who = f"gateway {gateway.process.pid} at {gateway.address} ({_state(gateway.process.pid)})"
            lines.append(f"{who}: {await _health(http, gateway.address)}")
            lines += [f"    {line.rstrip()}" for line in gateway.output[-_LINES:] if line.strip()]
    lines += await asyncio.to_thread(_told, lambda: _topics(pipeline))
    lines += await asyncio.to_thread(_told, lambda: _groups(pipeline))
    for worker in pipeline.workers:
        if worker.process.returncode is None:
            lines += _worker(worker)
    ended = [f"{worker.output.stem} {worker.process.returncode}" for worker in pipeline.workers if worker.process.returncode is not None]
    lines.append(f"workers that ended, and how: {', '.join(ended) or 'none'}")
    return "\n".join(lines)


async def _health(http: aiohttp.ClientSession, address: str) -> str:
    try:
        async with http.get(f"{address}/healthz", timeout=aiohttp.ClientTimeout(_ANSWER_S)) as answer:
            return f"{answer.status} {(await answer.text()).strip()}"
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return f"no answer: {error!r}"


def _told(ask: Callable[[], list[str]]) -> list[str]:
    try:
        return ask()
    except Exception as error:  # what failed first is what is told, not this
        return [f"can't be told: {error!r}"]


def _topics(pipeline: Pipeline) -> list[str]:
    """Of each partition: its end, the newest record that is no tick, and how far its reader is."""
    lines = []
    for topic, group in _READERS.items():
        consumer = Consumer(
            {"bootstrap.servers": pipeline.servers, "group.id": pipeline.prefix + (group or "explaining"), "enable.auto.commit": False}
        )
        try:
            name = pipeline.prefix + topic
            partitions = sorted(consumer.list_topics(name, timeout=_ANSWER_S).topics[name].partitions)
            done = {}
            if group is not None:
                places = consumer.committed([TopicPartition(name, partition) for partition in partitions], timeout=_ANSWER_S)
                done = {place.partition: place.offset for place in places}
            for partition in partitions:
                _, end = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=_ANSWER_S)
                read = f"{group} has read up to {done[partition]}, lag {end - max(0, done[partition])}; " if group is not None else ""
                lines.append(f"{topic}[{partition}]: ends at {end}; {read}{_newest(consumer, name, partition, end)}")
        finally:
            consumer.close()
    return lines


def _newest(consumer: Consumer, topic: str, partition: int, end: int) -> str:
    at = max(0, end - _LOOKED_AT)
    consumer.assign([TopicPartition(topic, partition, at)])
    tick, other = "no tick", "nothing else"
    while at < end:
        message = consumer.poll(_ANSWER_S)
        if message is None or message.error():
            return f"can't be read at {at}: {message and message.error()}"
        at = message.offset() + 1
        value: Any = json.loads(message.value() or b"null")
        if isinstance(value, dict) and "tick" in value:
            tick = f"tick of {_at(message.timestamp()[1] / 1000)}"
        else:
            other = f"record {message.offset()} of {_at(message.timestamp()[1] / 1000)}, key {(message.key() or b'').decode()}"
    return f"newest: {tick}, {other}"


def _groups(pipeline: Pipeline) -> list[str]:
    admin = AdminClient({"bootstrap.servers": pipeline.servers})
    names = [pipeline.prefix + group for group in _READERS.values() if group is not None]
    lines = []
    for name, asked in admin.describe_consumer_groups(names, request_timeout=_ANSWER_S).items():
        group = asked.result()
        lines.append(f"group {name.removeprefix(pipeline.prefix)}: {group.state.name}, {len(group.members)} members")
        for member in group.members:
            served = sorted(place.partition for place in member.assignment.topic_partitions)
            lines.append(f"    {member.member_id}: partitions {served}")
    return lines


def _worker(worker: Worker) -> list[str]:
    said = worker.output.read_text().splitlines()
    head = f"worker {worker.output.stem} {worker.process.pid} ({_state(worker.process.pid)}), {len(said)} lines, the last:"
    return [head, *[f"    {line}" for line in said[-_LINES:]]]


def _state(pid: int) -> str:
    """As the kernel has it: `S (sleeping)`, `T (stopped)`."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return "gone"
    return next((line.split(":", 1)[1].strip() for line in status.splitlines() if line.startswith("State")), "unknown")


def _at(time_s: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(time_s)) + f".{int(time_s * 1000) % 1000:03d}Z"

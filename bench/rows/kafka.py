"""The stages on Kafka, each a process of its own on a real broker: what a sample costs, and how soon a viewer sees it.

First the workers by themselves: records as a busy gateway writes them lie in `clickstream`; Group By reads them all, then Aggregate reads
what Group By wrote. Beside each a bare client reads the same records and writes as many of as many bytes. Then all together: trackers send
to a gateway while a page is watched, and the CPU of gateway, workers and broker is shared out over the samples.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from confluent_kafka import Producer
from scripts.kafka_broker import Broker
from scripts.measure_kafka import PARTITIONS, Field, prepared, record

from bench.figures import Figure, at_least, at_most
from bench.machine import cpu_s
from bench.processes import TOKEN, child, served, until
from bench.progress import Progress

__all__ = ["run"]

_BATCHES, _SAMPLES = 125, 20  #: of a record: 125 trackers that nobody watches, who sent five seconds at once
_CASES = ((1200, 1), (600, 50))  #: records, and pages in each
_HOP_MS = 250
_TRACKERS, _PAGES, _BATCHES_A_S, _LOAD_S = 500, 50, 100, 12.0
_PROBES, _APART_S = 100, 0.11


@asynccontextmanager
async def _worker(field: Field, stage: str, words: str) -> AsyncIterator[int]:
    """Its pid, once it says that it works."""
    process, log = await asyncio.to_thread(field.start, "worker", stage)
    try:
        await until(lambda: asyncio.to_thread(lambda: words in log.read_text()))
        yield process.pid
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def _spent_s(field: Field, stage: str, words: str, group: str, topic: str) -> float:
    """CPU seconds in which a worker works off a topic; its start is not counted."""
    async with _worker(field, stage, words) as pid:
        before_s = cpu_s(pid)
        await until(lambda: asyncio.to_thread(lambda: field.behind(group, topic) == 0))
        return cpu_s(pid) - before_s


async def _bare_s(field: Field, topic: str, to: str, records_out: float, bytes_out: int) -> float:
    given = {"topic": field.prefix + topic, "to": field.prefix + to if to else "", "records_out": records_out, "bytes_out": bytes_out}
    async with child("bench.twins.kafka", servers=field.servers, partitions=PARTITIONS, **given) as bare:
        await bare.hear()
        before_s = bare.cpu_s()
        bare.say()
        await bare.hear()
        return bare.cpu_s() - before_s


def _fill(field: Field, records: int, pages: int) -> None:
    chance = np.random.default_rng(1)
    producer = Producer({"bootstrap.servers": field.servers, "compression.type": "lz4"})
    for number in range(records):
        value = record(chance, _BATCHES, _SAMPLES, pages, number)
        producer.produce(field.prefix + "clickstream", value, str(number), partition=number % PARTITIONS)
        producer.poll(0)
    producer.flush()


async def _stages(broker: Broker, folder: Path, records: int, pages: int, progress: Progress) -> list[Figure]:
    field = await asyncio.to_thread(prepared, broker, folder, f"p{pages}-")
    progress.tell(f"{records} records, {pages} pages: being written")
    await asyncio.to_thread(_fill, field, records, pages)
    samples = records * _BATCHES * _SAMPLES
    grouped = "clickstream-group-by-page"
    ticks, _ = await asyncio.to_thread(field.size, grouped)
    progress.tell(f"{pages} pages: Group By")
    group_by_s = await _spent_s(field, "group-by", "is now processing", "isotherm-group-by", "clickstream")
    messages, size = await asyncio.to_thread(field.size, grouped)
    bytes_out = size // messages
    progress.tell(f"{pages} pages: Aggregate")
    aggregate_s = await _spent_s(field, "aggregate", "aggregates ", "isotherm-aggregate", grouped)
    progress.tell(f"{pages} pages: bare clients")
    bare_aggregate_s = await _bare_s(field, grouped, "", 0, 0)
    out_s = await _bare_s(field, "clickstream", "heatmap", (messages - ticks) / records, bytes_out)
    about = {"records": records, "samples": samples, "records_out": messages - ticks, "bytes_out": bytes_out}
    where = f"{_BATCHES} batches of {_SAMPLES}, {pages} page{'s' if pages > 1 else ''} a record"
    return [
        Figure(
            f"Kafka, Group By, {where}", samples / group_by_s / 1e6, "M samples a CPU s",
            bare=samples / out_s / 1e6, target=at_least(1.0), about=about | {"cpu_s": group_by_s},
        ),
        Figure(
            f"Kafka, Aggregate, {where}", samples / aggregate_s / 1e6, "M samples a CPU s",
            bare=samples / bare_aggregate_s / 1e6, target=at_least(1.0), about=about | {"cpu_s": aggregate_s},
        ),
    ]  # fmt: skip


async def _together(broker: Broker, folder: Path, progress: Progress) -> list[Figure]:
    field = await asyncio.to_thread(prepared, broker, folder, "all-")
    assert broker.process is not None
    options = ("--kafka", broker.servers, "--topic-prefix", field.prefix, "--partitions", str(PARTITIONS), "--trust-senders")
    async with (
        _worker(field, "group-by", "is now processing") as group_by,
        _worker(field, "aggregate", "aggregates ") as aggregate,
        served(*options) as gateway,
        child("bench.loads.trackers", port=gateway.port, trackers=_TRACKERS, pages=_PAGES, samples=_SAMPLES) as load,
        child("bench.loads.probe", port=gateway.port, path=f"/live?page=/probe&token={TOKEN}") as probe,
    ):
        await load.hear()
        await probe.hear()
        load.say(rate=_BATCHES_A_S, seconds=3.0)  # warms up
        await load.hear()
        pids = {"gateway": gateway.pid, "Group By": group_by, "Aggregate": aggregate, "broker": broker.process.pid}
        progress.tell("all together")
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        load.say(rate=_BATCHES_A_S, seconds=_LOAD_S)
        probe.say(probes=_PROBES, apart_s=_APART_S)
        done, heard = await load.hear(), await probe.hear()
        samples = done["sent"] * _SAMPLES
        spent_us = {name: (cpu_s(pid) - before[name]) / samples * 1e6 for name, pid in pids.items()}
    latencies = sorted(heard["latencies_ms"])
    load_line = f"{_BATCHES_A_S} batches of {_SAMPLES} a second on {_PAGES} pages"
    about = {
        "samples": samples,
        "acked": done["acked"],
        "load_busy": done["busy"],
        "probes": len(latencies),
        "lost": _PROBES - len(latencies),
        "waiting_processes": os.getloadavg()[0],
    }
    return [
        *[Figure(f"Kafka, {name}, a sample at {load_line}", us, "µs", about=about) for name, us in spent_us.items()],
        Figure(f"Kafka, event to viewer's frame at {load_line}, p50", latencies[len(latencies) // 2], "ms", about=about),
        Figure(
            f"Kafka, event to viewer's frame at {load_line}, p99", latencies[int(len(latencies) * 0.99)], "ms",
            target=at_most(_HOP_MS + 250), about=about,
        ),
    ]  # fmt: skip


async def run(progress: Progress) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="isotherm-bench-") as name:
        folder = Path(name)
        broker = Broker(folder / "broker")
        await asyncio.to_thread(broker.start)
        try:
            figures = []
            for records, pages in _CASES:
                figures += await _stages(broker, folder, records, pages, progress)
            return [*figures, *await _together(broker, folder, progress)]
        finally:
            await asyncio.to_thread(broker.kill)

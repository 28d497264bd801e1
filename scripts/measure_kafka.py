"""What a gateway and a worker on Kafka cost, measured: the figures of docs/sizing.md.

    python scripts/measure_kafka.py [--records 20000] [--visitors 1000]

Starts a broker of its own and real processes; prints CPU per record and per sample, bytes per sample, and how long state takes to be read again.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from confluent_kafka import Consumer, Producer, TopicPartition
from scripts.kafka_broker import Broker

from isotherm.core.pages import Page
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.samples import Runs, Samples
from isotherm.core.shards import split

PARTITIONS = 4


def record(chance: np.random.Generator, runs: int, size: int, pages: int, number: int) -> bytes:
    """A record as a gateway writes it: `runs` batches of `size` samples, each of another session, on `pages` pages."""
    total = runs * size
    now_ms = int(time.time() * 1000)
    samples = Samples(
        arrived_ms=now_ms,
        pages=[Page("default", f"/products/{page}") for page in range(pages)],
        origins=["https://shop.example"] * pages,
        sessions=[f"{number % 500:08x}-{at:04x}-4000-8000-000000000000" for at in range(runs)],
        loads=[f"{number % 500:x}{at:x}load" for at in range(runs)],
        runs=Runs(
            page=chance.integers(0, pages, runs), session=np.arange(runs), device=chance.integers(0, 3, runs), load=np.arange(runs),
            seq=np.full(runs, number // 500), width=np.full(runs, 1280.0), height=np.full(runs, 2400.0), size=np.full(runs, size),
        ),
        time_ms=now_ms - np.tile(np.arange(size) * 250, runs),
        x=chance.integers(0, 1280, total).astype(np.float64),
        y=chance.integers(0, 2400, total).astype(np.float64),
        kind=np.zeros(total, np.uint8),
        kinds=["move", "click"],
    )  # fmt: skip
    ((_, part),) = split(samples, 1)
    return encode(samples_to_record(part))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> int:
    return next(int(line.split()[1]) // 1024 for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


class Field:
    """A broker, a topic prefix, and processes on it."""

    def __init__(self, broker: Broker, folder: Path, prefix: str) -> None:
        self.servers = broker.servers
        self.folder = folder / prefix
        self.folder.mkdir()
        self.prefix = prefix
        self.number = 0

    def start(self, *command: str) -> tuple[subprocess.Popen[bytes], Path]:
        self.number += 1
        log = self.folder / f"{self.number}.log"
        arguments = [
            sys.executable, "-m", "isotherm", *command, "--kafka", self.servers, "--topic-prefix", self.prefix,
            "--partitions", str(PARTITIONS), "--data", str(self.folder / f"data{self.number}"),
        ]  # fmt: skip
        return subprocess.Popen(arguments, stdout=log.open("wb"), stderr=subprocess.STDOUT), log

    def size(self, topic: str) -> tuple[int, int]:
        """Messages and bytes of values in a topic."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "measure", "auto.offset.reset": "earliest"})
        messages = size = 0
        for partition in range(PARTITIONS):
            low, high = consumer.get_watermark_offsets(TopicPartition(self.prefix + topic, partition), timeout=10)
            consumer.assign([TopicPartition(self.prefix + topic, partition, low)])
            while low < high:
                for message in consumer.consume(1000, 1.0):
                    low = message.offset() + 1
                    messages, size = messages + 1, size + len(message.value() or b"")
        consumer.close()
        return messages, size

    def written(self, topic: str) -> int:
        """Messages that a topic ever had."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": "measure"})
        ends = [consumer.get_watermark_offsets(TopicPartition(self.prefix + topic, at), timeout=10)[1] for at in range(PARTITIONS)]
        consumer.close()
        return sum(ends)

    def behind(self, group: str, topic: str) -> int:
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": self.prefix + group})
        places = [TopicPartition(self.prefix + topic, partition) for partition in range(PARTITIONS)]
        done = consumer.committed(places, timeout=10)
        lag: int = sum(consumer.get_watermark_offsets(place, timeout=10)[1] - max(0, place.offset) for place in done)
        consumer.close()
        return lag


def wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.1)


def prepared(broker: Broker, folder: Path, prefix: str) -> Field:
    field = Field(broker, folder, prefix)
    process, log = field.start("worker", "aggregate")
    wait(lambda: "aggregates " in log.read_text())
    process.terminate()
    process.wait()
    return field


def stages(broker: Broker, folder: Path, prefix: str, records: int, runs: int, size: int, pages: int) -> None:
    field = prepared(broker, folder, prefix)
    chance = np.random.default_rng(1)
    producer = Producer({"bootstrap.servers": broker.servers, "compression.type": "lz4"})
    for number in range(records):
        producer.produce(
            field.prefix + "clickstream", record(chance, runs, size, pages, number), str(number), partition=number % PARTITIONS
        )
        producer.poll(0)
    producer.flush()
    total = records * runs * size
    _, bytes_in = field.size("clickstream")
    print(f"\n{records} records of {runs} batches of {size} samples on {pages} pages: {bytes_in / total:.1f} bytes a sample in clickstream")

    process, log = field.start("worker", "group-by")
    wait(lambda: "is now processing" in log.read_text())
    idle = cpu_s(process.pid)
    began = time.monotonic()
    wait(lambda: field.behind("isotherm-group-by", "clickstream") == 0)
    spent, took = cpu_s(process.pid) - idle, time.monotonic() - began
    messages, bytes_out = field.size("clickstream-group-by-page")
    print(
        f"  group-by: {spent / records * 1e6:.0f} us of CPU a record, {spent / total * 1e6:.2f} us a sample "
        f"({total / spent:,.0f} samples a CPU second; wall {took:.1f} s); {messages / records:.1f} records out each, {bytes_out / messages:.0f} bytes; {resident_mib(process.pid)} MiB"
    )
    process.kill()
    process.wait()
    producer.produce(field.prefix + "clickstream", record(chance, runs, size, pages, records), "x", partition=0)
    producer.flush()
    process, log = field.start("worker", "group-by")
    wait(lambda: "read back in" in log.read_text())
    print(
        "  group-by, again:",
        next(line for line in log.read_text().splitlines() if "read back in" in line).partition('message="')[2].strip('"'),
    )
    process.kill()
    process.wait()

    process, log = field.start("worker", "aggregate")
    wait(lambda: "aggregates " in log.read_text())
    idle, began = cpu_s(process.pid), time.monotonic()
    wait(lambda: log.read_text().count("reads back") == PARTITIONS and field.behind("isotherm-aggregate", "clickstream-group-by-page") == 0)
    spent = cpu_s(process.pid) - idle
    print(
        f"  aggregate: {spent / messages * 1e6:.0f} us of CPU a record ({messages / spent:,.0f} a CPU second, heat of all pages published; "
        f"wall {time.monotonic() - began:.1f} s); {resident_mib(process.pid)} MiB"
    )
    idle = cpu_s(process.pid)
    time.sleep(4)
    print(f"  aggregate, {pages} pages in the window, nothing new: {(cpu_s(process.pid) - idle) / 4 * 100:.1f} % of a core")
    process.kill()
    process.wait()


def crowd(visitors: int, address: str, every_s: float, seconds: float, pages: int) -> None:
    """Sends as that many trackers do, and prints how soon acks came; a process of its own."""
    late: list[float] = []

    async def visit(http: aiohttp.ClientSession, number: int) -> None:
        chance = random.Random(number)
        await asyncio.sleep(chance.uniform(0, every_s))
        async with http.ws_connect(f"{address.replace('http', 'ws', 1)}/clickstream/v{number}") as socket:
            for seq in range(int(seconds / every_s)):
                size = max(1, round(4 * every_s))
                ages = [250 * at for at in range(size)]
                x = [chance.randrange(1280) for _ in range(size)]
                message = {"v": 1, "session": f"v{number}", "load": f"l{number}", "seq": seq, "path": f"/p/{number % pages}", "w": 1280,
                           "h": 2400, "vw": 1280, "kind": "move", "x": x, "y": x, "age": ages}  # fmt: skip
                sent = time.monotonic()
                await socket.send_str(json.dumps(message))
                while "ack" not in (await socket.receive()).data:
                    pass
                late.append(time.monotonic() - sent)
                await asyncio.sleep(max(0.0, every_s - (time.monotonic() - sent)))

    async def all_() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            await asyncio.gather(*[visit(http, number) for number in range(visitors)])

    asyncio.run(all_())
    late.sort()
    print(f"acks after {late[len(late) // 2] * 1000:.0f} ms p50, {late[len(late) * 99 // 100] * 1000:.0f} ms p99")


def taken(address: str) -> float:
    """Samples that a gateway took."""
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("isotherm_samples_total "))


def gateway(broker: Broker, folder: Path, prefix: str, visitors: int, every_s: float, pages: int) -> None:
    field = prepared(broker, folder, prefix)
    workers = [field.start("worker", stage)[0] for stage in ("group-by", "aggregate")]
    process, log = field.start("serve", "--port", "0", "--open-heat", "--trust-senders")
    wait(lambda: "listens on" in log.read_text())
    address = log.read_text().partition("listens on ")[2].split()[0]
    time.sleep(3)
    idle = {pid: cpu_s(pid) for pid in (process.pid, *(worker.pid for worker in workers))}
    time.sleep(5)
    resting = {pid: (cpu_s(pid) - before) / 5 * 100 for pid, before in idle.items()}
    seconds = 24.0
    command = [sys.executable, __file__, "--crowd", address, "--visitors", str(visitors), "--every", str(every_s), "--pages", str(pages)]
    sending = subprocess.Popen([*command, "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
    time.sleep(every_s + 2)
    topics = ("clickstream", "clickstream-group-by-page", "heatmap")
    before = {topic: field.written(topic) for topic in topics}
    idle, began, sampled = {pid: cpu_s(pid) for pid in idle}, time.monotonic(), taken(address)
    time.sleep(10)
    rates = {topic: (field.written(topic) - before[topic]) / (time.monotonic() - began) for topic in topics}
    sampled = (taken(address) - sampled) / (time.monotonic() - began)
    spent = {pid: (cpu_s(pid) - before) / (time.monotonic() - began) * 100 for pid, before in idle.items()}
    names = dict(zip(idle, ("gateway", "group-by", "aggregate"), strict=True))
    print(f"\n{visitors} visitors on {pages} pages who send every {every_s} s ({sampled:.0f} samples/s taken), % of a core (at rest):")
    print("  " + "; ".join(f"{names[pid]} {spent[pid]:.1f} ({resting[pid]:.1f}), {resident_mib(pid)} MiB" for pid in idle))
    print("  messages a second: " + "; ".join(f"{topic} {rate:.0f}" for topic, rate in rates.items()) + " (ticks among them: 4 and 16 a second)")
    print("  " + (sending.communicate()[0] or "").strip())
    for one in (process, *workers):
        one.terminate()
        one.wait()


def failover(broker: Broker, folder: Path, prefix: str) -> None:
    """Two workers of each stage; one is killed: for how long no heat moved on any page."""
    field = prepared(broker, folder, prefix)
    workers = {stage: [field.start("worker", stage)[0] for _ in range(2)] for stage in ("group-by", "aggregate")}
    process, log = field.start("serve", "--port", "0", "--open-heat", "--trust-senders")
    wait(lambda: "listens on" in log.read_text())
    address = log.read_text().partition("listens on ")[2].split()[0]
    command = [sys.executable, __file__, "--crowd", address, "--visitors", "48", "--every", "0.25", "--pages", "24", "--seconds", "90"]
    sending = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(12)
    for stage, pair in workers.items():
        pair[0].kill()
        pair[0].wait()
        killed = time.monotonic()
        moved: dict[str, tuple[int, float, float]] = {}  # page: samples, when they last grew, longest pause
        while time.monotonic() < killed + 25:
            with urllib.request.urlopen(f"{address}/api/pages") as answer:
                found = json.load(answer)["pages"]
            now = time.monotonic()
            for page in found:
                samples, at, longest = moved.get(page["path"], (0, killed, 0.0))
                if page["samples"] > samples:
                    moved[page["path"]] = (page["samples"], now, max(longest, now - at) if samples else 0.0)
            time.sleep(0.05)
        pauses = sorted(longest for _, _, longest in moved.values())
        print(f"\n{stage} killed, one left: the longest pause of a page's heat {pauses[-1]:.1f} s, median {pauses[len(pauses) // 2]:.1f} s")
    sending.terminate()
    sending.wait()
    for one in (process, workers["group-by"][1], workers["aggregate"][1]):
        one.terminate()
        one.wait()


def cases(options: argparse.Namespace) -> Iterator[Callable[[Broker, Path, str], None]]:
    records = options.records
    for runs, size, pages in ((1, 20, 50), (10, 20, 50), (10, 20, 1), (10, 20, 2000)):
        number = records if runs == 1 else records // 5
        yield functools.partial(stages, records=number, runs=runs, size=size, pages=pages)
    for every_s, pages in ((5.0, 50), (0.25, 50), (0.25, 1)):
        visitors = options.visitors if every_s > 1 else options.visitors // 2
        yield functools.partial(gateway, visitors=visitors, every_s=every_s, pages=pages)
    yield failover


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--visitors", type=int, default=1000)
    parser.add_argument("--only", type=int, action="append", help=argparse.SUPPRESS)
    parser.add_argument("--crowd", help=argparse.SUPPRESS)
    parser.add_argument("--every", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--pages", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.crowd:
        crowd(options.visitors, options.crowd, options.every, options.seconds, options.pages)
        return
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker")
        broker.start()
        try:
            for at, case in enumerate(cases(options)):
                if not options.only or at in options.only:
                    case(broker, Path(folder), f"m{at}-")
                    sys.stdout.flush()
        finally:
            broker.kill()


if __name__ == "__main__":
    main()

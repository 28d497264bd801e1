"""Whatever is killed, replaced, added or taken away in mid-stream: nothing acknowledged is lost, nothing counted twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from scripts.kafka_broker import PASSWORD, USER, Broker

from tests.kafka.explaining import explained
from tests.kafka.running import Pipeline, Tracker, returns, tally
from tests.kafka.test_pipeline import OnKafka, RunCli, heat
from tests.oracle import from_classic, tile
from tests.serving import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

PAGES = [f"/p/{number}" for number in range(6)]
Act = Callable[[Pipeline], Awaitable[None]]


class Crowd:
    """Trackers on several pages that send all the time, each by any of the gateways that live."""

    def __init__(self, http: aiohttp.ClientSession, pipeline: Pipeline, seed: int) -> None:
        self._chance = random.Random(seed)
        self.pipeline = pipeline
        self.http = http
        self.trackers = [Tracker(http, f"s{number}", PAGES[number % len(PAGES)]) for number in range(12)]

    def address(self) -> str:
        alive = [gateway for gateway in self.pipeline.gateways if gateway.process.returncode is None]
        return self._chance.choice(alive).address if alive else "http://127.0.0.1:9"

    async def send(self) -> None:
        while True:
            for tracker in self.trackers:
                tracker.put([round(self._chance.uniform(0, 1000), 1) for _ in range(self._chance.randint(1, 5))])
            await asyncio.sleep(0.05)

    def counted(self, page: str) -> dict[tuple[int, int], int]:
        """Brute force."""
        counts: dict[tuple[int, int], int] = {}
        for tracker in self.trackers:
            for message in tracker.sent.values() if tracker.path == page else ():
                for x in message["x"]:
                    at = (tile(x, 1000, 50), tile(x, 1000, 50))
                    counts[at] = counts.get(at, 0) + 1
        return counts

    async def settle(self) -> None:
        """All is acknowledged, and every gateway shows what a child would count."""
        await eventually(returns(lambda: not any(tracker.unacked for tracker in self.trackers)), 60)
        for gateway in self.pipeline.gateways:
            if gateway.process.returncode is None:
                for page in PAGES:
                    await eventually(self._shown(gateway.address, page), 60)

    def _shown(self, address: str, page: str) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            found = await heat(self.http, address, page)
            expected = self.counted(page)
            assert tally(found) <= sum(expected.values()), "something was counted twice"
            return from_classic(found["value"]) == expected

        return ask


@asynccontextmanager
async def sending(crowd: Crowd) -> AsyncIterator[None]:
    """The crowd sends meanwhile; afterwards all that it sent is counted once."""
    tasks = [asyncio.create_task(crowd.send())]
    running = [asyncio.create_task(tracker.run(crowd.address)) for tracker in crowd.trackers]
    try:
        async with explained(crowd.http, crowd.pipeline):
            yield
            tasks[0].cancel()
            await crowd.settle()
    finally:
        for task in [*tasks, *running]:
            task.cancel()
        await asyncio.gather(*tasks, *running, return_exceptions=True)


async def shown_more(http: aiohttp.ClientSession, pipeline: Pipeline, by: int = 100) -> None:
    """The heat of every page grows: all partitions are served."""
    (address, *_) = [gateway.address for gateway in pipeline.gateways if gateway.process.returncode is None]

    async def counted() -> list[int]:
        return [tally(await heat(http, address, page)) for page in PAGES]

    before = await counted()

    now = before

    async def grown() -> bool:
        nonlocal now
        now = await counted()
        return all(count >= least + by for count, least in zip(now, before, strict=True))

    try:
        await eventually(grown, 60)
    except TimeoutError:
        told = ", ".join(f"{page} from {least} to {count}" for page, least, count in zip(PAGES, before, now, strict=True))
        raise AssertionError(f"heat of some page did not grow by {by} samples within 60 s: {told}") from None


@pytest.mark.parametrize("victim", ["aggregate", "group-by", "gateway"])
async def test_kill(victim: str, on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """`kill -9` of a process in mid-stream, and another in its place."""
    pipeline = on_kafka()
    await pipeline.all()
    async with sending(Crowd(http, pipeline, 1)):
        await shown_more(http, pipeline)
        if victim == "gateway":
            await pipeline.gateways[0].kill()
            await pipeline.gateway()
        else:
            await next(worker for worker in pipeline.workers if worker.stage == victim).kill()
            await pipeline.worker(victim)
        await shown_more(http, pipeline)


@pytest.mark.parametrize("stage", ["aggregate", "group-by"])
async def test_join_and_leave(stage: str, on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """A second worker joins and takes partitions over, one of the two is killed, a third comes, and leaves when told to."""
    pipeline = on_kafka()
    await pipeline.all()
    async with sending(Crowd(http, pipeline, 2)):
        await shown_more(http, pipeline)
        first = next(worker for worker in pipeline.workers if worker.stage == stage)
        await pipeline.worker(stage)
        await shown_more(http, pipeline)
        await first.kill()
        await shown_more(http, pipeline)
        third = await pipeline.worker(stage)
        await shown_more(http, pipeline)
        assert await third.stop() == 0
        await shown_more(http, pipeline)


@pytest.mark.parametrize("away_s", [8, pytest.param(20, marks=pytest.mark.nightly)])
async def test_broker_outage(
    away_s: int, on_kafka: OnKafka, http: aiohttp.ClientSession, broker_jars: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The broker is away for some seconds: `/healthz` and the dashboard say why, sockets and beacons are refused, trackers keep what they have,
    memory stays bounded; when it is back all goes on by itself, and nothing acknowledged is lost."""
    broker = Broker(tmp_path_factory.mktemp("broker"))
    await asyncio.to_thread(broker.start)
    pipeline = on_kafka(at=broker.servers)
    try:
        await pipeline.all()
        (gateway,) = pipeline.gateways
        crowd = Crowd(http, pipeline, 3)
        async with sending(crowd):
            await shown_more(http, pipeline)
            await asyncio.to_thread(broker.kill)
            away = asyncio.get_running_loop().time()
            before_kib = resident_kib(gateway.process.pid)

            async def says_why() -> bool:
                async with http.get(f"{gateway.address}/healthz") as answer:
                    return answer.status == 503 and "Kafka" in (await answer.json())["why"]

            await eventually(says_why)
            async with http.post(f"{gateway.address}/clickstream", json=[]) as answer:
                assert answer.status in (422, 503)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{gateway.ws}/clickstream/x")
            assert refused.value.status == 503
            async with http.ws_connect(f"{gateway.ws}/api/overview") as dashboard:
                shown = json.loads((await dashboard.receive()).data)["pipeline"]
            assert not shown["ready"]
            assert broker.servers in shown["why"]
            await asyncio.sleep(max(0.0, away_s - (asyncio.get_running_loop().time() - away)))
            assert any(tracker.unacked for tracker in crowd.trackers)
            assert resident_kib(gateway.process.pid) < before_kib + 64 * 1024
            await asyncio.to_thread(broker.start)
            await eventually(says_ready(http, gateway.address), 60)
            await shown_more(http, pipeline)
    finally:
        await asyncio.to_thread(broker.kill)
    assert [worker.process.returncode for worker in pipeline.workers] == [None, None]


async def test_sasl(on_kafka: OnKafka, http: aiohttp.ClientSession, broker_jars: None, tmp_path: Path, run_cli: RunCli) -> None:
    """`--kafka-config` passes SASL through to every client; a wrong password is told in one line, exit code 2."""
    broker = Broker(tmp_path / "sasl-broker", sasl=True)
    await asyncio.to_thread(broker.start)

    def config(password: str) -> str:
        file = tmp_path / f"{password}.properties"
        file.write_text(
            "# a managed broker's settings\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
            f"sasl.username={USER}\nsasl.password={password}\nsocket.keepalive.enable=true\n"
        )
        return str(file)

    try:
        pipeline = on_kafka("--kafka-config", config(PASSWORD), at=broker.servers)
        await pipeline.all()
        tracker = Tracker(http, "s", "/p/1")
        tracker.put([1.0, 2.0, 3.0])
        running = asyncio.create_task(tracker.run(lambda: pipeline.gateways[0].address))

        async def counted() -> bool:
            return tally(await heat(http, pipeline.gateways[0].address, "/p/1")) == 3

        await eventually(counted)
        running.cancel()
        code, _, error = await run_cli(
            "worker", "group-by", "--kafka", broker.servers, "--kafka-config", config("wrong"), "--data", str(tmp_path / "refused")
        )
        assert code == 2
        assert "uthentication" in error
        assert len(error.strip().splitlines()) == 1
    finally:
        await asyncio.to_thread(broker.kill)


def resident_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def says_ready(http: aiohttp.ClientSession, address: str) -> Callable[[], Awaitable[Any]]:
    async def ask() -> bool:
        async with http.get(f"{address}/healthz") as answer:
            return answer.status == 200

    return ask

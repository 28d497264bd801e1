"""Faults at random for ten minutes: kills, stops, joins, pauses, and the broker itself.

`ISOTHERM_FAULTS_SEED` repeats a run as far as chance in it goes, `ISOTHERM_FAULTS_S` makes it longer or shorter.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal

import aiohttp
import pytest
from scripts.kafka_broker import Broker

from tests.kafka.running import Pipeline
from tests.kafka.test_faults import Crowd, sending, shown_more
from tests.kafka.test_pipeline import OnKafka

pytestmark = [pytest.mark.kafka, pytest.mark.nightly, pytest.mark.timeout(3600)]

SECONDS = float(os.environ.get("ISOTHERM_FAULTS_S", "600"))
SEED = int(os.environ.get("ISOTHERM_FAULTS_SEED", random.SystemRandom().randrange(1 << 32)))


async def test_random_faults(
    on_kafka: OnKafka, http: aiohttp.ClientSession, broker_jars: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever happens in whatever order: in the end every acknowledged sample was counted once, and no process ended by itself."""
    print(f"ISOTHERM_FAULTS_SEED={SEED} ISOTHERM_FAULTS_S={SECONDS:.0f}")
    chance, clock = random.Random(SEED), asyncio.get_running_loop().time
    broker = Broker(tmp_path_factory.mktemp("broker"))
    await asyncio.to_thread(broker.start)
    pipeline = on_kafka("--window", "1h", at=broker.servers)  # nothing leaves the window before it was looked at
    done: dict[str, int] = {}
    try:
        await pipeline.all(gateways=2, workers=2)
        crowd = Crowd(http, pipeline, SEED)
        async with sending(crowd):
            end_s = clock() + SECONDS
            while clock() < end_s:
                what = chance.choice(["worker", "worker", "worker", "join", "pause", "gateway", "broker"])
                done[what] = done.get(what, 0) + 1
                if what == "broker":
                    await restart(broker, chance)
                else:
                    await disturb(what, pipeline, chance)
                await asyncio.sleep(chance.uniform(0, 8))
                assert (len(alive_gateways(pipeline)), len(alive_workers(pipeline))) == (2, 4), "a process ended by itself"
            await shown_more(http, pipeline)
        print(done, sum(len(tracker.sent) for tracker in crowd.trackers), "batches")
        assert sum(sum(crowd.counted(page).values()) for page in {tracker.path for tracker in crowd.trackers}) > 100 * SECONDS
    finally:
        await asyncio.to_thread(broker.kill)


async def restart(broker: Broker, chance: random.Random) -> None:
    await asyncio.to_thread(chance.choice([broker.kill, broker.stop]))
    await asyncio.sleep(chance.uniform(0, 15))
    await asyncio.to_thread(broker.start)


async def disturb(what: str, pipeline: Pipeline, chance: random.Random) -> None:
    if what == "gateway":
        gateway = chance.choice(alive_gateways(pipeline))
        await (gateway.kill() if chance.random() < 0.5 else gateway.stop())
        await pipeline.gateway()
        return
    worker = chance.choice(alive_workers(pipeline))
    if what == "pause":  # a zombie: it comes back when others have its partitions
        worker.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(chance.uniform(1, 15))
        worker.process.send_signal(signal.SIGCONT)
        return
    if what == "join":  # a third takes partitions over before one goes
        await pipeline.worker(worker.stage)
    await (worker.kill() if chance.random() < 0.5 else worker.stop())
    if what == "worker":
        await pipeline.worker(worker.stage)


def alive_workers(pipeline: Pipeline) -> list:
    return [worker for worker in pipeline.workers if worker.process.returncode is None]


def alive_gateways(pipeline: Pipeline) -> list:
    return [gateway for gateway in pipeline.gateways if gateway.process.returncode is None]

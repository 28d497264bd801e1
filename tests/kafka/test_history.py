"""The past on Kafka: workers keep it, and every gateway shows it."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.end_to_end.test_zones import anchored
from tests.kafka.running import Tracker, returns
from tests.kafka.test_pipeline import OnKafka, RunCli
from tests.oracle import from_classic
from tests.parity.test_parity import oracle_of, post, trace
from tests.serving import Served, event, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

HOUR_MS = 3_600_000


async def test_the_past(on_kafka: OnKafka, http: aiohttp.ClientSession, database: Callable[[], str]) -> None:
    """What came in, hours old, just now and twice, is in the history once, whoever is killed while it is stored, and `from` and `to`
    give what a child would count; with its people. So are zones."""
    pipeline = on_kafka()
    store = ("--store", database())
    every = (*store, "--store-every", "500ms")
    served, first, _ = await asyncio.gather(
        pipeline.gateway(*store), pipeline.worker("history", *every), pipeline.worker("history", *every)
    )
    now_ms, chance, pages = int(time.time() * 1000), random.Random(6), ["/p/1", "/p/2"]
    old = trace(chance, now_ms - 30 * HOUR_MS, now_ms - HOUR_MS, pages, 800)
    await post(http, served.address, old[:400])
    await first.kill()
    await post(http, served.address, old[400:])
    await pipeline.worker("history", *every)
    tracker = Tracker(http, "again", "/p/1")
    for number in range(20):
        tracker.put([10.0 * number, 500.0], age=[60_000, 60_000])
    tracker.unacked |= {20 + at: message for at, message in tracker.sent.items()}  # sent twice
    running = asyncio.create_task(tracker.run(lambda: served.address))
    await eventually(returns(lambda: set(tracker.unacked) <= set(range(20, 40))))
    running.cancel()
    oracle = oracle_of(old, 2 * 24 * HOUR_MS)
    for page in pages:
        expected = oracle.window(now_ms, page)
        if page == "/p/1":
            for message in tracker.sent.values():
                for x in message["x"]:
                    at = (int(x * 50 // 1000), int(x * 50 // 1000))
                    expected[at] = expected.get(at, 0) + 1
        query = {"page": page, "from": str(now_ms - 31 * HOUR_MS), "to": str(now_ms + 60_000), "people": "1"}
        await eventually(_is(http, served.address, query, expected), 60)
    hour_ms = (now_ms - 5 * HOUR_MS) // HOUR_MS * HOUR_MS
    one_hour = [sent for sent in old if hour_ms <= sent["timestamp"] < hour_ms + HOUR_MS]
    query = {"page": "/p/2", "from": str(hour_ms), "to": str(hour_ms + HOUR_MS)}
    assert await _is(http, served.address, query, oracle_of(one_hour, HOUR_MS).window(hour_ms + HOUR_MS, "/p/2"))()
    await _zones(http, served)
    for worker in pipeline.workers[1:]:
        assert await worker.stop() == 0


async def test_a_store_that_can_t_be(on_kafka: OnKafka, http: aiohttp.ClientSession, run_cli: RunCli) -> None:
    """A worker ends with one line; a gateway shows the live heat, and says why it shows no past."""
    pipeline = on_kafka()
    nowhere = "postgresql://ann:secret@127.0.0.1:1/x"
    code, _, error = await run_cli("worker", "history", *pipeline.arguments(), "--data", str(pipeline.folder / "w"), "--store", nowhere)
    assert (code, len(error.strip().splitlines()), "secret" in error) == (2, 1, False)
    assert "can't reach the PostgreSQL server 127.0.0.1/x" in error
    served = await pipeline.gateway("--store", nowhere)
    async with http.get(f"{served.address}/api/heatmap", params={"page": "/", "from": "0"}) as answer:
        assert answer.status == 503
        assert "can't reach the PostgreSQL server" in await answer.text()


async def test_a_worker_beside_one_of_a_newer_release(on_kafka: OnKafka, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """It ends with a line that says what to do, as soon as it would have written: what a newer release packs it would take for damaged."""
    pipeline = on_kafka()
    place = tmp_path / "history.sqlite"
    served, worker = await asyncio.gather(
        pipeline.gateway(), pipeline.worker("history", "--store", str(place), "--store-every", "500ms")
    )
    with closing(sqlite3.connect(place)) as db:
        db.execute("PRAGMA user_version=99")
    await post(http, served.address, [event()])
    assert await asyncio.wait_for(worker.process.wait(), 60) == 2
    assert worker.output.read_text().splitlines()[-1].endswith(
        f"{place} was written by a newer release (format 99, this one knows 5): update Isotherm"
    )
    with closing(sqlite3.connect(place)) as db:
        assert db.execute("SELECT count(*) FROM buckets").fetchone() == (0,)


async def _zones(http: aiohttp.ClientSession, served: Served) -> None:
    """Zones are stored under their names, by whichever worker has the session's partition."""
    for number in range(5):
        message = anchored(0, ["buy", "menu", "menu"], session=f"z{number}", path="/zones", kind=["click", "move", "move"])
        async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
            assert answer.status == 202

    async def stored() -> bool:
        async with http.get(f"{served.address}/api/zones", params={"page": "/zones", "from": "0"}) as answer:
            assert answer.status == 200, await answer.text()
            told = await answer.json()
        found = [(zone["zone"], zone["samples"], zone["people"], zone["clicks"]) for zone in told["zones"]]
        return (found, told["people"]) == ([("menu", 10, 5, 0), ("buy", 5, 5, 5)], 5)

    await eventually(stored, 60)
    async with http.get(f"{served.address}/api/zones/usual", params={"page": "/zones"}) as answer:
        assert (await answer.json())["zones"] is None, "a week is needed"


def _is(http: aiohttp.ClientSession, address: str, query: dict[str, str], expected: dict[tuple[int, int], int]) -> Callable[[], Any]:
    async def ask() -> bool:
        async with http.get(f"{address}/api/heatmap", params=query) as answer:
            if answer.status == 503:  # no worker has made it yet
                return False
            found = await answer.json()
        counted = from_classic(found["value"])
        assert sum(counted.values()) <= sum(expected.values()), f"{query}: counted twice"
        return counted == expected and ("people" not in query or found["people"]["total"] > 0)

    return ask

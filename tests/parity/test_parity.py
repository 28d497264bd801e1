"""One trace through both runtimes gives the same heat maps, and those that a child would count."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.kafka.running import Pipeline, Tracker, returns
from tests.oracle import Oracle, Sample, from_classic
from tests.serving import Served, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

OnKafka = Callable[..., Pipeline]
Embedded = Callable[..., Awaitable[Served]]
TYPES = {"mousemove": "move", "click": "click"}


def trace(chance: random.Random, first_ms: int, last_ms: int, pages: list[str], number: int) -> list[dict[str, Any]]:
    """Classic events of many visitors, some far off the page, some of types that nobody counts."""
    return [
        {
            "session_id": f"visitor-{chance.randrange(30)}",
            "type": chance.choice(["mousemove", "mousemove", "mousemove", "click", "scroll"]),
            "relative_path": chance.choice(pages),
            "window": {"width": chance.choice([375, 768, 800, 1023.5, 1280]), "height": chance.choice([900, 2400])},
            "mouse-coordinates": {"x": chance.uniform(-50, 1400), "y": chance.uniform(-50, 2500)},
            "timestamp": chance.randint(first_ms, last_ms),
        }
        for _ in range(number)
    ]


def oracle_of(events: list[dict[str, Any]], window_ms: int) -> Oracle:
    oracle = Oracle(50, window_ms)
    for event in events:
        if event["type"] in TYPES:
            size, at = event["window"], event["mouse-coordinates"]
            oracle.samples.append(
                Sample(
                    event["relative_path"], TYPES[event["type"]], size["width"], event["timestamp"],
                    at["x"], at["y"], size["width"], size["height"],
                )
            )  # fmt: skip
    return oracle


def bursts(chance: random.Random, first_ms: int, last_ms: int, pages: list[str], number: int) -> list[dict[str, Any]]:
    """Clicks of people who get nowhere: some close together in place and time, some not quite."""
    clicks = []
    for at in range(number):
        page, x, y, begin_ms = chance.choice(pages), chance.uniform(0, 1000), chance.uniform(0, 2000), chance.randint(first_ms, last_ms)
        for _ in range(chance.randint(2, 5)):
            point = {"x": x + chance.choice([0, 0, 12, 29]), "y": y + chance.choice([0, 20])}
            clicks.append(
                {
                    "session_id": f"angry-{at}", "type": "click", "relative_path": page, "window": {"width": 1280, "height": 2400},
                    "mouse-coordinates": point, "timestamp": begin_ms - chance.choice([0, 300, 700, 1000, 1500]),
                }
            )  # fmt: skip
    chance.shuffle(clicks)
    return clicks


def in_anger(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The clicks among any three of one visitor on one page, each within 30 px and 1 s of both others."""
    by_visitor: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in events:
        if event["type"] == "click":
            by_visitor.setdefault((event["session_id"], event["relative_path"]), []).append(event)
    found = {}
    for clicks in by_visitor.values():
        for three in itertools.combinations(clicks, 3):
            places = [(one["mouse-coordinates"]["x"], one["mouse-coordinates"]["y"], one["timestamp"]) for one in three]
            if all(math.dist(a[:2], b[:2]) <= 30 and abs(a[2] - b[2]) <= 1000 for a, b in itertools.combinations(places, 2)):
                found |= {id(one): one for one in three}
    return list(found.values())


async def post(http: aiohttp.ClientSession, address: str, events: list[dict[str, Any]]) -> None:
    for at in range(0, len(events), 200):
        async with http.post(f"{address}/clickstream", data=json.dumps(events[at : at + 200])) as answer:
            assert answer.status == 202


async def test_every_window(on_kafka: OnKafka, embedded: Embedded, http: aiohttp.ClientSession) -> None:
    """Samples of the next seconds arrive before their time: each window that either runtime shows, while they come in and while
    they go out again, is the brute-force count, and both show the same ones. On a busy machine some may arrive after their time: the first
    windows are short of them then, and have nothing that is not there."""
    window_ms, pages = 4000, ["/p/1", "/p/2"]
    pipeline = on_kafka("--window", f"{window_ms}ms")
    one, _ = await asyncio.gather(embedded("--window", f"{window_ms}ms"), pipeline.all())
    (other,) = pipeline.gateways
    first_ms = int(time.time() * 1000) + 4000
    events = trace(random.Random(7), first_ms, first_ms + 4000, pages, 1200)
    frames: dict[str, dict[int, dict[tuple[int, int], int]]] = {}

    async def look(address: str, page: str) -> None:
        seen = frames.setdefault(address + page, {})
        async with http.ws_connect(f"{address.replace('http', 'ws', 1)}/heatmap{page}") as viewer:
            while True:
                found = json.loads((await viewer.receive()).data)
                seen[found["end"]] = from_classic(found["value"])
                if not found["value"] and found["end"] > first_ms + 4000:
                    return

    looking = [asyncio.create_task(look(address, page)) for address in (one.address, other.address) for page in pages]
    await asyncio.gather(*[post(http, address, events) for address in (one.address, other.address)])
    async with asyncio.timeout(60):
        await asyncio.gather(*looking)
    oracle = oracle_of(events, window_ms)
    for page in pages:
        ours, theirs = frames[one.address + page], frames[other.address + page]
        right: list[set[int]] = []
        for shown in (ours, theirs):
            right.append(set())
            for end_ms, found in shown.items():
                counted = oracle.window(end_ms, page)
                if found == counted:
                    right[-1].add(end_ms)
                else:
                    assert end_ms < first_ms + 4000, f"{page} at {end_ms - first_ms}: all had long been there"
                    assert all(count <= counted.get(at, 0) for at, count in found.items()), f"{page} at {end_ms - first_ms}"
        assert len(right[0] & right[1]) > 15


async def test_every_layer(on_kafka: OnKafka, embedded: Embedded, http: aiohttp.ClientSession) -> None:
    """Events, batches and what is sent again, of the last minutes: page by page, kind by kind, device by device the same."""
    pages = [f"/p/{number}" for number in range(5)] + ["/caf%C3%A9", "/a%2Fb"]
    pipeline = on_kafka()
    one, _ = await asyncio.gather(embedded(), pipeline.all(workers=2))
    (other,) = pipeline.gateways
    chance = random.Random(11)
    now_ms = int(time.time() * 1000)
    events = trace(chance, now_ms - 200_000, now_ms, pages, 2000) + bursts(chance, now_ms - 200_000, now_ms, pages[5:], 40)
    batches = [
        ([chance.uniform(0, 1000) for _ in range(chance.randint(1, 40))], chance.choice(pages[:5]), chance.choice([400, 900, 1000, 1400]))
        for _ in range(120)
    ]
    running = []
    for address in (one.address, other.address):
        trackers = [Tracker(http, f"batch-{page}", page) for page in pages[:5]]
        by_page = {tracker.path: tracker for tracker in trackers}
        for x, page, width in batches:
            by_page[page].put(x, vw=width, kind=kind_at(width), age=[1000.0] * len(x))
        for tracker in trackers:
            tracker.unacked |= {len(tracker.sent) + at: message for at, message in tracker.sent.items() if at % 3 == 0}  # sent twice
            running.append((tracker, asyncio.create_task(tracker.run(lambda address=address: address))))
        await post(http, address, events)
    await eventually(returns(lambda: all(set(tracker.unacked) <= _again(tracker) for tracker, _ in running)), 60)
    oracle = oracle_of(events, 300_000)
    for x, page, width in batches:
        oracle.samples += [Sample(page, kind_at(width), width, now_ms, at, at, 1000, 1000) for at in x]
    angry = in_anger(events)
    assert 30 < len(angry) < len(events)
    oracle.samples += [replace(sample, kind="rage") for sample in oracle_of(angry, 300_000).samples]
    for page in pages:
        for kind in ("move", "click", "dead") if page in pages[:5] else ("move", "click", "rage"):  # when batches arrive, nobody can tell before
            for device in ("all", "mobile", "tablet", "desktop"):
                expected = oracle.window(now_ms + 1, page, kind, device)
                query = {"page": page, "kind": kind, "device": device}
                for address in (one.address, other.address):
                    await eventually(_is(http, address, query, expected), 60)
    for _, task in running:
        task.cancel()


def kind_at(width: int) -> str:
    """What the batches of a window that is so wide hold, so that each kind and class of device comes."""
    return {900: "click", 1000: "dead"}.get(width, "move")


def _again(tracker: Tracker) -> set[int]:
    """Numbers under which a batch is sent a second time; its ack names the first."""
    return set(range(len(tracker.sent), 2 * len(tracker.sent)))


def _is(
    http: aiohttp.ClientSession, address: str, query: dict[str, str], expected: dict[tuple[int, int], int]
) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        async with http.get(f"{address}/api/heatmap", params=query) as answer:
            found = from_classic((await answer.json())["value"])
        assert sum(found.values()) <= sum(expected.values()), f"{query}: counted twice"
        return found == expected

    return ask

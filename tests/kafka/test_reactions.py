"""Rules on Kafka: what fires is told once, everywhere, whoever holds the page's partition."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from isotherm.core.keyed import partition_of
from tests.end_to_end.test_zones import anchored
from tests.kafka.running import Pipeline
from tests.kafka.test_pipeline import OnKafka
from tests.reactions.test_reactions import next_event, next_react
from tests.serving import Served, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

TOKEN = "secret-token-of-the-test"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
PARTITIONS = 4
#: A page of each partition: whoever is killed, pages change their holder, and pages do not.
PAGES = [next(page for page in map("/p/{}".format, range(100)) if partition_of(f"default{page}", PARTITIONS) == at) for at in range(PARTITIONS)]


def rule(page: str) -> dict[str, object]:
    return {"name": f"popular {page}", "page": page, "zone": "product-*", "metric": "people", "at_least": 2.0, "hold_ms": 250,
            "people": 2, "cooldown_ms": 0, "in_page": True}  # fmt: skip


async def crowd(http: aiohttp.ClientSession, served: Served, zone: str) -> None:
    """Three people on a zone of that name, on every page."""
    for page in PAGES:
        for number in range(3):
            message = anchored(0, [zone], session=f"{page}-{zone}-{number}", path=page)
            async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
                assert answer.status == 202


def fired(http: aiohttp.ClientSession, served: Served, expected: set[tuple[str, str, str]]) -> Callable[[], Awaitable[bool]]:
    """Just these, each once."""

    async def ask() -> bool:
        async with http.get(f"{served.address}/api/reactions/log") as answer:
            told = [(one["type"], one["page"], one["zone"]) for one in (await answer.json())["fired"]]
        assert len(told) == len(set(told)), "something fired twice"
        assert set(told) <= expected
        return set(told) == expected

    return ask


def hot(*zones: str) -> set[tuple[str, str, str]]:
    return {("hot", page, zone) for page in PAGES for zone in zones}


async def put_rules(http: aiohttp.ClientSession, pipeline: Pipeline) -> None:
    one, other = pipeline.gateways
    for page in PAGES:
        async with http.put(f"{one.address}/api/rules", json=rule(page), headers=OPERATOR) as answer:
            assert answer.status == 200, await answer.text()

    async def known() -> bool:
        async with http.get(f"{other.address}/api/rules") as answer:
            return {found["page"] for found in (await answer.json())["rules"]} == set(PAGES)

    await eventually(known)


async def test_it_fires_once(on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """Two workers hold the rules that one gateway was given; the other tells listeners and the page. One worker is killed, another comes:
    what was hot is not told again, what becomes hot is told once, and what a rule told is taken back with the rule."""
    pipeline = on_kafka(partitions=PARTITIONS)
    gateways = [pipeline.gateway("--viewer-token", TOKEN) for _ in range(2)]
    workers = [pipeline.worker(stage) for stage in ("aggregate", "aggregate", "group-by")]
    _, killed, *_ = (await asyncio.gather(*gateways, *workers))[1:]
    one, other = pipeline.gateways
    await put_rules(http, pipeline)
    async with (
        http.get(f"{other.address}/api/reactions") as events,
        http.ws_connect(f"{other.ws}/clickstream/visitor") as visitor,
    ):
        await visitor.send_json(anchored(0, ["menu"], session="visitor", path=PAGES[0]))
        assert (await visitor.receive_json(timeout=20)) in ({"ack": 0}, {"every": 250})
        await crowd(http, one, "product-a")
        heard = [await next_event(events) for _ in PAGES]
        assert {json.loads(event["data"])["page"] for event in heard} == set(PAGES)
        said = {"type": "hot", "rule": f"popular {PAGES[0]}", "zone": "product-a"}
        assert await next_react(visitor) == [said]
        async with http.ws_connect(f"{one.ws}/clickstream/late") as late:
            await late.send_json(anchored(0, ["menu"], session="late", path=PAGES[0]))
            assert await next_react(late) == [said]
    await eventually(fired(http, one, hot("product-a")))

    await killed.kill()  # type: ignore[attr-defined]
    await crowd(http, one, "product-b")
    await eventually(fired(http, other, hot("product-a", "product-b")), 60)
    await pipeline.worker("aggregate")
    await crowd(http, other, "product-c")
    await eventually(fired(http, one, hot("product-a", "product-b", "product-c")), 60)

    async with http.delete(f"{other.address}/api/rules", params={"name": f"popular {PAGES[1]}"}, headers=OPERATOR) as answer:
        assert answer.status == 204
    cooled = {("cooled", PAGES[1], zone) for zone in ("product-a", "product-b", "product-c")}
    everything = hot("product-a", "product-b", "product-c") | cooled
    for gateway in (one, other):
        await eventually(fired(http, gateway, everything))
    async with http.get(f"{one.address}/api/reactions", headers={"Last-Event-ID": heard[0]["id"]}) as events:
        assert (await next_event(events)) == heard[1], "a number means the same at every gateway"

"""Events in at one gateway, heat out at another; and what goes wrong in between without stopping it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.kafka.running import Pipeline, Tracker, tally
from tests.serving import Served, apply, decode_frame, event, eventually, start

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

OnKafka = Callable[..., Pipeline]
RunCli = Callable[..., Awaitable[tuple[int, str, str]]]


async def heat(http: aiohttp.ClientSession, address: str, page: str, **query: str) -> dict[str, Any]:
    async with http.get(f"{address}/api/heatmap", params={"page": page, **query}) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


def records(servers: str, topic: str, partitions: int = 4) -> list[tuple[str | None, dict[str, Any]]]:
    """All that stands in a topic now: key and value."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "test", "auto.offset.reset": "earliest"})
    out: list[tuple[str | None, dict[str, Any]]] = []
    for partition in range(partitions):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        consumer.assign([TopicPartition(topic, partition, low)])
        while low < high:
            message = consumer.poll(10)
            assert message is not None
            assert message.error() is None
            key = message.key()
            out.append((key.decode() if key is not None else None, json.loads(message.value() or b"null")))
            low = message.offset() + 1
    consumer.close()
    return out


async def test_two_gateways(on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """An event sent to one gateway shows at a viewer of the other; and its tracker sends fast while somebody watches there."""
    pipeline = on_kafka()
    await pipeline.all(gateways=2)
    one, other = pipeline.gateways
    tracker = Tracker(http, "s", "/p/1")
    tracker.put([500.0])
    tracking = asyncio.create_task(tracker.run(lambda: one.address))
    await eventually(_async(lambda: not tracker.unacked and tracker.hints))
    assert tracker.hints == [5000]
    picture: dict[int, int] = {}
    async with http.ws_connect(f"{other.ws}/live", params={"page": "/p/1"}) as viewer, asyncio.timeout(20):
        while picture != {25 * 50 + 25: 1}:
            picture = apply(picture, decode_frame((await viewer.receive()).data))
        await eventually(_async(lambda: tracker.hints[-1] == 250))
        tracker.put([10.0])
        while len(picture) < 2:
            picture = apply(picture, decode_frame((await viewer.receive()).data))
    assert picture == {25 * 50 + 25: 1, 0: 1}
    async with http.get(f"{other.address}/api/pages") as answer:
        (page,) = (await answer.json())["pages"]
    assert (page["path"], page["visitors"], page["samples"]) == ("/p/1", 1, 2)
    await eventually(_async(lambda: tracker.hints[-1] == 5000), 40)
    tracking.cancel()


async def test_a_quiet_page_cools(on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """A page without new samples cools on the clock down to empty, is forgotten, and its viewers see it."""
    pipeline = on_kafka("--window", "3s")
    await pipeline.all()
    (gateway,) = pipeline.gateways
    async with http.ws_connect(f"{gateway.ws}/heatmap/p/1") as viewer:
        assert json.loads((await viewer.receive()).data)["value"] == {}
        async with http.post(f"{gateway.address}/clickstream", json=[event(), event(x=10)]) as answer:
            assert answer.status == 202
        seen = []
        async with asyncio.timeout(20):
            while not seen or seen[-1] or max(seen) < 2:
                seen.append(tally(json.loads((await viewer.receive()).data)))
    assert max(seen) == 2
    assert seen[-1] == 0
    await eventually(_async_json(http, f"{gateway.address}/api/pages", lambda found: found["pages"] == []))


async def test_classic_events_from_another_gateway(on_kafka: OnKafka, http: aiohttp.ClientSession, servers: str) -> None:
    """Classic events that a plain producer writes, keyed by session, are counted; the record's time serves where they have none."""
    pipeline = on_kafka()
    await pipeline.all()
    (gateway,) = pipeline.gateways
    producer = Producer({"bootstrap.servers": servers})
    tutorials = {
        "session_id": "v1", "type": "mousemove", "page_url": "https://shop.example/p/1?x=2", "relative_path": "/p/1", "query_prams": "?x=2",
        "buttons": 0, "window": {"width": 1280, "height": 2400}, "mouse-coordinates": {"x": 640, "y": 1200},
    }  # fmt: skip
    for sent in (tutorials, tutorials | {"type": "click"}, tutorials | {"type": "scroll", "mouse-coordinates": None}, event(x=10)):
        producer.produce(pipeline.prefix + "clickstream", json.dumps(sent).encode(), "v1")
    producer.flush()

    async def counted() -> bool:
        moves, clicks = await heat(http, gateway.address, "/p/1"), await heat(http, gateway.address, "/p/1", kind="click")
        return moves["value"] == {"25": {"25": 1}, "0": {"25": 1}} and clicks["value"] == {"25": {"25": 1}}

    await eventually(counted)
    async with http.ws_connect(f"{gateway.ws}/heatmap/p/1") as viewer:
        assert tally(json.loads((await viewer.receive()).data)) == 2
    assert records(servers, pipeline.prefix + "clickstream-dead-letter", 1) == []


async def test_poison(on_kafka: OnKafka, http: aiohttp.ClientSession, servers: str) -> None:
    """What a stage can't process goes to the dead letters with its error; what stands behind it is counted."""
    pipeline = on_kafka(partitions=1)
    await pipeline.all()
    (gateway,) = pipeline.gateways
    producer = Producer({"bootstrap.servers": servers})
    producer.produce(pipeline.prefix + "clickstream", b"\xff\xfe no record", "x")
    producer.produce(pipeline.prefix + "clickstream", json.dumps(event(relative_path="nowhere")).encode(), "x")
    producer.produce(pipeline.prefix + "clickstream", b'{"at":1,"pages":[]}', "x")
    producer.produce(pipeline.prefix + "clickstream-group-by-page", b'{"poison": true}', "default/p/1")
    producer.flush()
    async with http.post(f"{gateway.address}/clickstream", json=event()) as answer:
        assert answer.status == 202

    async def counted() -> bool:
        return tally(await heat(http, gateway.address, "/p/1")) == 1

    await eventually(counted)

    async def buried() -> list[dict[str, Any]]:
        found = [value for _, value in records(servers, pipeline.prefix + "clickstream-dead-letter", 1)]
        return found if len(found) == 4 else []

    letters = await eventually(buried)
    assert sorted(letter["stage"] for letter in letters) == ["aggregate", "group-by", "group-by", "group-by"]
    by_value = {letter["value"]: letter["error"] for letter in letters}
    assert "malformed" in by_value["\\xff\\xfe no record"]
    assert "relative_path" in next(error for value, error in by_value.items() if "nowhere" in value)
    assert "origins" in by_value['{"at":1,"pages":[]}']
    assert "site" in by_value['{"poison": true}']


async def test_publish_watched(on_kafka: OnKafka, http: aiohttp.ClientSession, servers: str) -> None:
    """With `--publish watched` nothing is written of a page that nobody watches; a viewer who comes gets its whole window."""
    pipeline = on_kafka()
    await pipeline.all(publish="watched")
    (gateway,) = pipeline.gateways
    async with http.post(f"{gateway.address}/clickstream", json=[event(path="/seen"), event(path="/unseen")]) as answer:
        assert answer.status == 202
    async with http.ws_connect(f"{gateway.ws}/heatmap/seen") as viewer, asyncio.timeout(20):
        while tally(json.loads((await viewer.receive()).data)) != 1:
            pass
    assert {key for key, _ in records(servers, pipeline.prefix + "heatmap")} == {"default/seen"}


async def test_heat_is_read_back(on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """A gateway that starts later is ready only when it has the heat that stands, and has it then."""
    pipeline = on_kafka()
    await pipeline.all()
    sent = [event(x=10 * x, path=f"/p/{x % 7}") for x in range(100)]
    async with http.post(f"{pipeline.gateways[0].address}/clickstream", json=sent) as answer:
        assert answer.status == 202
    await eventually(_async_json(http, f"{pipeline.gateways[0].address}/api/pages", lambda all_: _samples(all_) == 100))
    late = await pipeline.gateway()
    async with http.get(f"{late.address}/api/pages") as answer:
        assert _samples(await answer.json()) == 100


async def test_settings_must_agree(on_kafka: OnKafka, run_cli: RunCli) -> None:
    """A process with other settings is refused: exit code 2, one line that names them."""
    pipeline = on_kafka()
    await pipeline.worker("aggregate")
    folder = str(pipeline.folder / "other")
    code, _, error = await run_cli("worker", "group-by", *pipeline.arguments(), "--data", folder, "--hop", "500ms", "--grid-size", "20")
    assert code == 2
    assert len(error.strip().splitlines()) == 1
    assert "--hop 250ms, not --hop 500ms" in error
    assert "--grid-size 50, not --grid-size 20" in error
    code, _, error = await run_cli("serve", *pipeline.arguments(), "--data", folder, "--port", "0", "--partitions", "5")
    assert code == 2
    assert "--partitions 4" in error


async def test_topics(on_kafka: OnKafka, http: aiohttp.ClientSession, run_cli: RunCli) -> None:
    """`isotherm topics` and the server's own list show messages and lag; tailing shows live messages with their columns unpacked."""
    pipeline = on_kafka()
    await pipeline.all()
    (gateway,) = pipeline.gateways
    async with http.post(f"{gateway.address}/clickstream", json=event(x=10)) as answer:
        assert answer.status == 202
    async with http.ws_connect(f"{gateway.ws}/api/topics/clickstream-group-by-page", params={"key": "default/p/1"}) as socket:
        found = json.loads((await socket.receive(timeout=20)).data)
    assert found["topic"] == pipeline.prefix + "clickstream-group-by-page"
    assert (found["value"]["path"], found["value"]["tile"], found["value"]["count"]) == ("/p/1", [25 * 50], [1])

    def settled(listed: dict[str, Any]) -> bool:
        by_name = {topic["name"].removeprefix(pipeline.prefix): topic for topic in listed["topics"]}
        return all(by_name[name]["messages"] for name in ("clickstream", "clickstream-group-by-page", "heatmap")) and all(
            by_name[name]["lag"] is not None for name in ("clickstream", "clickstream-group-by-page")
        )

    await eventually(_async_json(http, f"{gateway.address}/api/topics", settled))
    code, out, error = await run_cli("topics", "--kafka", pipeline.servers, "--topic-prefix", pipeline.prefix, "--partitions", "4")
    assert code == 0, error
    assert f"{pipeline.prefix}heatmap" in out
    code, out, error = await run_cli(
        "topics", "--kafka", pipeline.servers, "--topic-prefix", pipeline.prefix, "--partitions", "4",
        "tail", "heatmap", "--key", "default/p/1", "--messages", "1",
    )  # fmt: skip
    assert code == 0, error
    assert json.loads(out)["value"]["value"] == {"0": {"25": 1}}


async def test_demo(http: aiohttp.ClientSession, servers: str, tmp_path: Path) -> None:
    """`isotherm demo --kafka` runs shop, visitors and all stages; its heat comes by way of the topics, and it stops within seconds."""
    options = (
        "--kafka",
        servers,
        "--topic-prefix",
        f"demo{uuid.uuid4().hex[:8]}-",
        "--partitions",
        "2",
        "--visitors",
        "10",
        "--no-browser",
    )
    demo = await start(tmp_path / "demo", *options, command="demo")
    try:
        await eventually(_async_json(http, f"{demo.address}/api/pages", lambda found: _samples(found) > 20), 60)
        async with http.get(f"{demo.address}/shop/") as answer:
            assert answer.status == 200
    finally:
        assert await demo.stop() == 0


async def test_nothing_is_written_outside_data(on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """Workers and gateways stop with exit code 0 at SIGTERM and have written under `--data` only; a gateway that starts again on its own
    folder knows when the first event ever came."""
    pipeline = on_kafka()
    await pipeline.all()
    (gateway,) = pipeline.gateways
    async with http.post(f"{gateway.address}/clickstream", json=event()) as answer:
        assert answer.status == 202
    first_ms = await _first_event_ms(http, gateway)
    assert first_ms
    assert await gateway.stop() == 0
    assert [await worker.stop() for worker in pipeline.workers] == [0, 0]
    assert {path.name.split("-")[0] for path in pipeline.folder.iterdir()} == {"gateway", "group", "aggregate"}
    (folder,) = pipeline.folder.glob("gateway-*")
    again = await start(folder, "--open-heat", "--trust-senders", *pipeline.arguments())
    pipeline.gateways.append(again)
    assert await _first_event_ms(http, again) == first_ms


async def _first_event_ms(http: aiohttp.ClientSession, served: Served) -> int | None:
    async with http.ws_connect(f"{served.ws}/api/overview") as dashboard:
        while "first_event_ms" not in (frame := json.loads((await dashboard.receive(timeout=20)).data)):
            pass
    found: int | None = frame["first_event_ms"]
    return found


def _samples(listed: dict[str, Any]) -> int:
    return sum(page["samples"] for page in listed["pages"])


def _async(ask: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def answer() -> Any:
        return ask()

    return answer


def _async_json(http: aiohttp.ClientSession, url: str, judge: Callable[[Any], bool]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        async with http.get(url) as answer:
            return judge(await answer.json())

    return ask

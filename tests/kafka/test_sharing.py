"""Several gateways are one: sites, tokens and signatures of one hold at all, without a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from confluent_kafka import Producer

from tests.kafka.running import Pipeline
from tests.kafka.test_pipeline import OnKafka, RunCli, heat, records
from tests.serving import Served, event, eventually, start

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

Ask = Callable[[], Awaitable[bool]]


async def gateways(pipeline: Pipeline, *options: str) -> list[Served]:
    """Two that need tokens, started at the same moment."""
    folders = [pipeline.folder / name for name in ("one", "other")]
    both = await asyncio.gather(*[start(folder, "--trust-senders", *pipeline.arguments(), *options) for folder in folders])
    pipeline.gateways.extend(both)
    return list(both)


def answers(http: aiohttp.ClientSession, url: str, status: int, **more: Any) -> Ask:
    async def ask() -> bool:
        async with http.get(url, allow_redirects=False, **more) as answer:
            return answer.status == status

    return ask


def bearer(token: str) -> dict[str, dict[str, str]]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


async def test_viewers(on_kafka: OnKafka, http: aiohttp.ClientSession, run_cli: RunCli, servers: str) -> None:
    """Of two gateways that begin at once one makes the first token; it opens both. Tokens that are added and revoked, login links and
    overlay tokens hold at both, a link once among them; and nothing that opens anything stands in the topic."""
    pipeline = on_kafka()
    both = await gateways(pipeline)
    await eventually(_later(lambda: any(served.token for served in both)))
    (first,) = [served.token for served in both if served.token]
    one, other = both
    for served in both:
        await eventually(answers(http, f"{served.address}/api/pages", 200, **bearer(first)))
    where = ("--kafka", servers, "--topic-prefix", pipeline.prefix)
    code, out, error = await run_cli("token", "add", "desk", "--days", "7", *where)
    assert code == 0, error
    desk = out.strip()
    for served in both:
        await eventually(answers(http, f"{served.address}/api/pages", 200, **bearer(desk)))
    code, _, error = await run_cli("token", "add", "desk", *where)
    assert (code, "revoke it first" in error) == (2, True)
    code, out, _ = await run_cli("token", "list", *where)
    assert [line.split()[0] for line in out.splitlines()] == ["desk", "first"]

    code, out, error = await run_cli("login", "--data", str(pipeline.folder / "one"))
    assert code == 0, error
    link = out.strip().replace(one.address, other.address)
    async with http.get(link, allow_redirects=False) as answer:
        cookie = answer.cookies["isotherm"].value
    for served in both:
        assert await answers(http, f"{served.address}/api/pages", 200, cookies={"isotherm": cookie})()
    for served in both:
        async with http.get(f"{served.address}/login?{link.partition('?')[2]}", allow_redirects=False) as answer:
            assert "isotherm" not in answer.cookies

    async with http.post(f"{one.address}/api/overlay-token", json={"site": "default"}, **bearer(desk)) as answer:
        overlay = (await answer.json())["token"]
    async with http.ws_connect(f"{other.ws}/live", params={"page": "/", "token": overlay}) as viewer:
        assert (await viewer.receive()).type is aiohttp.WSMsgType.BINARY
    code, _, error = await run_cli("token", "revoke", "desk", *where)
    assert code == 0, error
    for served in both:
        await eventually(answers(http, f"{served.address}/api/pages", 401, **bearer(desk)))
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(f"{other.ws}/live", params={"page": "/", "token": overlay})
    written = json.dumps(records(servers, pipeline.prefix + "isotherm-settings", 1))
    for secret in (first, desk, overlay, cookie, link.partition("code=")[2]):
        assert secret not in written

    code, _, error = await run_cli("token", "add", "lost", "--data", str(pipeline.folder / "one"))
    assert (code, f"give --kafka {servers}" in error) == (2, True)
    late = await start(pipeline.folder / "late", "--trust-senders", *pipeline.arguments())
    pipeline.gateways.append(late)
    assert await answers(http, f"{late.address}/api/pages", 200, cookies={"isotherm": cookie})()
    assert late.token is None


async def test_sites(on_kafka: OnKafka, http: aiohttp.ClientSession, run_cli: RunCli, servers: str) -> None:
    """A site that is added is taken at every gateway, from its origins, its pages joined; and classic events that another gateway wrote
    are joined as well. One that is removed is unknown again. Nothing is restarted."""
    pipeline = on_kafka()
    await pipeline.all(gateways=2)
    where = ("--kafka", servers, "--topic-prefix", pipeline.prefix)
    code, out, error = await run_cli("site", "add", "shop", "--origin", "https://shop.example", "--join", "/p/:id", *where)
    assert code == 0, error
    assert 'data-site="shop"' in out
    code, _, error = await run_cli("site", "add", "default", "--replace", "--join", "/c/:id", "--leave-out", "/private/*", *where)
    assert code == 0, error

    def posts(served: Served, status: int, path: str, site: str, origin: str) -> Ask:
        async def ask() -> bool:
            sent = event(path=path)
            async with http.post(f"{served.address}/clickstream?site={site}", json=sent, headers={"Origin": origin}) as answer:
                return answer.status == status

        return ask

    for served in pipeline.gateways:
        await eventually(posts(served, 202, "/p/7", "shop", "https://shop.example"))
        assert await posts(served, 403, "/p/7", "shop", "https://other.example")()

    async def joined() -> bool:
        found = await heat(http, pipeline.gateways[1].address, "/p/:id", site="shop")
        return found["value"] == {"25": {"25": 2}}

    await eventually(joined)
    group_by = next(worker for worker in pipeline.workers if worker.stage == "group-by")
    producer = Producer({"bootstrap.servers": servers})

    async def joined_of_another_gateway() -> bool:
        for path in ("/c/1", "/private/1"):
            producer.produce(pipeline.prefix + "clickstream", json.dumps(event(path=path)).encode(), "v1")
        producer.flush()
        return bool((await heat(http, pipeline.gateways[0].address, "/c/:id"))["value"])

    await eventually(joined_of_another_gateway)
    assert not (await heat(http, pipeline.gateways[0].address, "/private/1"))["value"]
    assert group_by.process.returncode is None
    code, out, _ = await run_cli("site", "list", *where)
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == ["default", "shop"]
    code, _, error = await run_cli("site", "remove", "shop", *where)
    assert code == 0, error
    for served in pipeline.gateways:
        await eventually(posts(served, 403, "/p/7", "shop", "https://shop.example"))
    code, _, error = await run_cli("site", "list", "--kafka", servers, "--topic-prefix", "nowhere-")
    assert (code, "no topic nowhere-isotherm-settings" in error) == (2, True)


def _later(ask: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def answer() -> Any:
        return ask()

    return answer

"""Clicks in anger over the public interface: a layer like any other, a column of the zones, found across batches and a kill."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp

from tests.oracle import from_classic
from tests.serving import Served, eventually

from .conftest import Serve

TILE = (25, 12)  #: of (510, 250) in a document of 1,000 x 1,000


def click(timestamp_ms: int, x: float = 510.0, session: str = "s") -> dict[str, Any]:
    return {
        "session_id": session, "type": "click", "relative_path": "/p/1", "window": {"width": 1000, "height": 1000},
        "mouse-coordinates": {"x": x, "y": 250}, "timestamp": timestamp_ms,
    }  # fmt: skip


async def send(http: aiohttp.ClientSession, served: Served, *messages: dict[str, Any]) -> None:
    async with http.post(f"{served.address}/clickstream", data=json.dumps(messages)) as answer:
        assert answer.status == 202, await answer.text()


async def heat(http: aiohttp.ClientSession, served: Served, kind: str, **query: Any) -> dict[tuple[int, int], int]:
    async with http.get(f"{served.address}/api/heatmap", params={"page": "/p/1", "kind": kind, **query}) as answer:
        assert answer.status == 200
        return from_classic((await answer.json())["value"])


async def test_a_burst_is_found_across_a_kill(serve: Serve) -> None:
    """Two clicks before it and one after are three: in the heat, on the socket, in ranges; and no total counts them twice."""
    served = await serve("--open-heat", "--trust-senders")
    now_ms = int(time.time() * 1000) - 500
    async with aiohttp.ClientSession() as http:
        await send(http, served, click(now_ms), click(now_ms + 200, x=520.0))
        await send(http, served, click(now_ms + 100, session="t"), click(now_ms + 100, x=600.0))
        await eventually(lambda: _is(heat(http, served, "click"), {TILE: 2, (26, 12): 1, (30, 12): 1}))
        assert await heat(http, served, "rage") == {}
    await served.kill()
    served = await serve("--open-heat", "--trust-senders")
    async with aiohttp.ClientSession() as http:
        await send(http, served, click(now_ms + 400))
        expected = {TILE: 2, (26, 12): 1}
        await eventually(lambda: _is(heat(http, served, "rage"), expected))
        assert await heat(http, served, "rage", device="mobile") == {}
        assert await heat(http, served, "rage", **{"from": now_ms - 60_000}) == expected
        assert sum((await heat(http, served, "click")).values()) == 5
        async with http.ws_connect(f"{served.ws}/heatmap/p/1?kind=rage") as viewer:
            assert from_classic(json.loads((await viewer.receive()).data)["value"]) == expected
        async with http.get(f"{served.address}/api/pages") as answer:
            (page,) = (await answer.json())["pages"]
        assert page["samples"] == 5


async def _is(found: Any, expected: Any) -> bool:
    return bool(await found == expected)


async def test_zones_and_rules_know_it(serve: Serve) -> None:
    """The column `rage` of a zone is the clicks of its bursts; a dry run of a rule finds when it would have fired."""
    served = await serve("--open-heat", "--trust-senders", "--viewer-token", "for-the-tests")
    batch = {
        "v": 1, "session": "s", "load": "l", "seq": 0, "path": "/p/1", "w": 1000, "h": 1000, "kind": ["click", "click", "move", "click"],
        "x": [510, 515, 900, 505], "y": [250, 250, 900, 260], "age": [900, 500, 400, 100],
        "anchors": ["buy", "menu"], "anchor": [0, 0, 1, 0],
    }  # fmt: skip
    rule = {"name": "anger", "page": "/p/1", "zone": "b*", "metric": "rage", "at_least": 3, "people": 1, "hold_ms": 0}
    async with aiohttp.ClientSession() as http:
        await send(http, served, batch)

        async def zones() -> dict[str, tuple[int, int, int, float]]:
            async with http.get(f"{served.address}/api/zones", params={"page": "/p/1"}) as answer:
                found = (await answer.json())["zones"]
            return {zone["zone"]: (zone["samples"], zone["clicks"], zone["rage"], zone["share"]) for zone in found}

        await eventually(lambda: _is(zones(), {"buy": (3, 3, 3, 0.75), "menu": (1, 0, 0, 0.25)}))

        async def fired() -> list[tuple[str, str, float]]:
            headers = {"Authorization": "Bearer for-the-tests"}
            async with http.post(f"{served.address}/api/rules/dry-run", json=rule, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
                return [(one["type"], one["zone"], one["value"]) for one in (await answer.json())["fired"]]

        await eventually(lambda: _is(fired(), [("hot", "buy", 3.0)]))

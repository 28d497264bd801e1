"""Dead clicks over the public interface: what a tracker saw nothing come of is a layer, a column of the zones, a rule; and in no total."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp

from tests.oracle import from_classic
from tests.serving import Served, eventually

from .conftest import Serve

BATCH = {
    "v": 1, "session": "s", "load": "l", "seq": 0, "path": "/p/1", "w": 1000, "h": 1000, "kind": ["click", "dead", "move", "click"],
    "x": [510, 510, 900, 30], "y": [250, 250, 900, 30], "age": [1900, 1900, 400, 100],
    "anchors": ["picture", "menu"], "anchor": [0, 0, 1, 1],
}  # fmt: skip
PICTURE, MENU, REST = (25, 12), (1, 1), (45, 45)


async def asked(http: aiohttp.ClientSession, served: Served, path: str, **query: Any) -> Any:
    async with http.get(f"{served.address}{path}", params={"page": "/p/1", **query}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


async def heat(http: aiohttp.ClientSession, served: Served, kind: str, **query: Any) -> dict[tuple[int, int], int]:
    return from_classic((await asked(http, served, "/api/heatmap", kind=kind, **query))["value"])


async def zones(http: aiohttp.ClientSession, served: Served, **query: Any) -> dict[str, tuple[Any, ...]]:
    found = (await asked(http, served, "/api/zones", **query))["zones"]
    return {zone["zone"]: tuple(zone[name] for name in ("samples", "clicks", "rage", "dead", "share")) for zone in found}


async def is_(found: Any, expected: Any) -> bool:
    return bool(await found == expected)


async def test_what_a_tracker_calls_dead_is_counted_beside_its_click(serve: Serve) -> None:
    """In the window, on the socket, in ranges, and after a kill; the click itself is counted once, and so is every total."""
    served = await serve("--open-heat", "--trust-senders")
    from_ms = int(time.time() * 1000) - 60_000
    async with aiohttp.ClientSession() as http:
        for _ in range(2):  # what comes twice counts once
            async with http.post(f"{served.address}/clickstream", data=json.dumps(BATCH)) as answer:
                assert answer.status == 202, await answer.text()
        await eventually(lambda: is_(heat(http, served, "dead"), {PICTURE: 1}))
    await served.kill()
    served = await serve("--open-heat", "--trust-senders")
    async with aiohttp.ClientSession() as http:
        await eventually(lambda: is_(heat(http, served, "dead"), {PICTURE: 1}))
        assert await heat(http, served, "click") == {PICTURE: 1, MENU: 1}
        assert await heat(http, served, "move") == {REST: 1}
        assert await heat(http, served, "dead", **{"from": from_ms}) == {PICTURE: 1}
        expected = {"menu": (2, 1, 0, 0, 0.6667), "picture": (1, 1, 0, 1, 0.3333)}
        assert await zones(http, served) == expected
        assert await zones(http, served, **{"from": from_ms}) == expected
        async with http.ws_connect(f"{served.ws}/heatmap/p/1?kind=dead") as viewer:
            assert from_classic(json.loads((await viewer.receive()).data)["value"]) == {PICTURE: 1}
        (page,) = (await asked(http, served, "/api/pages"))["pages"]
        assert page["samples"] == 3


async def test_a_rule_fires_on_it(serve: Serve) -> None:
    """A dry run finds when it would have been told, of the zone and of the page."""
    served = await serve("--open-heat", "--trust-senders", "--viewer-token", "for-the-tests")
    rule = {"name": "in vain", "page": "/p/1", "metric": "dead", "at_least": 1, "people": 1, "hold_ms": 0}
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer for-the-tests"}) as http:
        async with http.post(f"{served.address}/clickstream", data=json.dumps(BATCH)) as answer:
            assert answer.status == 202, await answer.text()

        async def fired(zone: str | None) -> list[tuple[str, str | None, float, str]]:
            async with http.post(f"{served.address}/api/rules/dry-run", json=rule | {"zone": zone}) as answer:
                assert answer.status == 200, await answer.text()
                return [(one["type"], one["zone"], one["value"], one["why"]) for one in (await answer.json())["fired"]]

        why = "dead clicks 1 ≥ 1, 1 people"
        await eventually(lambda: is_(fired("*"), [("hot", "picture", 1.0, why)]))
        await eventually(lambda: is_(fired(None), [("hot", None, 1.0, why)]))

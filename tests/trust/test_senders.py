"""Senders on a running server: what is kept apart, what is refused before the ack, and what no one sender can do to the heat."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from tests.end_to_end.conftest import Serve
from tests.serving import Served, batch, event, eventually

GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
HEADLESS = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36"
SHOP = {"Origin": "https://shop.example"}


async def post(http: aiohttp.ClientSession, served: Served, body: Any, **headers: str) -> int:
    async with http.post(f"{served.address}/clickstream", data=json.dumps(body), headers=headers) as answer:
        return answer.status


async def counters(http: aiohttp.ClientSession, served: Served) -> dict[str, int]:
    async with http.ws_connect(f"{served.ws}/api/overview") as overview:
        found: dict[str, int] = (await overview.receive_json(timeout=20))["counters"]
        return found


async def total(http: aiohttp.ClientSession, served: Served, path: str) -> int:
    async with http.get(f"{served.address}/api/heatmap", params={"page": path}) as answer:
        return sum(count for column in (await answer.json())["value"].values() for count in column.values())


async def totals(http: aiohttp.ClientSession, served: Served, path: str, number: int) -> bool:
    return await total(http, served, path) == number


async def send_as_everybody(http: aiohttp.ClientSession, served: Served) -> None:
    """Bots first, so that a count of the people at the end has had time to be wrong."""
    assert await post(http, served, batch(1, [1, 2, 3], bot=True), **SHOP) == 202
    assert await post(http, served, batch(2, [1], load="crawler"), **SHOP, **{"User-Agent": GOOGLEBOT}) == 202
    assert await post(http, served, event(), **SHOP, **{"User-Agent": GOOGLEBOT}) == 202
    assert await post(http, served, event(), **{"User-Agent": GOOGLEBOT}) == 202, "without an origin: a relay, not judged"
    assert await post(http, served, event(), **SHOP, **{"User-Agent": HEADLESS}) == 202, "only our tracker can tell what drives a browser"
    assert await post(http, served, batch(3, [1], load="person"), **SHOP) == 202


async def test_bots_are_taken_and_kept_apart(serve: Serve, http: aiohttp.ClientSession) -> None:
    """A tracker that reports `navigator.webdriver`, and crawlers with an origin: acknowledged, in no heat, in a counter; on loopback too."""
    served = await serve("--open-heat")
    await send_as_everybody(http, served)
    await eventually(lambda: totals(http, served, "/p/1", 3))
    async with http.ws_connect(f"{served.ws}/clickstream/bot") as socket:
        await socket.send_json(batch(9, [1, 2], bot=True, load="socket"))
        assert await socket.receive_json(timeout=20) == {"ack": 9}
    assert (await counters(http, served))["bots"] == 7
    assert await total(http, served, "/p/1") == 3


async def test_bots_count_where_the_operator_wants_it(serve: Serve, http: aiohttp.ClientSession) -> None:
    """`--count-bots`: like people."""
    served = await serve("--open-heat", "--count-bots")
    await send_as_everybody(http, served)
    await eventually(lambda: totals(http, served, "/p/1", 8))
    assert (await counters(http, served))["bots"] == 0


async def test_too_fast_is_refused_before_the_ack_and_passes_later(serve: Serve, http: aiohttp.ClientSession) -> None:
    """A session has a rate by event time with a burst: over it `retry_after_ms` and no ack; what was gathered for seconds is no burst."""
    served = await serve("--open-heat", "--session-rate", "10", "--session-burst", "20")
    async with http.ws_connect(f"{served.ws}/clickstream/s") as socket:

        async def answer(seq: int, ages: list[int], **more: Any) -> dict[str, Any]:
            await socket.send_json(batch(seq, [seq] * len(ages), load="l", **more) | {"age": ages})
            while "every" in (said := await socket.receive_json(timeout=20)):
                pass
            return dict(said)

        assert await answer(1, list(range(9900, -1, -100))) == {"ack": 1}, "a hundred samples gathered over ten seconds"
        refused = await answer(2, [0] * 40)
        assert "too fast" in refused["error"]
        assert refused["retry_after_ms"] > 0
        assert refused["seq"] == 2
        assert await answer(4, [0], session="third") == {"ack": 4}, "others do not feel it"
    assert (await counters(http, served))["refused_too_fast"] >= 1
    await eventually(lambda: totals(http, served, "/p/1", 101))


async def test_one_session_paints_no_tile_hot(serve: Serve, http: aiohttp.ClientSession) -> None:
    """`--samples-a-tile`: at most so many of a session, tile and pane are counted; all are acknowledged, and a counter says how many were not."""
    served = await serve("--open-heat", "--samples-a-tile", "2", "--hop", "1s")
    assert await post(http, served, batch(1, [10] * 50) | {"age": [0] * 50}) == 202
    assert await post(http, served, batch(2, [10] * 50, session="another") | {"age": [0] * 50}) == 202
    assert await post(http, served, batch(3, [500], session="third")) == 202
    await eventually(lambda: totals(http, served, "/p/1", 5))
    assert (await counters(http, served))["capped"] == 96


async def test_invented_sessions_and_pages_find_an_end(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Past their number they are refused and counted; those that were there before go on."""
    served = await serve("--open-heat", "--max-sessions", "20", "--max-pages", "5")
    for number in range(5):
        assert await post(http, served, batch(1, [1], path=f"/{number}", session=f"real-{number}")) == 202
    assert await post(http, served, batch(1, [1], path="/invented", session="real-0", load="x")) == 422
    statuses = [await post(http, served, batch(1, [1], path="/0", session=f"invented-{number}")) for number in range(30)]
    assert statuses == [202] * 15 + [429] * 15
    assert await post(http, served, batch(2, [1], path="/0", session="real-0")) == 202
    found = await counters(http, served)
    assert (found["refused_pages"], found["refused_sessions"]) == (1, 15)
    await eventually(lambda: totals(http, served, "/0", 17))

"""Zones that an operator draws: made, counted, shared, taken away, and by operators alone."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.serving import Served, eventually

from .conftest import Serve
from .test_spots import Watch, at
from .test_zones import anchored, league, send

HERO = {"name": "Hero", "page": "/p/1", "anchors": ["#main>0", "/p/2"]}
MENU = {"name": "Menu", "anchors": ["#top"]}


async def draw(
    http: aiohttp.ClientSession, served: Served, zone: Any, token: str | None, method: str = "PUT", **query: str
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.request(method, f"{served.address}/api/zones/drawn", params=query, json=zone, headers=headers) as answer:
        return answer.status, await answer.json()


async def samples(http: aiohttp.ClientSession, served: Served, page: str = "/p/1") -> dict[str, int]:
    return {name: zone["samples"] for name, zone in (await league(http, served, page)).items()}


async def counted(http: aiohttp.ClientSession, served: Served, wanted: dict[str, int], page: str = "/p/1") -> None:
    async def there() -> bool:
        return await samples(http, served, page) == wanted

    await eventually(there)


async def command(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "isotherm", *arguments, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_a_drawn_zone_counts_what_lies_on_its_elements_from_then_on(serve: Serve, tmp_path: Path) -> None:
    """On its page, or on every page; elements keep their names for who looks by elements; a restart knows it, `site add` leaves it; then it goes."""
    served = await serve("--open-heat", "--trust-senders")
    on = ["#main>0", "/p/2", "/p/2", "buy", "#top"]
    async with aiohttp.ClientSession() as http:
        await send(http, served, anchored(0, ["#main>0"]))
        assert await draw(http, served, HERO, served.token) == (200, {"zones": [HERO], "may": True})
        status, told = await draw(http, served, MENU, served.token)
        assert (status, [zone["name"] for zone in told["zones"]]) == (200, ["Hero", "Menu"])
        async with http.ws_connect(f"{served.ws}/clickstream/s") as tracker:  # a tracker's own way
            await tracker.send_json(anchored(1, on))
            while "ack" not in await tracker.receive_json(timeout=10):
                pass
        await send(http, served, anchored(2, on, path="/p/9"))
        await counted(http, served, {"Hero": 3, "#main>0": 1, "buy": 1, "Menu": 1})
        await counted(http, served, {"/p/2": 2, "#main>0": 1, "buy": 1, "Menu": 1}, "/p/9")
        async with http.ws_connect(f"{served.ws}/live?page=/p/1") as socket:
            await socket.send_str('{"spots": true}')
            middle = {name: (*at(name, 500, 500)[:2], 128, *at(name, 500, 500)[3:]) for name in on}
            await Watch(socket).until({middle["#main>0"]: 2, middle["/p/2"]: 2, middle["buy"]: 1, middle["#top"]: 1})
    await served.kill()
    data = str(tmp_path / "data")
    await command("site", "add", "default", "--replace", "--query", "x", "--data", data)
    assert "zone: Hero on /p/1, 2 elements" in await command("site", "list", "--data", data)
    again = await serve("--open-heat", "--trust-senders")
    async with aiohttp.ClientSession() as http:
        await counted(http, again, {"Hero": 3, "#main>0": 1, "buy": 1, "Menu": 1})
        await send(http, again, anchored(3, ["#main>0"]))
        await counted(http, again, {"Hero": 4, "#main>0": 1, "buy": 1, "Menu": 1})
        assert (await draw(http, again, None, served.token, "DELETE", name="Hero", page="/p/1"))[0] == 200
        assert (await draw(http, again, None, served.token, "DELETE", name="Hero", page="/p/1"))[0] == 404
        await send(http, again, anchored(4, ["#main>0"]))
        await counted(http, again, {"Hero": 4, "#main>0": 2, "buy": 1, "Menu": 1})
        assert [zone["name"] for zone in (await draw(http, again, None, None, "GET"))[1]["zones"]] == ["Menu"]


async def test_operators_alone_draw_and_overlays_that_they_opened(serve: Serve, tmp_path: Path) -> None:
    """Open heat is no leave for it, nor a token of one site, nor an overlay of another site or one opened with less."""
    served = await serve("--open-heat", "--trust-senders")
    narrow = (await command("token", "add", "narrow", "--site", "default", "--data", str(tmp_path / "data"))).split()[-1]

    async def overlay(http: aiohttp.ClientSession, token: str | None, site: str = "default") -> str:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with http.post(f"{served.address}/api/overlay-token", json={"site": site}, headers=headers) as answer:
            return str((await answer.json())["token"])

    async with aiohttp.ClientSession() as http:
        assert (await draw(http, served, HERO, None))[0] == 401
        for token in (narrow, await overlay(http, None), await overlay(http, narrow), "wrong"):
            assert (await draw(http, served, HERO, token))[0] == 401
            assert (await draw(http, served, None, token, "DELETE", name="Hero", page="/p/1"))[0] == 401
        await served.stop()
    closed = await serve("--trust-senders")
    served.address = closed.address
    async with aiohttp.ClientSession() as http:
        assert (await draw(http, closed, HERO, await overlay(http, served.token, "other")))[0] == 401
        assert (await draw(http, closed, HERO, await overlay(http, served.token)))[0] == 200
        assert (await draw(http, closed, None, None, "GET"))[0] == 401
        assert (await draw(http, closed, None, narrow, "GET"))[0] == 200
        assert (await draw(http, closed, HERO, served.token, site="nowhere"))[0] == 404
        async with http.options(f"{closed.address}/api/zones/drawn", headers={"Origin": "https://shop.example"}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Methods"]) == (204, "GET, PUT, DELETE")


@pytest.mark.parametrize(
    "wrong", [None, [], "x", {"name": "a"}, {"name": "a\x1fb", "anchors": ["x"]}, {"name": "a", "page": "p", "anchors": ["x"]}]
)
async def test_what_can_be_no_zone_is_refused(serve: Serve, wrong: Any) -> None:
    served = await serve("--open-heat")
    async with aiohttp.ClientSession() as http:
        status, told = await draw(http, served, wrong, served.token)
        assert status == 422
        assert told["error"].startswith("expected ")

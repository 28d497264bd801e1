"""Exposure over the public interface: what is in view now and was in a range, for those who may see it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from tests.serving import Served, batch, eventually

from .conftest import Serve


def looked(seq: int, *kinds_and_y: tuple[str, float], session: str = "s", **more: Any) -> dict[str, Any]:
    """A batch of a document of 1,000 px, seen through a viewport of 200 px, a second between its samples."""
    kinds, y = zip(*kinds_and_y, strict=True)
    ages = [1000 * (len(kinds) - at) for at in range(len(kinds))]
    return batch(seq, [0.0] * len(kinds), list(y), session=session, load=session, kind=list(kinds), **({"vh": 200, "age": ages} | more))


async def send(http: aiohttp.ClientSession, served: Served, message: dict[str, Any]) -> None:
    async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
        assert answer.status == 202, await answer.text()


async def exposure(http: aiohttp.ClientSession, served: Served, **query: Any) -> dict[str, Any]:
    async with http.get(f"{served.address}/api/exposure", params={"page": "/p/1"} | query) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        found: dict[str, Any] = await answer.json()
        return found


async def test_bands_are_told_with_seconds_people_and_share(serve: Serve) -> None:
    """Of a page of ten bands; views without the viewport's height tell nothing, nor do views of another page; a restart keeps all."""
    served = await serve("--open-heat", "--trust-senders", "--grid-size", "10")
    async with aiohttp.ClientSession() as http:
        await send(http, served, looked(0, ("view", 0), ("view", 500), ("leave", 500)))
        await send(http, served, looked(0, ("view", 0), ("leave", 0), session="t", vw=400))
        await send(http, served, looked(0, ("view", 700), ("leave", 0), session="u", vh=None))
        await send(http, served, looked(0, ("view", 0), ("leave", 0), session="v", path="/p/2"))
        wanted = [(2.0, 2, 1.0)] * 2 + [(0.0, 0, 0.0)] * 3 + [(1.0, 1, 0.5)] * 2 + [(0.0, 0, 0.0)] * 3

        async def true() -> bool:
            found = await exposure(http, served)
            bands = [(band["seconds"], band["people"], band["share"]) for band in found["bands"]]
            return (bands, found["people"], found["grid-size"], found["fold"], found["hidden-bands"]) == (wanted, 2, 10, 0.2, 0)

        await eventually(true, 30)
        now = await exposure(http, served)
        assert now["end"] - now["start"] == 300_000
        past = await exposure(http, served, **{"from": str(now["start"])})
        assert (past["bands"], past["people"], past["fold"]) == (now["bands"], 2, 0.2)
        phones = await exposure(http, served, device="mobile")
        assert [band["people"] for band in phones["bands"]] == [1, 1] + [0] * 8
        async with http.get(f"{served.address}/api/exposure?page=/p/1&format=csv") as answer:
            lines = (await answer.text()).splitlines()
        assert (lines[0], lines[1].split(",")[2:]) == ("start,end,band,seconds,people,share", ["0", "2.0", "2", "1.0"])
        for query in ("page=p", "page=/p/1&device=watch", "page=/p/1&format=png", "page=/p/1&from=never"):
            async with http.get(f"{served.address}/api/exposure?{query}") as answer:
                assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (422, "*"), query
        async with http.get(f"{served.address}/api/heatmap?page=/p/1") as answer:
            assert (await answer.json())["value"] == {}, "views are no heat"
        async with http.get(f"{served.address}/api/pages") as answer:
            assert (await answer.json())["pages"] == []
        await served.kill()
        served = await serve("--open-heat", "--trust-senders", "--grid-size", "10")
        await eventually(true, 30)


async def test_too_few_people_are_not_told(serve: Serve) -> None:
    """With `--min-people 2`: neither their seconds nor that they were there, live and of a range; and nobody without a token is told."""
    served = await serve("--trust-senders", "--min-people", "2", "--viewer-token", "t" * 20)
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer " + "t" * 20}) as http, aiohttp.ClientSession() as stranger:
        await send(http, served, looked(0, ("view", 0), ("view", 800), ("leave", 800)))
        await send(http, served, looked(0, ("view", 0), ("leave", 0), session="t"))

        async def true() -> bool:
            return (await exposure(http, served))["bands"][0] == {"seconds": 2.0, "people": 2, "share": 1.0}

        await eventually(true, 30)
        for query in ({}, {"from": "0"}):
            found = await exposure(http, served, **query)
            assert found["bands"][-1] == {"seconds": None, "people": None, "share": None}
            assert (found["people"], found["hidden-bands"]) == (2, 40)
        async with stranger.get(f"{served.address}/api/exposure?page=/p/1") as answer:
            assert answer.status == 401
        async with stranger.options(f"{served.address}/api/exposure?page=/p/1") as answer:  # may a page of the shop ask with a header?
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "*")
            assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]

"""Zones, spots and exposure on Kafka: a page that somebody asks for is counted from before the question, at whichever gateway it is asked."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from tests.end_to_end.test_exposure import exposure, looked
from tests.end_to_end.test_spots import Watch, at, on, send
from tests.end_to_end.test_zones import anchored, league
from tests.kafka.test_pipeline import OnKafka
from tests.serving import Served, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


async def samples(http: aiohttp.ClientSession, served: Served) -> dict[str, tuple[int, int, int]]:
    return {name: (zone["samples"], zone["people"], zone["clicks"]) for name, zone in (await league(http, served)).items()}


async def test_zones_spots_and_exposure_are_told_of_pages_that_are_asked_for(on_kafka: OnKafka, http: aiohttp.ClientSession) -> None:
    """What came before the first question and what comes after, once each, sessions of several partitions; each gateway tells the same."""
    pipeline = on_kafka()
    one, other, _ = await asyncio.gather(pipeline.gateway(), pipeline.gateway(), pipeline.worker("group-by"))
    first = anchored(0, ["buy", "", "buy", "#top"], kind=["move", "move", "click", "move"])
    elsewhere = anchored(0, ["x"], path="/p/2", session="u")
    began_s = time.monotonic()
    await send(http, one, looked(0, ("view", 800), session="reads", age=[10_000]))  # some of it is told of it before anybody asks
    await send(http, one, first, first, *(anchored(0, ["buy", "menu"], session=f"s{number}") for number in range(6)), elsewhere)
    before = {"buy": (8, 7, 1), "menu": (6, 6, 0), "#top": (1, 1, 0)}
    await eventually(lambda: _is(http, other, before))
    assert list(await league(http, other)) == ["buy", "menu", "#top"]
    await send(http, one, first, *(anchored(1, ["menu"], session=f"s{number}") for number in range(6)))
    after = before | {"menu": (12, 6, 0)}
    for gateway in (one, other):
        await eventually(lambda asked=gateway: _is(http, asked, after))  # type: ignore[misc]
    assert await league(http, other, "/p/3") == {}

    await send(http, one, on(0, "hero", [(100, 900), (100, 900)], session="a", load="a"))
    async with http.ws_connect(f"{other.ws}/live", params={"page": "/p/1"}) as socket:
        viewer = Watch(socket)
        await socket.send_str('{"spots": true}')
        hero = at("hero", 100, 900)
        async with asyncio.timeout(30):
            while viewer.picture.get(hero) != 2 or sum(viewer.picture.values()) < 22:  # one was a click
                assert await viewer.read()
        assert sum(count for spot, count in viewer.picture.items() if spot[0] == "menu") == 12
        await send(http, one, on(0, "hero", [(100, 900)], session="b", load="b"))
        async with asyncio.timeout(30):
            while viewer.picture[hero] < 3:
                assert await viewer.read()
        assert viewer.picture[hero] == 3
        await socket.send_str('{"spots": false}')
        while await viewer.read():
            pass

    await _exposure_is_told(http, one, other, began_s)


async def _exposure_is_told(http: aiohttp.ClientSession, one: Served, other: Served, began_s: float) -> None:
    """Of one who reads the last fifth of the page since before, and still, and of some who were at its top: repeats and other pages are not in it."""
    top = [looked(0, ("view", 0), ("leave", 0), session=f"t{number}") for number in range(6)]
    await send(http, one, *top, top[0], looked(0, ("view", 0), ("leave", 0), path="/p/2", session="u"))
    await eventually(lambda: _seen(http, other, 0, 6, (6.0, 6.0)))
    left_s = time.monotonic()
    await send(http, one, looked(1, ("leave", 800), session="reads", age=[0]), looked(0, ("view", 0), ("leave", 0), session="t6"))
    late_s = time.monotonic() - left_s + 0.5
    read_s = 10 + left_s - began_s
    for gateway in (one, other):
        await eventually(lambda asked=gateway: _seen(http, asked, 0, 7, (7.0, 7.0)))  # type: ignore[misc]
        await eventually(lambda asked=gateway: _seen(http, asked, 49, 1, (min(30, read_s) - 1.5, min(30, read_s + late_s))))  # type: ignore[misc]
    assert (await exposure(http, other))["people"] == 8


async def _seen(http: aiohttp.ClientSession, served: Served, band: int, people: int, seconds: tuple[float, float]) -> bool:
    found = (await exposure(http, served))["bands"][band]
    least, most = seconds
    assert found["seconds"] <= most, "counted twice"
    return bool(found["people"] == people and found["seconds"] >= least)


async def _is(http: aiohttp.ClientSession, served: Served, expected: dict[str, tuple[int, int, int]]) -> bool:
    found = await samples(http, served)
    assert sum(zone[0] for zone in found.values()) <= sum(zone[0] for zone in expected.values()), "counted twice"
    return found == expected

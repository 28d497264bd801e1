"""Zones over the public interface: batches that say what their samples lay on, and the league table of their page."""

from __future__ import annotations

import base64
import json
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.serving import Served, batch, eventually

from .conftest import Serve


def anchored(seq: int, zones: list[str], session: str = "s", **more: Any) -> dict[str, Any]:
    """A batch with a sample on each of the zones."""
    table = list(dict.fromkeys(zones))
    places = [table.index(zone) for zone in zones]
    middle = [500] * len(zones)
    columns = {"anchors": table, "anchor": places, "ax": middle, "ay": middle}
    return batch(seq, [500.0] * len(zones), session=session, load=session, **(columns | more))


async def league(http: aiohttp.ClientSession, served: Served, page: str = "/p/1") -> dict[str, dict[str, Any]]:
    async with http.get(f"{served.address}/api/zones", params={"page": page}) as answer:
        assert answer.status == 200
        return {zone.pop("zone"): zone for zone in (await answer.json())["zones"]}


async def send(http: aiohttp.ClientSession, served: Served, message: dict[str, Any]) -> tuple[int, str]:
    async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
        return answer.status, await answer.text()


async def test_a_pages_zones_are_told_with_samples_people_clicks_and_share(serve: Serve) -> None:
    """Columns as arrays and packed; what comes twice counts once; another page's are its own; a restart keeps them."""
    served = await serve("--open-heat", "--trust-senders")
    packed = "<B" + base64.b64encode(np.array([0, 1, 1], "<u1").tobytes()).decode()
    async with aiohttp.ClientSession() as http:
        first = anchored(0, ["buy", "", "buy", "#top"], kind=["move", "move", "click", "move"])
        for message in (
            first,
            first,
            anchored(0, ["buy", "menu", "menu"], session="t", anchor=packed),
            anchored(0, ["x"], path="/p/2", session="u"),
        ):
            assert (await send(http, served, message))[0] == 202

        async def counted() -> bool:
            seen = await league(http, served) | await league(http, served, "/p/2")
            return sum(zone["samples"] for zone in seen.values()) == 7

        await eventually(counted)
        zones = await league(http, served)
        assert {name: (zone["samples"], zone["people"], zone["clicks"], zone["share"]) for name, zone in zones.items()} == {
            "buy": (3, 2, 1, 0.5), "menu": (2, 1, 0, 0.3333), "#top": (1, 1, 0, 0.1667),
        }  # fmt: skip
        assert list(zones) == ["buy", "menu", "#top"], "those with most samples first"
        assert list(await league(http, served, "/p/2")) == ["x"]
        assert await league(http, served, "/p/3") == {}
    await served.kill()
    again = await serve("--open-heat", "--trust-senders")
    async with aiohttp.ClientSession() as http:

        async def back() -> bool:
            return {name: zone["samples"] for name, zone in (await league(http, again)).items()} == {"buy": 3, "menu": 2, "#top": 1}

        await eventually(back)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"anchor": [0, 2]}, "table of 2 anchors"),
        ({"anchor": [0, -1]}, "table of 2 anchors"),
        ({"anchor": [0]}, "$.anchor"),
        ({"ax": [1, 2, 3]}, "$.ax"),
        ({"anchors": ["a", "b" * 257]}, "256 bytes"),
        ({"anchors": "a"}, "$.anchors"),
        ({"anchor": "<fAAAAAAAAAAA="}, "whole numbers"),
    ],
)
async def test_anchors_that_do_not_fit_are_refused_by_name(serve: Serve, wrong: dict[str, Any], word: str) -> None:
    """The field and what was expected; nothing of the batch is taken."""
    served = await serve("--open-heat", "--trust-senders")
    async with aiohttp.ClientSession() as http:
        status, text = await send(http, served, anchored(0, ["a", "b"], **wrong))
        assert status == 422
        assert word in text


async def test_a_page_must_be_a_path_and_the_viewer_known(serve: Serve) -> None:
    """The league is heat: without a token 401, and a wrong page is told."""
    served = await serve("--viewer-token", "secret-token-of-the-test")
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{served.address}/api/zones?page=/") as answer:
            assert answer.status == 401
        headers = {"Authorization": "Bearer secret-token-of-the-test"}
        async with http.get(f"{served.address}/api/zones?page=p", headers=headers) as answer:
            assert answer.status == 422

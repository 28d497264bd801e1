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


RULE = {"name": "r", "page": "/p/1", "zone": "*", "metric": "share", "at_least": 0.4, "hold_ms": 3000, "people": 2}


async def test_zones_of_a_range_are_told_as_the_live_ones(serve: Serve) -> None:
    """What was there and what has just come; a dry run over hours looks at minutes' ends; without a week nothing is usual."""
    served = await serve("--open-heat", "--trust-senders", "--viewer-token", "a-token-of-the-operator")
    headers = {"Authorization": "Bearer a-token-of-the-operator"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for session in ("s", "t"):
            ago = {"age": [240_000] * 3}  # in a minute that has ended
            assert (await send(http, served, anchored(0, ["buy", "buy", "menu"], session=session, kind=["move", "click", "move"], **ago)))[
                0
            ] == 202
        for query in ({"page": "/p/1", "from": "0"}, {"page": "/p/1", "from": "2020-01-01", "to": "2100-01-01T00:00:00Z"}):
            async with http.get(f"{served.address}/api/zones", params=query) as answer:
                told = await answer.json()
            assert (told["people"], told["hidden-zones"]) == (2, 0)
            assert [(zone["zone"], zone["samples"], zone["people"], zone["clicks"], zone["share"]) for zone in told["zones"]] == [
                ("buy", 4, 2, 2, 0.6667), ("menu", 2, 2, 0, 0.3333),
            ]  # fmt: skip
        async with http.get(f"{served.address}/api/zones/usual", params={"page": "/p/1"}) as answer:
            assert (await answer.json())["zones"] is None
        async with http.post(f"{served.address}/api/rules/dry-run?hours=2", json=RULE) as answer:
            trial = await answer.json()
        assert [(one["type"], one["zone"], one["at"] % 60_000) for one in trial["fired"]] == [("hot", "buy", 0)]
        assert trial["every"] == 60_000
        assert max(value for value in trial["values"] if value is not None) == 0.6667
        for path, status in (("/api/rules/dry-run?hours=0", 422), ("/api/rules/dry-run?hours=x", 422)):
            async with http.post(served.address + path, json=RULE) as answer:
                assert answer.status == status
        async with http.get(f"{served.address}/api/zones", params={"page": "/p/1", "from": "5", "to": "4"}) as answer:
            assert answer.status == 422


async def test_zones_with_few_people_stay_hidden_in_ranges_and_without_a_history_there_are_none(serve: Serve) -> None:
    """`--min-people` holds for what was, too."""
    served = await serve("--open-heat", "--trust-senders", "--min-people", "2")
    async with aiohttp.ClientSession() as http:
        assert (await send(http, served, anchored(0, ["buy", "menu"], session="s")))[0] == 202
        assert (await send(http, served, anchored(0, ["buy"], session="t")))[0] == 202
        async with http.get(f"{served.address}/api/zones", params={"page": "/p/1", "from": "0"}) as answer:
            told = await answer.json()
        assert ([zone["zone"] for zone in told["zones"]], told["hidden-zones"], told["people"]) == (["buy"], 1, 2)
    await served.stop()
    bare = await serve("--open-heat", "--trust-senders", "--no-history")
    async with aiohttp.ClientSession() as http:
        for path in ("zones?page=/p/1&from=0", "zones/usual?page=/p/1"):
            async with http.get(f"{bare.address}/api/{path}") as answer:
                assert answer.status == 404

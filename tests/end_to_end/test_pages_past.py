"""The pages of a range over the public interface: samples, people and a picture of each, those with most first."""

from __future__ import annotations

import json
import time
from typing import Any

import aiohttp

from isotherm.core.columns import unpack
from tests.serving import Served, eventually

from .conftest import Serve


def batch(session: str, path: str, kinds: list[str], age: float = 100) -> dict[str, Any]:
    number = len(kinds)
    return {
        "v": 1, "session": session, "load": f"l-{session}-{path}-{age}", "seq": 0, "path": path, "w": 1000, "h": 1000, "kind": kinds,
        "x": [510] * number, "y": [250] * number, "age": [age] * number,
    }  # fmt: skip


async def asked(http: aiohttp.ClientSession, served: Served, **query: Any) -> Any:
    async with http.get(f"{served.address}/api/pages", params=query) as answer:
        return answer.status, await answer.json()


async def test_pages_of_a_range(serve: Serve) -> None:
    """Also when they have gone cold; a search and a limit leave out the others; empty is empty; what can't be is refused by name."""
    served = await serve("--open-heat", "--trust-senders", "--window", "10s", "--min-people", "2")
    now_ms = int(time.time() * 1000)
    sent = [
        batch("s", "/a", ["move", "click", "dead"], age=240_000), batch("t", "/a", ["move"]),
        batch("s", "/b", ["move"] * 5), batch("s", "/c/1", ["click"]),
    ]  # fmt: skip
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{served.address}/clickstream", data=json.dumps(sent)) as answer:
            assert answer.status == 202, await answer.text()

        async def known() -> bool:
            return bool((await asked(http, served, **{"from": now_ms - 600_000}))[1]["known"] == 3)

        await eventually(known)
        _, found = await asked(http, served, **{"from": now_ms - 600_000, "pictures": 1})
        told = [(page["site"], page["path"], page["samples"], page["people"]) for page in found["pages"]]
        assert told == [("default", "/b", 5, None), ("default", "/a", 3, 2), ("default", "/c/1", 1, None)]
        assert found["start"] <= now_ms - 600_000
        assert found["end"] > now_ms
        lit = [page["picture"]["grid"] and int((unpack(page["picture"]["levels"]) > 0).sum()) for page in found["pages"]]
        assert lit == [0, 1, 0], "tiles of fewer than two people are not shown"
        _, few = await asked(http, served, **{"from": now_ms - 600_000, "limit": 1, "search": "/A"})
        assert (few["known"], [page["path"] for page in few["pages"]], "picture" in few["pages"][0]) == (1, ["/a"], False)
        _, none = await asked(http, served, **{"from": now_ms - 7_200_000, "to": now_ms - 3_600_000})
        assert (none["known"], none["pages"]) == (0, [])
        for wrong in ({"to": now_ms}, {"from": now_ms, "limit": 1000}, {"from": now_ms, "limit": "x"}, {"from": now_ms, "to": now_ms - 1}):
            status, refusal = await asked(http, served, **wrong)
            assert (status, "expected" in refusal["error"]) == (422, True), wrong

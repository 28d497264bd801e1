"""Between two hops: nothing is counted until somebody asks, and whoever does is told of all that was acknowledged."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from tests.end_to_end.conftest import Serve
from tests.end_to_end.test_in import answer_to
from tests.serving import batch

HOP = ("--open-heat", "--window", "1h", "--hop", "1h")  #: none ends while a test runs; and where one does, it was counted


async def test_who_asks_is_told_of_all_that_was_acknowledged(serve: Serve, http: aiohttp.ClientSession) -> None:
    """By request, on the overview's socket that was open before, and in metrics."""
    served = await serve(*HOP)
    async with http.ws_connect(f"{served.ws}/api/overview") as overview, http.ws_connect(f"{served.ws}/clickstream/s") as tracker:
        assert json.loads(await overview.receive_str(timeout=10))["pages"] == []
        assert await answer_to(tracker, batch(1, [10, 20])) == {"ack": 1}
        async with http.get(f"{served.address}/api/pages") as answer:
            assert [(page["site"], page["path"]) for page in (await answer.json())["pages"]] == [("default", "/p/1")]
        assert await answer_to(tracker, batch(2, [30], path="/p/2")) == {"ack": 2}
        frame: dict[str, Any] = {"pages": []}
        await overview.send_str(json.dumps({"pictures": []}))
        while len(frame["pages"]) < 2:
            frame = json.loads(await overview.receive_str(timeout=10))
        assert frame["pipeline"]["visitors"] == 1
        assert await answer_to(tracker, batch(2, [30], path="/p/2")) == {"ack": 2}
        async with http.get(f"{served.address}/metrics") as answer:
            told = await answer.text()
        assert "isotherm_repeated_total 1.0\n" in told, [line for line in told.splitlines() if "repeated" in line]


async def test_a_reader_of_counts_is_told_of_each_record(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Those that came before it are no part of its first message."""
    served = await serve(*HOP)
    async with http.ws_connect(f"{served.ws}/clickstream/s") as tracker:
        for seq in (1, 2):
            assert await answer_to(tracker, batch(seq, [10])) == {"ack": seq}
        async with http.ws_connect(f"{served.ws}/api/topics/clickstream-group-by-page") as topic:
            assert await answer_to(tracker, batch(3, [10, 20])) == {"ack": 3}
            message = json.loads(await topic.receive_str(timeout=10))
    assert message["offset"] == 2
    assert sum(message["value"]["count"]) == 2


async def test_what_waits_at_a_stop_is_counted(serve: Serve, http: aiohttp.ClientSession) -> None:
    """The history has it, and a start after it tells the same."""
    served = await serve(*HOP)
    async with http.ws_connect(f"{served.ws}/clickstream/s") as tracker:
        assert await answer_to(tracker, batch(1, [10, 20])) == {"ack": 1}
    assert await served.stop() == 0
    again = await serve(*HOP)
    async with http.get(f"{again.address}/api/heatmap", params={"page": "/p/1", "from": "2020-01-01"}) as answer:
        value = (await answer.json())["value"]
    assert sum(count for column in value.values() for count in column.values()) == 2

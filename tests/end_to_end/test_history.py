"""What has been: ranges over real sockets, held against brute force; exactly once through a power cut."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import random
import sys
import time
from base64 import b64decode
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from isotherm.core.tiers import DAY_MS, HOUR_MS, MINUTE_MS
from tests.end_to_end.conftest import Serve
from tests.oracle import from_classic, tile
from tests.serving import apply, batch, decode_frame, event, eventually

GRID = 10


async def send(http: aiohttp.ClientSession, address: str, body: Any) -> None:
    async with http.post(f"{address}/clickstream", json=body) as answer:
        assert answer.status == 202


async def asked(http: aiohttp.ClientSession, address: str, status: int = 200, what: str = "heatmap", **query: Any) -> dict[str, Any]:
    async with http.get(f"{address}/api/{what}", params={"page": "/p/1"} | query) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()  # type: ignore[no-any-return]


def iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()


async def test_any_range_equals_brute_force(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Events of the last weeks, as they were recorded: whatever range is asked for, in ms or ISO 8601, its widened span has the counts and
    the people that brute force finds in it; and the classic shape besides."""
    served = await serve("--open-heat", "--trust-senders", "--grid-size", str(GRID), "--min-people", "1")
    chance, now_ms = random.Random(11), int(time.time() * 1000)
    sent = []
    for _ in range(900):
        age_ms = int(chance.choice([2 * MINUTE_MS, 3 * HOUR_MS, 2 * DAY_MS, 40 * DAY_MS]) * chance.random())
        sent.append((now_ms - age_ms, chance.uniform(0, 999), chance.uniform(0, 999), f"s{chance.randint(0, 5)}"))
    for at in range(0, len(sent), 300):
        events = [event(x, y, timestamp=time_ms, session_id=who) for time_ms, x, y, who in sent[at : at + 300]]
        await send(http, served.address, events)
    ranges = [(now_ms - span_ms, now_ms) for span_ms in (1, MINUTE_MS, HOUR_MS, DAY_MS, 7 * DAY_MS, 50 * DAY_MS)]
    ranges += [
        (now_ms - 9 * DAY_MS, now_ms - 3 * DAY_MS),
        (now_ms - 5 * HOUR_MS, now_ms - HOUR_MS),
        (now_ms - 80 * DAY_MS, now_ms - 50 * DAY_MS),
    ]
    for from_ms, to_ms in ranges:
        found = await asked(http, served.address, **{"from": from_ms, "to": iso(to_ms), "people": 1})
        start_ms, end_ms = found["start"], found["end"]
        assert start_ms <= from_ms < to_ms <= end_ms
        inside = [(tile(x, 1000, GRID), tile(y, 1000, GRID), who) for at_ms, x, y, who in sent if start_ms <= at_ms < end_ms]
        assert from_classic(found["value"]) == Counter((x, y) for x, y, _ in inside)
        assert found["people"]["total"] == len({who for _, _, who in inside})
        assert from_classic(found["people"]["value"]) == Counter((x, y) for x, y, _ in set(inside))
        assert found["grid-size"] == GRID
    assert (end_ms - to_ms, from_ms - start_ms) < (DAY_MS, DAY_MS)


async def test_what_is_replayed_as_recorded_is_in_the_history_at_its_own_time(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A file of weeks, sent by the command itself: each hour has what happened in it, and the live window nothing."""
    served = await serve("--open-heat", "--grid-size", str(GRID), "--trust-senders")
    noon_ms = int(time.time() * 1000) // HOUR_MS * HOUR_MS - 20 * DAY_MS
    recorded = [event(at % 10 * 100 + 1, 1, timestamp=noon_ms + at * HOUR_MS, session_id=f"s{at % 3}") for at in range(12)]
    file = tmp_path / "recorded.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in recorded))
    command = [sys.executable, "-m", "isotherm", "replay", str(file), "--url", served.address, "--as-recorded"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    for at in range(12):
        from_ms = noon_ms + at * HOUR_MS
        found = await asked(http, served.address, **{"from": from_ms, "to": from_ms + HOUR_MS, "people": 1})
        assert (found["start"], found["end"]) == (from_ms, from_ms + HOUR_MS)
        assert from_classic(found["value"]) == {(at % 10, 0): 1}
    whole = await asked(http, served.address, **{"from": noon_ms, "to": noon_ms + 12 * HOUR_MS, "people": 1})
    assert (sum(from_classic(whole["value"]).values()), whole["people"]["total"]) == (12, 3)
    assert (await asked(http, served.address))["value"] == {}


async def test_a_power_cut_adds_nothing_and_loses_nothing(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Killed again and again, whatever was stored by then: each acknowledged batch is in the history once."""
    served = await serve("--open-heat", "--grid-size", str(GRID))
    sent = 0
    for round_ in range(4):
        for _ in range(5):
            sent += 1
            await send(http, served.address, batch(sent, [sent % 1000], load=f"l{sent}"))
        await send(http, served.address, batch(sent, [sent % 1000], load=f"l{sent}"))  # a repeat
        if round_ == 1:
            assert await served.stop() == 0  # stored, by its own will
        else:
            await served.kill()
        served = await serve("--open-heat", "--grid-size", str(GRID))
        found = await asked(http, served.address, **{"from": int(time.time() * 1000) - HOUR_MS})
        assert sum(from_classic(found["value"]).values()) == sent
    assert (await asked(http, served.address, people=1))["people"]["total"] == 1


async def test_forms(serve: Serve, http: aiohttp.ClientSession) -> None:
    """The live window and a range as JSON, CSV and PNG say the same; the picture has the document's proportions."""
    served = await serve("--open-heat", "--grid-size", str(GRID))
    await send(
        http, served.address, [event(150, 250, session_id="a", window={"width": 1000, "height": 2000}), event(150, 250, session_id="b")]
    )

    async def heat() -> Any:
        return (await asked(http, served.address))["value"]

    assert await eventually(heat) == {"1": {"1": 1, "2": 1}}
    hour_ago_ms = int(time.time() * 1000) - HOUR_MS  # not before all that is kept: from when on that is, is told a second after the start
    for query in ({}, {"from": str(hour_ago_ms)}):
        found = await asked(http, served.address, people="1", **query)
        assert found["value"] == {"1": {"1": 1, "2": 1}}
        assert found["people"] == {"total": 2, "value": {"1": {"1": 1, "2": 1}}, "error": 0}
        async with http.get(f"{served.address}/api/heatmap", params={"page": "/p/1", "format": "csv"} | query) as answer:
            assert answer.content_type == "text/csv"
            rows = list(csv.DictReader(io.StringIO(await answer.text())))
        assert [(row["x"], row["y"], row["count"], row["people"]) for row in rows] == [("1", "1", "1", "1"), ("1", "2", "1", "1")]
        if query:
            assert int(datetime.fromisoformat(rows[0]["start"]).timestamp() * 1000) == found["start"]
        async with http.get(f"{served.address}/api/heatmap", params={"page": "/p/1", "format": "png"} | query) as answer:
            assert answer.content_type == "image/png"
            picture = Image.open(io.BytesIO(await answer.read()))
        assert picture.size == (1248, 1200 + 48 + 132)  # the newest document was square
        assert picture.getpixel((24 + 180, 132 + 24 + 180)) == picture.getpixel(
            (24 + 180, 132 + 24 + 300)
        )  # two tiles, as hot as each other
        assert picture.getpixel((600, 1000)) == (255, 255, 255)


async def test_steps(serve: Serve, http: aiohttp.ClientSession) -> None:
    """A day in parts adds up to the day."""
    served = await serve("--open-heat", "--trust-senders", "--grid-size", str(GRID))
    now_ms = int(time.time() * 1000)
    await send(http, served.address, [event(5, 5, timestamp=now_ms - number * HOUR_MS) for number in range(20)])
    query = {"from": now_ms - DAY_MS + HOUR_MS, "to": now_ms, "step": "5m"}
    found = await asked(http, served.address, what="heatmap/steps", **query)
    assert (found["step"], len(found["steps"])) == (5 * MINUTE_MS, (found["end"] - found["start"]) // (5 * MINUTE_MS))
    assert [step["end"] - found["start"] for step in found["steps"]] == [5 * MINUTE_MS * (at + 1) for at in range(len(found["steps"]))]
    assert sum(step["counts"] != "<B" for step in found["steps"]) == 20
    live = await asked(http, served.address, what="heatmap/steps")
    assert (len(live["steps"]), live["step"], live["end"] - live["start"]) == (20, 15_000, 300_000)
    assert sum(step["counts"] != "<B" for step in live["steps"]) >= 1
    about = await asked(http, served.address, what="history")
    assert now_ms - 19 * HOUR_MS - MINUTE_MS < about["first"] <= now_ms - 19 * HOUR_MS
    assert about["kept"] == {"minutes": 2 * DAY_MS, "hours": 31 * DAY_MS, "days": 400 * DAY_MS}


async def test_what_can_t_be_asked_is_refused_in_words(serve: Serve, http: aiohttp.ClientSession) -> None:
    """The parameter and what was expected."""
    served = await serve("--open-heat", "--grid-size", str(GRID))
    for query, words in (
        ({"from": "yesterday"}, "expected from in ms since the epoch, or as ISO 8601"),
        ({"from": "2", "to": "1"}, "expected from to lie before to"),
        ({"to": "-5"}, "expected to in ms"),
        ({"from": "9" * 30}, "expected from in ms"),
        ({"format": "gif"}, "expected format to be json, csv or png"),
    ):
        assert words in (await asked(http, served.address, 422, **query))["error"]
    for query in ({"from": "1", "to": "2", "step": "1s"}, {"from": "1", "step": "5m"}, {"step": "5m"}):
        assert "expected" in (await asked(http, served.address, 422, what="heatmap/steps", **query))["error"]


async def test_tiles_with_few_people_are_not_told(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Below --min-people a tile is in no form and no range; nor are the people of a page with fewer."""
    served = await serve("--open-heat", "--grid-size", str(GRID), "--min-people", "3")
    await send(
        http, served.address, [event(150, 150, session_id=who) for who in "abc"] + [event(950, 950, session_id=who) for who in "aabb"]
    )
    await send(http, served.address, [event(150, 150, path="/p/2", session_id="a")])

    async def everything() -> Any:
        return (await asked(http, served.address, people=1))["value"]

    assert await eventually(everything) == {"1": {"1": 3}}
    assert (await asked(http, served.address))["value"] == {"1": {"1": 3}}, "nor by the shortest question"
    for query in ({}, {"from": "2020-01-01"}):
        found = await asked(http, served.address, people=1, **query)
        assert (found["value"], found["people"]["total"], found["hidden-tiles"]) == ({"1": {"1": 3}}, 3, 1)
        async with http.get(f"{served.address}/api/heatmap", params={"page": "/p/1", "format": "csv"} | query) as answer:
            assert len((await answer.text()).splitlines()) == 2
        other = await asked(http, served.address, page="/p/2", people=1, **query)
        assert (other["value"], other["people"]["total"]) == ({}, None)
    steps = await asked(http, served.address, what="heatmap/steps", **{"from": int(time.time() * 1000) - HOUR_MS, "step": "1h"})
    assert sum(step["counts"] != "<B" for step in steps["steps"]) == 1


async def test_viewers_sockets_do_not_tell_tiles_with_few_people(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Nor the dashboard's small pictures; a tile is told once enough were on it. A zone with few is left out of the league."""
    served = await serve("--open-heat", "--grid-size", str(GRID), "--min-people", "2")
    async with http.ws_connect(f"{served.address}/heatmap/p/1") as classic, http.ws_connect(f"{served.address}/live?page=/p/1") as live:
        picture: dict[int, int] = apply({}, decode_frame((await live.receive(20)).data))
        assert (await classic.receive_json(timeout=20))["value"] == picture == {}
        await send(
            http, served.address, [event(150, 150, session_id="a"), event(950, 950, session_id="a"), event(950, 950, session_id="b")]
        )
        assert (await classic.receive_json(timeout=20))["value"] == {"9": {"9": 2}}
        await send(http, served.address, [event(150, 150, session_id="b")])
        assert (await classic.receive_json(timeout=20))["value"] == {"1": {"1": 2}, "9": {"9": 2}}
        while picture != {11: 2, 99: 2}:
            assert set(picture) <= {11, 99}
            assert picture.get(11, 2) == 2, "one person's sample alone was never told"
            picture = apply(picture, decode_frame((await live.receive(20)).data))
    await send(http, served.address, [event(150, 150, path="/p/2", session_id="a")])
    async with http.ws_connect(f"{served.address}/api/overview") as overview:
        await overview.send_json({"pictures": ["default/p/1", "default/p/2"]})
        while "default/p/2" not in (frame := await overview.receive_json(timeout=20))["pictures"] or len(frame["pages"]) < 2:
            pass
        dark, lit = (frame["pictures"][f"default/p/{page}"]["levels"] for page in (2, 1))
        assert b64decode(dark[2:]) == bytes(GRID * GRID)
        assert any(b64decode(lit[2:]))

    bodies = [batch(1, [1.0], session=who, anchors=names, anchor=[0]) for who, names in (("a", ["buy"]), ("b", ["buy"]))]
    await send(http, served.address, bodies[0])
    await send(http, served.address, bodies[1])
    await send(http, served.address, batch(2, [1.0], session="a", anchors=["alone"], anchor=[0]))

    async def league() -> Any:
        found = await asked(http, served.address, what="zones")
        return ([zone["zone"] for zone in found["zones"]], found["hidden-zones"]) if found["hidden-zones"] else None

    assert await eventually(league) == (["buy"], 1)


async def test_without_a_history_there_is_the_live_window_alone(serve: Serve, http: aiohttp.ClientSession) -> None:
    """And whoever asks for more is told so."""
    served = await serve("--open-heat", "--no-history", "--grid-size", str(GRID))
    assert (await asked(http, served.address))["value"] == {}
    assert "keeps no history" in (await asked(http, served.address, 404, **{"from": "1"}))["error"]

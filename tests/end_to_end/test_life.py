"""Starting, stopping, crashing: what was answered by `ack` or `202` counts, once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.end_to_end.conftest import Serve
from tests.end_to_end.test_out import heat, send
from tests.oracle import tile
from tests.serving import batch, event, eventually


async def test_heat_is_back_after_a_kill(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """A trace in two halves with `kill -9` between, while batches are on their way: after the restart, and all that was not acked sent,
    the heat is what the trace gives without a kill; each sample once."""
    chance = random.Random(3)
    trace = [batch(seq, [chance.uniform(0, 1000) for _ in range(5)], load="trace") for seq in range(400)]
    expected: dict[str, dict[str, int]] = {}
    for message in trace:
        for x in message["x"]:
            column = expected.setdefault(str(tile(x, 1000, 50)), {})
            column[str(tile(x, 1000, 50))] = column.get(str(tile(x, 1000, 50)), 0) + 1
    acked: set[int] = set()

    async def send_unacked(address: str, stop_after: int) -> None:
        async with http.ws_connect(f"{address.replace('http', 'ws', 1)}/clickstream/s") as socket:
            reading = asyncio.create_task(read_acks(socket))
            for message in trace:
                if message["seq"] not in acked:
                    await socket.send_str(json.dumps(message))
                    await asyncio.sleep(0)
                if len(acked) >= stop_after:
                    break
            else:
                await eventually(_returns(lambda: len(acked) == len(trace) or reading.done()))
            reading.cancel()

    async def read_acks(socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            found = json.loads(message.data)
            if "ack" in found:
                acked.add(found["ack"])

    first = await serve("--open-heat")
    sending = asyncio.create_task(send_unacked(first.address, len(trace) + 1))
    await eventually(_returns(lambda: len(acked) > 0))
    await first.kill()
    await asyncio.gather(sending, return_exceptions=True)
    before = set(acked)
    assert before
    second = await serve("--open-heat")
    known = sum(count for column in (await heat(http, second.address))["value"].values() for count in column.values())
    assert known >= 5 * len(before), "all that was acknowledged is back at once"
    await send_unacked(second.address, len(trace) + 1)

    async def whole() -> bool:
        return bool((await heat(http, second.address))["value"] == expected)

    await eventually(whole)


def _returns(condition: Any) -> Any:
    async def ask() -> Any:
        return condition()

    return ask


async def test_a_stop_is_clean_and_quick(serve: Serve, http: aiohttp.ClientSession) -> None:
    """SIGTERM: exit code 0 within 5 s with sockets open; what was acked is there after the next start; sockets are told 1001."""
    served = await serve("--open-heat")
    async with (
        http.ws_connect(f"{served.ws}/live?page=/p/1") as viewer,
        http.ws_connect(f"{served.ws}/clickstream/s") as tracker,
    ):
        await tracker.send_str(json.dumps(batch(1, [1, 2])))
        began_s = time.monotonic()
        stopping = asyncio.create_task(served.stop())
        viewer_told, tracker_told = await asyncio.gather(_until_closed(viewer), _until_closed(tracker))
        assert await stopping == 0
        assert time.monotonic() - began_s < 5
    again = await serve("--open-heat")
    total = sum(count for column in (await heat(http, again.address))["value"].values() for count in column.values())
    assert viewer_told == [1001]
    assert tracker_told == (["ack", 1001] if total else [1001])
    assert total in (0, 2)


async def _until_closed(socket: aiohttp.ClientWebSocketResponse) -> list[Any]:
    told: list[Any] = []
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT and '"ack"' in message.data:
            told.append("ack")
    return [*told, socket.close_code]


async def test_visitors_and_repeats_survive_a_restart(serve: Serve, http: aiohttp.ClientSession) -> None:
    """State is a function of the log."""
    first = await serve("--open-heat")
    await send(http, first.address, [event(session_id=f"s{number}") for number in range(5)])
    await send(http, first.address, batch(9, [1, 2, 3], load="before"))
    assert await first.stop() == 0
    second = await serve("--open-heat")
    async with http.get(f"{second.address}/api/pages") as answer:
        (page,) = (await answer.json())["pages"]
    assert (page["visitors"], page["samples"]) == (6, 8)
    await send(http, second.address, batch(9, [1, 2, 3], load="before"))
    await send(http, second.address, event(path="/marker"))
    await eventually(lambda: _value(http, second.address, "/marker"))
    async with http.get(f"{second.address}/api/pages") as answer:
        assert {page["path"]: page["samples"] for page in (await answer.json())["pages"]} == {"/p/1": 8, "/marker": 1}


async def _value(http: aiohttp.ClientSession, address: str, path: str) -> Any:
    return (await heat(http, address, path))["value"]


async def test_nothing_is_written_outside_the_data_folder(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """And what is in it is not for others to read."""
    served = await serve("--open-heat")
    await send(http, served.address, event())
    await served.stop()
    assert os.listdir(tmp_path) == ["data"]
    assert (tmp_path / "data" / "access.sqlite").stat().st_mode & 0o077 == 0


async def test_two_servers_do_not_share_a_folder(serve: Serve, run_cli: Any, tmp_path: Path) -> None:
    """The second is told so, with exit code 2 and what to do; so is one whose port is taken."""
    served = await serve()
    port = served.address.rpartition(":")[2]
    code, _, error = await run_cli("serve", "--data", str(tmp_path / "data"), "--port", "0")
    assert (code, error.count("\n"), "--data" in error) == (2, 1, True)
    code, _, error = await run_cli("serve", "--data", str(tmp_path / "other"), "--port", port)
    assert (code, "--port" in error.splitlines()[-1]) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--window", "5x"], "5m"),
        (["serve", "--window", "1s", "--hop", "300ms"], "multiple"),
        (["serve", "--grid-size", "1"], "grid-size"),
        (["serve", "--origin", "shop.example"], "https://shop.example"),
        (["serve", "--classic-hosts", "/no/such/folder"], "--classic-hosts"),
        (["serve", "--tracker-name", "a b"], "tracker"),
        (["serve", "--nonsense"], "--help"),
        (["nonsense"], "--help"),
        (["login", "--data", "/no/such/folder"], "--data"),
        (["--config", "/no/such/file.toml", "serve"], "/no/such/file.toml"),
    ],
)
async def test_bad_arguments_get_one_line(run_cli: Any, tmp_path: Path, arguments: list[str], said: str) -> None:
    """Exit code 2: what is wrong and what to do."""
    if "serve" in arguments:
        arguments = [*arguments, "--data", str(tmp_path / "data")]
    code, _, error = await run_cli(*arguments)
    assert (code, error.count("\n")) == (2, 1), error
    assert said in error


async def test_the_first_event_is_remembered_when_the_log_has_forgotten_it(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """After a quiet time and a restart the dashboard is still told when the first event came; and under which names the tracker is."""

    async def overview(address: str) -> dict[str, Any]:
        async with http.ws_connect(f"{address.replace('http', 'ws', 1)}/api/overview") as socket:
            told: dict[str, Any] = await socket.receive_json()
            return told

    names = ("--open-heat", "--tracker-name", "pulse.js", "--ingest-path", "/in")
    first = await serve(*names)
    assert (await overview(first.address))["first_event_ms"] is None
    await send(http, first.address, event())
    told = await overview(first.address)
    assert abs(told["first_event_ms"] - time.time() * 1000) < 60_000
    await first.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "log.sqlite", isolation_level=None)) as log:
        log.execute("DELETE FROM records")
    second = await serve(*names)
    again = await overview(second.address)
    assert again["first_event_ms"] == told["first_event_ms"]
    assert again["pages"] == []
    assert again["tag"] == {"script": "/pulse.js", "ingest": "/in"}
    assert again["sites"] == ["default"]
    async with http.get(second.address + again["tag"]["script"]) as answer:
        assert f'"{again["tag"]["ingest"]}"' in await answer.text()


async def test_options_come_from_file_and_environment(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: Any) -> None:
    """The command line goes first, then the environment, then the file."""
    (tmp_path / "isotherm.toml").write_text('window = "10s"\nopen-heat = true\n[serve]\ngrid-size = 7\nhop = "500ms"\n')
    monkeypatch.setenv("ISOTHERM_CONFIG", str(tmp_path / "isotherm.toml"))
    monkeypatch.setenv("ISOTHERM_HOP", "1s")
    served = await serve("--window", "20s")
    found = await heat(http, served.address)
    assert (found["grid-size"], found["end"] - found["start"], found["end"] % 1000) == (7, 20_000, 0)


async def test_an_unknown_setting_in_the_file_is_named(run_cli: Any, tmp_path: Path) -> None:
    """A typo is no default."""
    (tmp_path / "isotherm.toml").write_text('windwo = "10s"\n')
    code, _, error = await run_cli("--config", str(tmp_path / "isotherm.toml"), "serve", "--data", str(tmp_path / "data"))
    assert (code, "windwo" in error) == (2, True)

"""Backup, restore and erase: of a server that goes on."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.crash.senders import Books, Tiles, keep_sending
from tests.end_to_end.conftest import Serve
from tests.end_to_end.test_out import heat, send
from tests.oracle import from_classic
from tests.serving import batch, eventually

OPTIONS = ("--window", "1h")


async def counted(http: aiohttp.ClientSession, address: str, **query: Any) -> Tiles:
    return Tiles(from_classic((await heat(http, address, **query))["value"]))


async def test_a_backup_is_made_while_the_server_runs(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, run_cli: Any) -> None:
    """Under load: what was acknowledged before the backup began is in it, once; a server starts on the copy, knows the same tokens, and
    takes what came since when it is sent again."""
    served = await serve("--open-heat", *OPTIONS)
    books = Books(random.Random(4))
    sending = asyncio.create_task(keep_sending(http, served.ws, books))
    await eventually(lambda: _true(books.promised.total() > 100))
    before = books.promised.copy()
    code, out, error = await run_cli("backup", str(tmp_path / "copy"), "--data", str(tmp_path / "data"))
    assert code == 0, error
    assert "--data" in out
    after = books.sent.copy()
    await served.kill()
    await sending
    names = sorted(found.name for found in (tmp_path / "copy").iterdir())
    assert {"access.sqlite", "log.sqlite"} <= set(names)
    assert all((tmp_path / "copy" / name).stat().st_mode & 0o077 == 0 for name in names)

    restored = await serve(*OPTIONS, data=tmp_path / "copy")
    token = next(line.split()[-1] for line in served.output if "Viewer token" in line)
    http.headers["Authorization"] = f"Bearer {token}"
    found = await counted(http, restored.address)
    assert not before - found
    assert not found - after
    await send(http, restored.address, batch(1, [500.0], load="again"))
    await send(http, restored.address, batch(1, [500.0], load="again"))

    async def once() -> bool:
        return (await counted(http, restored.address)).total() == found.total() + 1

    await eventually(once)


async def _true(value: bool) -> bool:
    return value


async def test_a_backup_goes_nowhere_it_should_not(tmp_path: Path, run_cli: Any) -> None:
    """Not into a folder with something in it, and not of a folder that is none: one line, exit code 2."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    code, _, error = await run_cli("backup", str(tmp_path / "new"), "--data", str(tmp_path / "nothing"))
    assert (code, error.count("\n"), "--data" in error) == (2, 1, True)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "log.sqlite").touch()
    code, _, error = await run_cli("backup", str(tmp_path / "full"), "--data", str(tmp_path / "nothing"))
    assert (code, error.count("\n"), "not empty" in error) == (2, 1, True)


async def test_erasing_takes_what_is_raw(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, run_cli: Any) -> None:
    """A session's samples, and a page's, while the server runs: they stand in no file any more, and after a restart the heat is without them."""
    served = await serve("--open-heat", *OPTIONS)
    for number, session in enumerate(("keep-this-one", "erase-this-one", "keep-this-one")):
        await send(http, served.address, batch(number, [10.0, 500.0], session=session))
    await send(http, served.address, batch(9, [10.0], path="/secret-page", session="keep-this-one"))
    folder = str(tmp_path / "data")
    code, out, error = await run_cli("erase", "--session", "erase-this-one", "--data", folder)
    assert (code, out.startswith("2 raw samples erased."), "stay" in out) == (0, True, True), error
    code, out, error = await run_cli("erase", "--page", "/secret-page", "--data", folder)
    assert (code, out.startswith("1 raw samples erased.")) == (0, True), error
    await send(http, served.address, batch(10, [990.0], session="keep-this-one"))  # the server goes on
    for file in (tmp_path / "data").iterdir():
        if file.name.startswith("log.sqlite"):
            content = file.read_bytes()
            assert b"erase-this-one" not in content, file.name
            assert b"secret-page" not in content, file.name
    assert await served.stop() == 0
    again = await serve("--open-heat", *OPTIONS)
    assert await counted(http, again.address) == Tiles({(0, 0): 2, (25, 25): 2, (49, 49): 1})
    assert await counted(http, again.address, path="/secret-page") == Tiles()
    async with http.get(f"{again.address}/healthz") as answer:
        assert "warnings" not in await answer.json()


async def test_erasing_takes_a_sessions_marks_from_the_history(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, run_cli: Any
) -> None:
    """While the server runs: it is one person less wherever it was, and its counts stay."""
    served = await serve("--open-heat", *OPTIONS)
    for session in ("keep-this-one", "erase-this-one"):
        await send(http, served.address, batch(1, [10.0, 500.0], session=session))
    assert await served.stop() == 0
    again = await serve("--open-heat", *OPTIONS)
    before = await heat(http, again.address, **{"from": 0, "people": 1})
    assert before["people"]["total"] == 2
    code, out, error = await run_cli("erase", "--session", "erase-this-one", "--data", str(tmp_path / "data"))
    assert (code, "marks went from 3 minutes, hours and days" in out) == (0, True), out + error
    after = await heat(http, again.address, **{"from": 0, "people": 1})
    assert after["people"]["total"] == 1
    assert after["value"] == before["value"]


async def test_erasing_by_time(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, run_cli: Any) -> None:
    """What was sampled before a time goes; what came after stays. Nothing asked for, or no time, or a page that can be none: one line, exit code 2."""
    served = await serve("--open-heat", *OPTIONS)
    await send(http, served.address, batch(1, [10.0, 500.0], age=[500_000, 0]))
    await served.stop()
    folder = str(tmp_path / "data")
    code, out, _ = await run_cli("erase", "--before", "2001-01-01", "--data", folder)
    assert (code, out[:2]) == (0, "0 ")
    now_ms = time.time_ns() // 1_000_000
    code, out, _ = await run_cli("erase", "--before", str(now_ms - 250_000), "--data", folder)
    assert (code, out[:2]) == (0, "1 ")
    again = await serve("--open-heat", *OPTIONS)
    assert await counted(http, again.address) == Tiles({(25, 25): 1})
    for arguments in ([], ["--before", "yesterday"], ["--page", "p/1"]):
        code, _, error = await run_cli("erase", *arguments, "--data", folder)
        assert (code, error.count("\n")) == (2, 1), error

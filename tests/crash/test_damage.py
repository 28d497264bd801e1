"""The data folder is damaged while nobody looks: the server starts, keeps what is sound, and says what is not."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp

from isotherm.log import Log
from tests.end_to_end.conftest import Serve
from tests.end_to_end.test_out import heat, send
from tests.serving import Served, batch, eventually


async def metric(http: aiohttp.ClientSession, served: Served, name: str) -> float:
    """A figure of `/metrics`."""
    async with http.get(f"{served.address}/metrics") as answer:
        found = re.search(rf"^{name} (\S+)$", await answer.text(), re.MULTILINE)
    assert found is not None, name
    return float(found[1])


async def total(http: aiohttp.ClientSession, served: Served) -> int:
    """Samples in the window of /p/1."""
    return sum(count for column in (await heat(http, served.address))["value"].values() for count in column.values())


async def test_a_flipped_byte_is_told(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """One record of several is damaged on the disk: the others are counted, `/healthz`, a metric and the output say it, and events are taken."""
    first = await serve("--open-heat")
    for seq in range(5):
        await send(http, first.address, batch(seq, [float(10 * seq), 1.0]))
    await first.kill()
    path = tmp_path / "data" / "log.sqlite"
    with closing(Log(path)) as log:
        values = [value for _, _, value in log.replay(0)]
    content = bytearray(path.read_bytes())
    content[content.index(values[2]) + len(values[2]) // 2] ^= 0x10
    path.write_bytes(content)
    second = await serve("--open-heat")
    lost = 2
    assert await total(http, second) == 2 * len(values) - lost
    async with http.get(f"{second.address}/healthz") as answer:
        assert "1 records of the log are damaged or missing" in (await answer.json())["warnings"][0]
    assert await metric(http, second, "isotherm_log_damaged_total") == 1
    await eventually(lambda: _said(second, "level=error", "damaged or missing"))
    await send(http, second.address, batch(9, [5.0]))

    async def counted() -> bool:
        return await total(http, second) == 2 * len(values) - lost + 1

    await eventually(counted)


async def _said(served: Served, *words: str) -> bool:
    return any(all(word in line for word in words) for line in served.output)


async def test_a_log_of_a_newer_release_is_refused(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, run_cli: Any) -> None:
    """Exit code 2 and one line that says what to do; the file stays as it is."""
    first = await serve("--open-heat")
    await send(http, first.address, batch(1, [1.0]))
    await first.stop()
    path = tmp_path / "data" / "log.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=7")
    before = path.read_bytes()
    code, _, error = await run_cli("serve", "--data", str(tmp_path / "data"), "--port", "0")
    assert (code, error.count("\n")) == (2, 1), error
    assert "newer release (format 7" in error
    assert path.read_bytes() == before

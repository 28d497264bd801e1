"""The disk is full, read-only or slow: nothing is acknowledged that is not kept, it is said why, and all goes on when there is room again."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from isotherm.log import Log
from tests.crash.senders import Books, keep_sending
from tests.crash.test_kills import counted
from tests.end_to_end.conftest import Serve
from tests.inside import inside
from tests.serving import Served, batch, event, eventually, start


async def figure(http: aiohttp.ClientSession, served: Served, name: str) -> float:
    async with http.get(f"{served.address}/metrics") as answer:
        return next(float(line.split()[1]) for line in (await answer.text()).splitlines() if line.startswith(name + " "))


async def post(http: aiohttp.ClientSession, address: str, **more: Any) -> int:
    async with http.post(f"{address}/clickstream", json=event(path="/beacon", **more)) as answer:
        return answer.status


async def health(http: aiohttp.ClientSession, served: Served) -> tuple[int, dict[str, Any]]:
    async with http.get(f"{served.address}/healthz") as answer:
        return answer.status, await answer.json()


async def held_to_it(
    http: aiohttp.ClientSession, served: Served, books: Books, fill: Callable[[], object], empty: Callable[[], object], why: str
) -> None:
    """Sends before, while and after the disk takes nothing; all that was acknowledged, and all that was sent in the end, is counted once."""
    sending = asyncio.create_task(keep_sending(http, served.ws, books))
    await eventually(lambda: _true(books.promised.total() > 50))
    fill()

    async def refused() -> bool:
        return await post(http, served.address) == 503

    await eventually(refused, 60)
    await sending  # its socket was closed

    async def said_why() -> bool:
        status, found = await health(http, served)
        return status == 503 and why in found["why"]

    await eventually(said_why, 60)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await http.ws_connect(f"{served.ws}/clickstream/s")
    assert refusal.value.status == 503
    assert await figure(http, served, "isotherm_ready") == 0
    assert await figure(http, served, "isotherm_log_failures_total") > 0

    async def shown() -> bool:  # the heat goes on, with all that was promised
        return not books.promised - await counted(http, served.address)

    await eventually(shown, 60)
    empty()

    async def well_again() -> bool:
        return (await health(http, served))[0] == 200

    await eventually(well_again, 60)
    await keep_sending(http, served.ws, books, new=False)
    assert not books.open

    async def whole() -> bool:
        return await counted(http, served.address) == books.sent

    await eventually(whole, 60)
    assert await post(http, served.address) == 202


async def _true(value: bool) -> bool:
    return value


async def test_a_full_disk(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Files may not grow any more: `503` and `1013`, `/healthz` says why; then they may: all that was sent counts, once."""
    served = await serve("--open-heat")
    pid = served.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)

    def limit(size_bytes: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))

    await held_to_it(http, served, Books(random.Random(1)), lambda: limit(16_384), lambda: limit(hard), "the log can't be written")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB, where this machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if mounted.returncode:
        pytest.skip("this user may not mount")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.fixture
async def on_disk(small_disk: Path) -> AsyncIterator[Callable[[], Awaitable[Served]]]:
    started: list[Served] = []

    async def begin() -> Served:
        started.append(await start(small_disk / "data", "--open-heat"))
        return started[-1]

    yield begin
    for served in started:
        if served.process.returncode is None:
            await served.kill()


async def test_a_real_disk_that_is_full(http: aiohttp.ClientSession, small_disk: Path, on_disk: Callable[[], Awaitable[Served]]) -> None:
    """The same on a disk that something else filled to the last byte."""
    filler = small_disk / "filler"

    def fill() -> None:
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(65_536)) == 65_536:
                    pass
            except OSError:
                pass
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=512", "oflag=append", "conv=notrunc"], capture_output=True, check=False)

    await held_to_it(http, await on_disk(), Books(random.Random(2)), fill, filler.unlink, "full")


async def test_a_disk_that_became_read_only(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """As file systems do of themselves after an error: events are refused with the reason, heat is shown on; then it can be written again."""
    async with inside(tmp_path / "data") as house:
        assert await post(http, house.address) == 202
        assert house.pipeline._log is not None
        database = house.pipeline._log._database
        database.execute("PRAGMA query_only=ON")  # SQLite answers as it does on a read-only disk
        assert [await post(http, house.address), await post(http, house.address)] == [503, 503]
        async with http.get(f"{house.address}/healthz") as answer:
            assert (answer.status, "readonly" in (await answer.json())["why"]) == (503, True)
        async with http.get(f"{house.address}/api/heatmap", params={"page": "/beacon"}) as answer:
            assert answer.status == 200
        database.execute("PRAGMA query_only=OFF")

        async def taken() -> bool:
            return await post(http, house.address) == 202

        await eventually(taken, 60)


async def test_a_start_on_a_read_only_disk(run_cli: Any, small_disk: Path) -> None:
    """Exit code 2 and one line that says so."""
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", small_disk], check=True)
    code, _, error = await run_cli("serve", "--data", str(small_disk / "data"), "--port", "0")
    assert (code, error.count("\n"), "--data" in error) == (2, 1, True), error


async def test_a_folder_that_can_not_be_written(run_cli: Any, tmp_path: Path) -> None:
    """Exit code 2 and one line: what is wrong and what to do."""
    (tmp_path / "data").write_text("a file, no folder")
    code, _, error = await run_cli("serve", "--data", str(tmp_path / "data"), "--port", "0")
    assert (code, error.count("\n"), "--data" in error) == (2, 1, True), error


async def test_a_slow_disk(http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits hang: acks wait for them, heat goes on, and beyond what may wait in memory events are refused, to be sent again. When the disk
    comes back, all that was taken is acknowledged."""
    released = threading.Event()
    real = Log.append

    def hanging(log: Log, time_ms: int, value: bytes) -> int:
        released.wait()
        return real(log, time_ms, value)

    monkeypatch.setattr(Log, "append", hanging)
    try:
        async with inside(tmp_path / "data") as house:
            house.pipeline.gate._intake_samples_max = 3_000
            async with http.ws_connect(f"{house.ws}/clickstream/s") as socket:
                answers: list[dict[str, Any]] = []
                reading = asyncio.create_task(_first_error(socket, answers))
                seq = 0
                while not reading.done():
                    await socket.send_str(json.dumps(batch(seq, [1.0] * 1000, session=f"s{seq}")))
                    seq += 1
                    await asyncio.wait([reading], timeout=0.05)
                assert [answer for answer in answers if "ack" in answer] == [], "nothing is acknowledged that is not on the disk"
                refused = answers[-1]["seq"]
                assert answers[-1]["retry_after_ms"] > 0
                end_ms = house.pipeline.source.end_ms
                await eventually(lambda: _true(house.pipeline.source.end_ms > end_ms))
                released.set()
                acked: set[int] = set()
                while len(acked) < refused:
                    acked |= {found["ack"] for found in [json.loads((await socket.receive()).data)] if "ack" in found}
                assert sorted(acked) == list(range(refused))
    finally:
        released.set()


async def _first_error(socket: aiohttp.ClientWebSocketResponse, answers: list[dict[str, Any]]) -> None:
    while not answers or "error" not in answers[-1]:
        answers.append(json.loads((await socket.receive()).data))

"""Processes that a row needs: the server as an operator starts it, the bare twins, the load generators.

A child is ``python -m bench.twins.X`` or ``bench.loads.X`` with its settings as one JSON argument. It and its parent tell each
other things in JSON, one a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import select
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from bench.machine import cpu_s, rss_bytes

__all__ = ["Child", "Served", "child", "orders", "served", "settings", "tell", "until"]

TOKEN = "bench"
_PATIENCE_S = 120.0
_SILENCE_S = 0.05


class Child:
    """A process of ours, and the line to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def rss_bytes(self) -> int:
        return rss_bytes(self.pid)

    def say(self, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(_PATIENCE_S):
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("a child of the benchmark ended early; see its words above")
        heard: dict[str, Any] = json.loads(line)
        return heard

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()


@contextlib.asynccontextmanager
async def child(module: str, **given: Any) -> AsyncIterator[Child]:
    """Runs a module of ours beside, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, json.dumps(given),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**24,
    )  # fmt: skip
    one = Child(process)
    try:
        yield one
    finally:
        await one.end()


class Served(Child):
    """A running `isotherm serve`."""

    port = 0
    data = Path()

    def fetch(self, path: str) -> bytes:
        address = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            body: bytes = answer.read()
        return body

    async def get(self, path: str) -> Any:
        return json.loads(await asyncio.to_thread(self.fetch, path))

    def kept_bytes(self) -> int:
        """What the data folder takes on the disk."""
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())

    async def counters(self) -> dict[str, float]:
        """The server's own figures, by name without prefix and suffix."""
        text = (await asyncio.to_thread(self.fetch, "/metrics")).decode()
        found = re.findall(r"^isotherm_(\w+?)(?:_total)? ([0-9.e+-]+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in found}


@contextlib.asynccontextmanager
async def served(*options: str, data: Path | None = None) -> AsyncIterator[Served]:
    """`isotherm serve` on a free port, its data in a folder that goes with it, or in one that is there."""
    with tempfile.TemporaryDirectory(prefix="isotherm-bench-") as folder:
        data = Path(folder, "data") if data is None else data
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "isotherm", "serve", "--data", str(data), "--port", "0",
            "--viewer-token", TOKEN, *options,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        one = Served(process)
        one.data = data
        try:
            assert process.stdout is not None
            async with asyncio.timeout(_PATIENCE_S):
                while one.port == 0:
                    line = (await process.stdout.readline()).decode()
                    if not line:
                        raise RuntimeError("the server ended early; see its words above")
                    found = re.search(r"listens on http://\S+:(\d+)", line)
                    one.port = int(found[1]) if found else 0
            yield one
        finally:
            await one.end()


async def until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Asks until the answer is true; returns it."""
    async with asyncio.timeout(_PATIENCE_S):
        while not (found := await ask()):  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(0.05)
    return found


# -- on the child's side


def settings() -> dict[str, Any]:
    """What the parent gave."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def orders(meanwhile: Callable[[float], object]) -> Iterator[dict[str, Any]]:
    """What the parent says, until it says no more. While it is silent `meanwhile` is called with the seconds that it may take, so that a
    load answers its server's pings."""
    said = b""
    while True:
        while b"\n" not in said:
            while not select.select([0], [], [], 0)[0]:
                meanwhile(_SILENCE_S)
            more = os.read(0, 65536)
            if not more:
                return
            said += more
        line, _, said = said.partition(b"\n")
        yield json.loads(line)


def tell(**what: Any) -> None:
    """Something for the parent."""
    print(json.dumps(what), flush=True)

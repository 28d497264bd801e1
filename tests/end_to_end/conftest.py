"""Servers for the tests of this folder; each ends with its test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.serving import Served, start

Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts servers on this test's data folder."""
    started: list[Served] = []

    async def begin(*options: str, data: Path = tmp_path / "data", command: str = "serve") -> Served:
        served = await start(data, *options, command=command)
        started.append(served)
        return served

    yield begin
    for served in started:
        if served.process.returncode is None:
            await served.kill()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def run_cli() -> Callable[..., Awaitable[tuple[int, str, str]]]:
    """Runs a command to its end: exit code, output, errors."""

    async def run(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "isotherm", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, error = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), error.decode()

    return run

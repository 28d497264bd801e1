"""What tests of several rooms need: an HTTP client, and the command line as a user runs it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine proves nothing about a property
settings.load_profile("untimed")


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

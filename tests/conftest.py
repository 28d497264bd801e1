"""What tests of several rooms need: an HTTP client, and the command line as a user runs it; and which tests stay together.

`make test` runs two processes of pytest (`PROCESSES`), for which two cores are enough. All tests that need the broker or the browser go to one of them,
one after the other: there is one broker, one Chromium, and never both at work. Of the others each file goes to whichever is free.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import Phase, settings
from xdist.scheduler import LoadScopeScheduling

from tests.kafka.fixtures import broker_jars, on_kafka, servers
from tests.postgres import database, postgres

__all__ = ["broker_jars", "database", "on_kafka", "postgres", "servers"]  # one server of each kind for all rooms that need it

TOGETHER = ("kafka", "parity", "browser")  #: rooms whose tests share a process, in this order: what takes longest begins first

#: A busy machine proves nothing about a property. And CI tells an example that fails as it was found, at once, with the blob that brings it
#: back: made small, it came to the time limit of its test first, and nobody learned what had failed.
PHASES = [phase for phase in Phase if not os.environ.get("CI") or phase not in (Phase.shrink, Phase.explain)]
settings.register_profile("untimed", deadline=None, phases=PHASES)
settings.load_profile("untimed")


def group(nodeid: str) -> str:
    """Tests of one group run in one process, one after the other."""
    file = nodeid.partition("::")[0]
    return "broker and browser" if room(nodeid) in TOGETHER else file


def room(nodeid: str) -> str:
    return nodeid.split("/")[1]


class Together(LoadScopeScheduling):
    """Hands out groups (`--dist loadgroup` needs a mark on each test, which pytest 9 no longer lets it put into their names)."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: TOGETHER.index(room(item.nodeid)) if room(item.nodeid) in TOGETHER else len(TOGETHER))


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

"""Servers for the tests of this folder; each ends with its test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.serving import Served, start

Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts servers on this test's data folder."""
    started: list[Served] = []

    async def begin(*options: str, data: Path = tmp_path / "data", command: str = "serve", config: Path | None = None) -> Served:
        served = await start(data, *options, command=command, config=config)
        started.append(served)
        return served

    yield begin
    for served in started:
        if served.process.returncode is None:
            await served.kill()

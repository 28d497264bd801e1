"""An embedded server beside the pipelines on Kafka."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.serving import Served, start


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """Starts an embedded server with the given options."""
    started: list[Served] = []

    async def begin(*options: str) -> Served:
        started.append(await start(tmp_path / "embedded", "--open-heat", "--trust-senders", *options))
        return started[-1]

    yield begin
    for served in started:
        await served.kill()

"""The pipeline while a commit takes its time: what comes meanwhile is not lost, and nothing piles up behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isotherm.core.sites import Sites
from isotherm.runtimes import embedded
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import PipelineSettings
from tests.serving import event

SECONDS = 30  #: that a commit may take at most


class Silent:
    def durable(self, *seqs: int) -> None: ...

    def failed(self, seq: int) -> None: ...


class Slow:
    """A pipeline whose first commit waits until it may go on."""

    def __init__(self, folder: Path) -> None:
        self.sites = Sites()
        settings = PipelineSettings(folder, window_ms=10_000, hop_ms=10_000, grid_size=10, skew_ms=5000, retention=None)
        self.pipeline = Embedded(settings, self.sites)
        self.committing = asyncio.Event()
        self.go_on = threading.Event()

    async def start(self) -> None:
        await self.pipeline.start()
        for _ in range(10):  # the first hop goes by, which would commit what there is
            await asyncio.sleep(0)
        loop, log = asyncio.get_running_loop(), self.pipeline._log
        assert log is not None
        append: Callable[[int, bytes], int] = log.append

        def slowly(now_ms: int, value: bytes) -> int:
            loop.call_soon_threadsafe(self.committing.set)
            assert self.go_on.wait(SECONDS)
            return append(now_ms, value)

        log.append = slowly  # type: ignore[method-assign]

    def say(self, x: int) -> None:
        said: dict[str, Any] = event(x, 1, "/p")
        self.pipeline.gate.take(json.dumps(said).encode(), self.sites.by_key["default"], None, None, self.pipeline.clock.now_ms(), Silent())


@pytest.fixture
async def slow(tmp_path: Path) -> Slow:
    made = Slow(tmp_path)
    await made.start()
    made.say(1)
    await asyncio.wait_for(made.committing.wait(), SECONDS)
    return made


async def test_what_comes_while_the_last_commit_runs_is_committed(slow: Slow) -> None:
    """A classic event is never answered, so whoever sent it can't send it again."""
    slow.say(2)
    stopping = asyncio.create_task(slow.pipeline.stop())
    while slow.pipeline.why_not_ready() is None:
        await asyncio.sleep(0)
    slow.go_on.set()
    await stopping
    assert (slow.pipeline.gate.gathered, slow.pipeline.counters.by_name["samples"]) == (0, 2)


async def test_hops_do_not_pile_up_behind_a_commit(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the same one."""
    monkeypatch.setattr(embedded, "_SETTLE_S", 0)
    slow.say(2)
    before = len(asyncio.all_tasks())
    for _ in range(20):
        await slow.pipeline._hop()
    assert len(asyncio.all_tasks()) <= before + 1
    slow.go_on.set()
    await slow.pipeline.stop()

"""A whole server inside the test's own process, for tests that need a hand on its clock, its disk or its limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isotherm.access.keys import Keys
from isotherm.core.limits import Limits
from isotherm.core.sites import Sites
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import PipelineSettings
from isotherm.runtimes.server import Server, ServerSettings

__all__ = ["House", "inside"]


@dataclass
class House:
    """A running server and what is behind it."""

    pipeline: Embedded
    server: Server

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def ws(self) -> str:
        return self.address.replace("http", "ws", 1)

    def counter(self, name: str) -> int:
        return self.pipeline.counters.by_name[name]


@asynccontextmanager
async def inside(
    data: Path,
    *,
    limits: Limits | None = None,
    trust_senders: bool = False,
    clock: Clock | None = None,
    pipeline: Any = None,
    open_heat: bool = True,
    **server: Any,
) -> AsyncIterator[House]:
    """Starts on a free port of this machine alone; stops at the end. Its heat needs no token, unless that is asked for."""
    limits = limits or Limits()
    sites = Sites()
    settings = PipelineSettings(data, **(pipeline or {}))
    embedded = Embedded(settings, sites)
    if clock is not None:
        embedded.clock = clock
    if not trust_senders:
        embedded.gate.judge_senders(limits, count_bots=True, window_ms=settings.window_ms)
    await embedded.start()
    keys = Keys(data / "access.sqlite")
    shown = Server(
        embedded, keys, ServerSettings(port=0, open_heat=open_heat, limits=limits, trust_senders=trust_senders, **server)
    )
    await shown.start()
    try:
        yield House(embedded, shown)
    finally:
        await shown.stop()
        keys.close()

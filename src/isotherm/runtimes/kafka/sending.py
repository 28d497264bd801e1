"""Sending: the courier of webhooks with an outbox that others can take over, on a loop and thread of its own.

From the moment in which this worker is the one that sends until it is not. What is in the midst of being sent then is sent again by the
next.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgspec

from isotherm.addresses import Proxies
from isotherm.core.counters import Counters
from isotherm.core.rules import Reaction
from isotherm.core.webhooks import Webhook
from isotherm.reactions.courier import Courier
from isotherm.reactions.store import ReactionStore
from isotherm.runtimes.kafka.deliveries import Known, SharedOutbox, Standing, Write, address_of

__all__ = ["Sending"]

_TELL_EVERY_S: Final = 1.0
_MEMORY: Final = Path(":memory:")

logger = logging.getLogger(__name__)


class Sending:
    """`told` and `known` are what the topics had when it began; `write` puts a record of `isotherm-deliveries` on its way."""

    def __init__(
        self,
        webhooks: Sequence[Webhook],
        allowed: Sequence[str],
        known: Known,
        told: Sequence[Reaction],
        write: Write,
        now_ms: Callable[[], int],
    ) -> None:
        self._webhooks = webhooks
        self._allowed = Proxies(allowed)
        self._write = write
        self._now_ms = now_ms
        self._thread = ThreadPoolExecutor(1, "deliveries")
        self._outbox = SharedOutbox(ReactionStore(_MEMORY), write)
        self._since = self._outbox.fill(webhooks, known, told, now_ms())
        self._told: dict[str, Standing] = {}
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._ready = threading.Event()
        self._running = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), name="webhooks", daemon=True)
        self._running.start()
        self._ready.wait()

    def hear(self, seq: int, reaction: Reaction) -> None:
        """It fired just now."""
        self._loop.call_soon_threadsafe(self._courier.hear, seq, reaction)

    def renew(self, name: str) -> None:
        """Somebody took the webhook's standing out of the topic: it is as new, and on."""
        asyncio.run_coroutine_threadsafe(self._renew(name), self._loop)

    def stop(self) -> None:
        """Nothing is sent any more."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._running.join()
        self._loop.close()

    # -- on the loop

    async def _run(self) -> None:
        self._courier = Courier(self._outbox, self._webhooks, self._allowed, Counters(), self._now_ms, self._thread)
        self._courier.start()
        self._ready.set()
        while not self._ended.is_set():
            await self._tell()
            try:
                async with asyncio.timeout(_TELL_EVERY_S):
                    await self._ended.wait()
            except TimeoutError:
                pass
        await self._courier.close()
        await self._tell()
        self._thread.shutdown()

    async def _tell(self) -> None:
        """How each webhook stands, where that changed."""
        addresses = {webhook.name: address_of(webhook) for webhook in self._webhooks}
        for one in await self._courier.asked():
            name: str = one.pop("name")
            standing = msgspec.convert({**one, "since": self._since[name], "address": addresses[name]}, Standing)
            if self._told.get(name) != standing:
                self._told[name] = standing
                self._write(name, msgspec.json.encode(standing))

    async def _renew(self, name: str) -> Any:
        if await self._courier.enable(name):
            self._since[name] = self._now_ms()
            logger.info("webhook %s is on again", name)
        self._told.pop(name, None)

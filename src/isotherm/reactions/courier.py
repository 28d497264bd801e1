"""The courier: brings what fired to the webhooks. One task a webhook, one message at a time, the one that is due first.

    heard ──> outbox (on its thread) ──> sent: 2xx done · 410 the webhook is off · all else again after a growing gap

Each try is signed anew with the time of the try; the id stays, so that a receiver can tell what it had. Redirects are not followed, cookies
not kept, the answer's body not read, proxies of the environment not used. What is in the midst of being sent when the process ends is sent
again after the next start. Addresses and secrets are in no log line.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import aiohttp
from aiohttp.abc import AbstractResolver
from standardwebhooks import Webhook as Signer

import isotherm
from isotherm.addresses import Proxies
from isotherm.certificates import verified
from isotherm.core.counters import Counters
from isotherm.core.rules import Reaction
from isotherm.core.webhooks import Webhook, about, gap_ms, message
from isotherm.reactions.outbox import Delivery, Outbox
from isotherm.reactions.outward import OutwardError, connector
from isotherm.reactions.store import ReactionError

__all__ = ["AnyCourier", "Courier"]

_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 15.0  #: as Standard Webhooks advises: 15 to 30
_LOOK_AGAIN_S: Final = 60.0  #: a step of the clock is noticed by then
_BROKEN_S: Final = 5.0  #: after the outbox could not be read
_RETRY_AFTER_MS_MAX: Final = 3_600_000
_GONE: Final = 410

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class _Answer(NamedTuple):
    status: int | None
    why: str
    retry_after_ms: int = 0


class AnyCourier(Protocol):
    """What those who show webhooks need of a courier, whoever sends. Raises `ReactionError`."""

    async def asked(self) -> list[dict[str, Any]]: ...
    async def enable(self, name: str) -> bool: ...


class _State:
    """What is known of one webhook."""

    def __init__(self, webhook: Webhook, disabled_ms: int | None) -> None:
        self.webhook = webhook
        self.wake = asyncio.Event()
        self.disabled_ms = disabled_ms
        self.newest: tuple[int, str] | None = None  # the newest try: when, and what came of it


class Courier:
    """`thread` is where the outbox is asked, in order; `gap` may be made shorter by a test."""

    def __init__(
        self,
        outbox: Outbox,
        webhooks: Sequence[Webhook],
        allowed: Proxies,
        counters: Counters,
        now_ms: Callable[[], int],
        thread: Executor,
        *,
        gap: Callable[[int, float], int] = gap_ms,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """Raises `ReactionError`. `start` begins to send."""
        self._outbox = outbox
        self._allowed = allowed
        self._counters = counters
        self._now_ms = now_ms
        self._thread = thread
        self._gap = gap
        self._resolver = resolver
        off = outbox.disabled(webhooks)
        counters.add("webhooks_dropped", outbox.keep_only(webhook.name for webhook in webhooks))
        self._states = {webhook.name: _State(webhook, off.get(webhook.name)) for webhook in webhooks}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(state), name=f"webhook {name}") for name, state in self._states.items()]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _asked(self, ask: Callable[..., Result], *values: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask, *values)

    # -- what comes in

    def hear(self, _seq: int, reaction: Reaction) -> None:
        """Puts what fired into the outbox of each webhook that wants it."""
        for state in self._states.values():
            if state.webhook.wants(reaction.rule) and state.disabled_ms is None:
                self._keep(state, reaction)

    def _keep(self, state: _State, reaction: Reaction) -> None:
        kept = asyncio.get_running_loop().run_in_executor(self._thread, self._put, state.webhook.name, reaction)
        kept.add_done_callback(lambda _kept: state.wake.set())

    def _put(self, name: str, reaction: Reaction) -> None:
        body = message(reaction)
        try:
            replaced, dropped = self._outbox.put(name, reaction.id, about(reaction), body, reaction.at_ms)
        except ReactionError as error:
            logger.error("webhook %s: what fired could not be kept for it: %s", name, error)
            self._counters.add("webhooks_dropped")
            return
        self._counters.add("webhooks_replaced", replaced)
        self._counters.add("webhooks_dropped", dropped)

    # -- what goes out

    async def _run(self, state: _State) -> None:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_S, sock_connect=_CONNECT_S)
        if not state.webhook.plain:
            await asyncio.to_thread(verified)  # reads files, the first time
        door = connector(self._allowed, plain=state.webhook.plain, resolver=self._resolver)
        async with aiohttp.ClientSession(connector=door, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as http:
            while True:
                state.wake.clear()
                try:
                    wait_s = await self._step(http, state)
                except ReactionError as error:
                    logger.error("webhook %s: what waits for it can't be read or written: %s", state.webhook.name, error)
                    wait_s = _BROKEN_S
                if wait_s > 0:
                    try:
                        async with asyncio.timeout(min(wait_s, _LOOK_AGAIN_S)):
                            await state.wake.wait()
                    except TimeoutError:
                        pass

    async def _step(self, http: aiohttp.ClientSession, state: _State) -> float:
        """Sends what is due, if anything is; returns how long nothing will be, in seconds."""
        name = state.webhook.name
        if state.disabled_ms is not None:
            return _LOOK_AGAIN_S
        self._counters.add("webhooks_dropped", await self._asked(self._outbox.expire, name, self._now_ms()))
        delivery = await self._asked(self._outbox.first, name)
        if delivery is None:
            return _LOOK_AGAIN_S
        now_ms = self._now_ms()
        if delivery.due_ms > now_ms:
            return (delivery.due_ms - now_ms) / 1000
        answer = await self._sent(http, state.webhook, delivery)
        now_ms = self._now_ms()
        state.newest = (now_ms, answer.why)
        if answer.status is not None and 200 <= answer.status < 300:
            self._counters.add("webhooks_delivered")
            await self._asked(self._outbox.done, delivery.number)
            return 0
        self._counters.add("webhooks_failed")
        if answer.status == _GONE:
            logger.warning("webhook %s is off from now on: it answered 410", name)
            state.disabled_ms = now_ms
            self._counters.add("webhooks_dropped", await self._asked(self._outbox.disable, state.webhook, now_ms))
            return 0
        gap = max(self._gap(delivery.failures + 1, random.random()), answer.retry_after_ms)
        logger.warning("webhook %s could not be told: %s; again in %d s", name, answer.why, gap / 1000)
        await self._asked(self._outbox.later, delivery.number, now_ms + gap)
        return 0

    async def _sent(self, http: aiohttp.ClientSession, webhook: Webhook, delivery: Delivery) -> _Answer:
        at = datetime.fromtimestamp(self._now_ms() // 1000, UTC)
        signed = " ".join(Signer(secret).sign(delivery.id, at, delivery.body.decode()) for secret in webhook.secrets)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Isotherm/{isotherm.__version__}",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signed,
        }
        try:
            async with http.post(webhook.url, data=delivery.body, headers=headers, allow_redirects=False) as answer:
                return _Answer(answer.status, f"answered {answer.status}", _retry_after_ms(answer.headers.get("Retry-After", "")))
        except TimeoutError:
            return _Answer(None, "did not answer in time")
        except aiohttp.ClientConnectorError as error:
            inner = error.os_error
            return _Answer(None, str(inner) if isinstance(inner, OutwardError) else f"can't be reached ({type(error).__name__})")
        except (aiohttp.ClientError, OSError, ValueError) as error:  # their words may hold the address
            return _Answer(None, f"can't be reached ({type(error).__name__})")

    # -- for those who look

    def known(self) -> list[dict[str, Any]]:
        """The webhooks, what waits for them, and what came of the newest try. Nothing secret. Blocks for a moment."""
        waiting = self._outbox.waiting()
        return [
            {
                "name": name,
                "host": state.webhook.host,
                "rules": list(state.webhook.rules),
                "waiting": waiting.get(name, 0),
                "disabled": state.disabled_ms,
                "newest": None if state.newest is None else {"at": state.newest[0], "what": state.newest[1]},
            }
            for name, state in self._states.items()
        ]

    async def enable(self, name: str) -> bool:
        """Switches a webhook on again that answered 410; False: there is none that is off. Raises `ReactionError`."""
        state = self._states.get(name)
        if state is None or state.disabled_ms is None:
            return False
        await self._asked(self._outbox.enable, name)
        state.disabled_ms = None
        state.wake.set()
        return True

    async def asked(self) -> list[dict[str, Any]]:
        """`known`, off the event loop. Raises `ReactionError`."""
        return await self._asked(self.known)


def _retry_after_ms(text: str) -> int:
    """What the receiver asks for, in seconds; a date is not understood."""
    return min(int(text) * 1000, _RETRY_AFTER_MS_MAX) if text.isascii() and text.isdigit() and len(text) < 10 else 0

"""Sharing: a gateway's part in what all gateways share. It applies what stands in `isotherm-settings`, and writes its own there.

A site that was added applies at once, a token that was revoked opens nothing any more, what one gateway signed the others take, and a
login link is good once among all of them: whoever's claim stands first in the topic has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from typing import Final

from isotherm.access.keys import FIRST, Keys, KeysError, made_token
from isotherm.runtimes.kafka.agreement import settle, write_setting
from isotherm.runtimes.kafka.connection import SETTINGS, Cluster
from isotherm.runtimes.kafka.follower import Follower
from isotherm.runtimes.kafka.outbox import Letter, Outbox, OutboxError
from isotherm.runtimes.kafka.shared import (
    Shared,
    claim_key,
    claim_value,
    signer_key,
    signer_value,
    token_key,
    token_value,
)
from isotherm.runtimes.pipeline import StartError

__all__ = ["Sharing"]

_CLAIM_S: Final = 5.0
_JOIN_S: Final = 20.0  #: as long as a start waits for brokers
_AGAIN_S: Final = 5.0  #: a disk that is full is tried again so soon: a token that was revoked opens until then
_RENEW_MS: Final = 12 * 3_600_000  #: a gateway says so often that its key still signs
_TURN_S: Final = 60.0

logger = logging.getLogger(__name__)


class Sharing:
    """`start` reads the topic, `take` hears of it; `join` takes part with a gateway's keys. For the loop that it was made in."""

    def __init__(self, cluster: Cluster, outbox: Outbox, now_ms: Callable[[], int], take: Callable[[Shared], None]) -> None:
        self._cluster = cluster
        self._outbox = outbox
        self._now_ms = now_ms
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._shared = Shared()
        self._news = asyncio.Event()
        self._keys: Keys | None = None
        self._follower: Follower | None = None
        self._again: asyncio.TimerHandle | None = None
        self._closed = False

    async def start(self) -> None:
        """Returns once sites and rules are known. Raises `StartError`."""
        self._follower = Follower(self._cluster, self._in_loop)
        await self._loop.run_in_executor(None, self._follower.wait)  # what it read then was handed to the loop before

    async def join(self, keys: Keys, *, first_token: bool) -> None:
        """The gateway's keys are the pipeline's from now on. The first gateway of all makes the first token. Raises `StartError`."""
        first_token = first_token and not keys.fixed
        own = signer_key(keys.public_key)
        await self._loop.run_in_executor(None, write_setting, self._cluster, own, signer_value(self._now_ms()))
        self._keys = keys
        keys.claim_code = self._claim
        made = None
        if first_token and not self._shared.tokens:
            made = await self._loop.run_in_executor(None, self._make_first)
        try:
            async with asyncio.timeout(_JOIN_S):
                while keys.public_key not in self._shared.signers or (first_token and not self._shared.tokens):
                    await self._hear()
        except TimeoutError:
            topic = self._cluster.name(SETTINGS)
            raise StartError(
                f"the topic {topic} does not show within {_JOIN_S:.0f} s what this gateway wrote to it: look at the brokers' logs"
            ) from None
        try:
            self._keep(made)
        except KeysError as error:
            raise StartError(str(error)) from error

    def _make_first(self) -> str | None:
        """The first token; None: another gateway made it at the same moment."""
        token, kept = made_token(FIRST, None, None, None)
        value = token_value(kept)
        return token if settle(self._cluster, token_key(FIRST), value) == value else None

    async def run(self) -> None:
        """Until cancelled: renews what must be renewed, and takes out of the topic what is over."""
        topic = self._cluster.name(SETTINGS)
        while True:
            await asyncio.sleep(_TURN_S)
            now_ms = self._now_ms()
            for key in self._shared.turn(now_ms):
                self._outbox.post(Letter(topic, key, None))
            if self._keys is not None and now_ms - self._shared.signers.get(self._keys.public_key, 0) > _RENEW_MS:
                self._outbox.post(Letter(topic, signer_key(self._keys.public_key), signer_value(now_ms)))

    async def close(self) -> None:
        self._closed = True
        if self._follower is not None:
            await self._loop.run_in_executor(None, self._follower.close)

    # -- what the topic says

    def _in_loop(self, shared: Shared) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            self._loop.call_soon_threadsafe(self._changed, shared)

    def _changed(self, shared: Shared) -> None:
        before, self._shared = self._shared, shared
        if shared.sites != before.sites:
            logger.info("the settings changed: %d sites", len(shared.sites))
        self._take(shared)
        self._apply()
        self._news.set()

    def _apply(self) -> None:
        if self._again is not None:
            self._again.cancel()
        if self._closed:
            return
        try:
            self._keep(None)
        except KeysError as error:
            logger.error("%s; tokens that were added or revoked hold later, will try again", error)
            self._again = self._loop.call_later(_AGAIN_S, self._apply)

    def _keep(self, made: str | None) -> None:
        if self._keys is not None:
            self._keys.trust(self._shared.signers)
            self._keys.take_tokens(self._shared.tokens.values(), made=made)

    async def _hear(self) -> None:
        self._news.clear()
        await self._news.wait()

    # -- login links

    async def _claim(self, digest: str, until_ms: int) -> bool:
        """Whether this login link is redeemed here, and nowhere else."""
        by = secrets.token_hex(8)
        try:
            async with asyncio.timeout(_CLAIM_S):
                await self._outbox.send([Letter(self._cluster.name(SETTINGS), claim_key(digest), claim_value(by, until_ms))])
                while (claim := self._shared.claims.get(digest)) is None:
                    await self._hear()
        except (OutboxError, TimeoutError) as error:
            logger.warning("a login link can't be redeemed now: %s", error or "Kafka is away")
            return False
        return claim.by == by

"""Whoever listens to server-sent events, and how long: served by the endpoints alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from isotherm.core.rules import Reaction, Rule
from isotherm.reactions.desk import Desk, Listener
from isotherm.reactions.endpoints import ReactionEndpoints
from isotherm.reactions.store import ReactionError, ReactionStore

REACTION = Reaction(
    id="rx_1", type="hot", at_ms=1, rule="r", site="default", page="/", zone=None, metric="people", value=1.0, level=1.0, people=1, why=""
)
MANY = 1001  #: one more than a listener may be behind


async def no_trial(_rule: Rule) -> tuple[int, list[Reaction]]:
    return 0, []


class Told:
    """A desk that tells what a test says, and a viewer who may look until the test says otherwise."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.stands = True

    def since(self, _seq: int) -> list[tuple[int, Reaction]]:
        return []

    def listen(self, listener: Listener) -> None:
        self.listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        if listener in self.listeners:
            self.listeners.remove(listener)

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[aiohttp.ClientResponse]:
        """The events, as a client gets them."""

        app = web.Application()
        ReactionEndpoints(cast(Desk, self), lambda _request: (None, lambda: self.stands), lambda _request: None, no_trial).add_to(app)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession() as http, http.get(f"http://{host}:{port}/api/reactions") as events:
                yield events
        finally:
            await runner.cleanup()


async def rest(events: aiohttp.ClientResponse) -> Any:
    """All that comes until the stream ends, however it does."""
    async with asyncio.timeout(10):
        try:
            return await events.read()
        except aiohttp.ClientPayloadError:
            return b""


async def test_a_listener_who_is_too_far_behind_is_let_go() -> None:
    """The stream ends, so that the browser comes back with its last id: it does not stay open and say nothing any more."""
    told = Told()
    async with told.stream() as events:
        (listener,) = told.listeners
        for seq in range(MANY):
            listener(seq, REACTION)
        await rest(events)
        assert told.listeners == []


async def test_a_rule_that_can_not_be_taken_away_now_is_answered(tmp_path: Path) -> None:
    """A disk that fails is no fault of the server's: 503 and why, and the rule stands."""

    class Failing(ReactionStore):
        def drop_rule(self, name: str) -> None:
            raise ReactionError(f"disk is full, {name} stays")

    store = Failing(tmp_path / "reactions.sqlite")
    desk = Desk(store, cast(Any, None))
    desk.put(Rule("popular", "/p", "people", 1.0))
    endpoints = ReactionEndpoints(desk, lambda _request: (None, lambda: True), lambda _request: None, no_trial)
    with pytest.raises(web.HTTPServiceUnavailable) as answer:
        await endpoints.drop(make_mocked_request("DELETE", "/api/rules?name=popular"))
    assert answer.value.text == '{"error":"disk is full, popular stays"}'
    assert [rule.name for rule, _ in desk.rules] == ["popular"]
    store.close()


async def test_a_listener_whose_token_was_revoked_is_let_go() -> None:
    """What a revoked token opened before is closed."""
    told = Told()
    async with told.stream() as events:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await events.read()
    async with told.stream() as events:
        told.stands = False
        await rest(events)

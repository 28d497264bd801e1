"""Reactions over HTTP: server-sent events, the log, the rules, and a dry run of one.

    GET    /api/reactions          server-sent events; `Last-Event-ID` brings what was missed
    GET    /api/reactions/log      the newest that fired, and what is hot now
    GET    /api/rules              all rules
    PUT    /api/rules              makes or replaces one (JSON); operators only
    DELETE /api/rules?name=        takes one away; operators only
    POST   /api/rules/dry-run[?hours=24]   when it would have fired over what is kept, or over the hours of the history
    GET    /api/webhooks           the webhooks, what waits for them, which are off; operators only
    POST   /api/webhooks/enable?name=   switches one on again that answered 410; operators only
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp_sse import sse_response

from isotherm.answers import refused
from isotherm.core.rules import METRICS, Reaction, Rule, RuleError, reaction_json, rule_from_json, rule_to_json
from isotherm.reactions.courier import AnyCourier
from isotherm.reactions.desk import AnyDesk
from isotherm.reactions.store import ReactionError
from isotherm.reactions.trial import Trial

__all__ = ["ReactionEndpoints"]

_WAITING_MAX: Final = 1000  #: events that a slow listener may be behind; then it is let go, and comes back with its last id
_LOG_MAX: Final = 200
_PING_S: Final = 15.0
_HOURS_MAX: Final = 48
_TRIED_AT_ONCE: Final = 2  #: dry runs: each is a second of a core, or some

DryRun = Callable[[Rule, int | None], Awaitable[Trial]]

Sees = Callable[[web.Request], tuple[str | None, Callable[[], bool]]]
"""Raises for a stranger. Returns the one site that the viewer may see (None: all), and what tells whether they still may."""


class ReactionEndpoints:
    """`operator(request)` raises for whoever may not change rules."""

    def __init__(
        self,
        desk: AnyDesk,
        sees: Sees,
        operator: Callable[[web.Request], object],
        dry_run: DryRun,
        courier: AnyCourier | None = None,
        *,
        may_change: Callable[[web.Request], bool] = lambda _request: True,
    ) -> None:
        """`may_change(request)`: whether `operator` would let it through; a page that shows rules asks before it offers to change them."""
        self._may_change = may_change
        self._courier = courier
        self._desk = desk
        self._sees = sees
        self._operator = operator
        self._dry_run = dry_run
        self._trying = asyncio.Semaphore(_TRIED_AT_ONCE)
        self._open: set[asyncio.Task[Any]] = set()

    def add_to(self, app: web.Application) -> None:
        route = app.router
        route.add_get("/api/reactions", self.events)
        route.add_get("/api/reactions/log", self.log)
        route.add_get("/api/rules", self.rules)
        route.add_put("/api/rules", self.put)
        route.add_delete("/api/rules", self.drop)
        route.add_post("/api/rules/dry-run", self.try_out)
        if self._courier is not None:
            route.add_get("/api/webhooks", self.webhooks)
            route.add_post("/api/webhooks/enable", self.enable)

    async def close(self) -> None:
        """Ends all streams of events: the server stops."""
        for task in list(self._open):
            task.cancel()

    async def events(self, request: web.Request) -> web.StreamResponse:
        site, stands = self._sees(request)
        last = request.headers.get("Last-Event-ID") or request.query.get("last-event-id") or ""
        if last and not (last.isascii() and last.isdigit()):
            raise refused(web.HTTPUnprocessableEntity, f"expected Last-Event-ID to be the number of an event, got {last[:40]!r}")
        waiting: asyncio.Queue[tuple[int, Reaction]] = asyncio.Queue(_WAITING_MAX)

        task = asyncio.current_task()
        assert task is not None

        def hear(seq: int, reaction: Reaction) -> None:
            if site in (None, reaction.site):
                try:
                    waiting.put_nowait((seq, reaction))
                except asyncio.QueueFull:
                    self._desk.unlisten(hear)
                    task.cancel()  # it may wait for a peer that does not read, so nothing less would end it

        missed = [event for event in (self._desk.since(int(last)) if last else []) if site in (None, event[1].site)]
        self._desk.listen(hear)
        self._open.add(task)
        try:
            async with sse_response(request, ping_interval=_PING_S) as response:
                for event in missed:
                    await _send(response, *event)
                while response.is_connected() and stands():
                    try:
                        async with asyncio.timeout(1.0):
                            event = await waiting.get()
                    except TimeoutError:
                        continue
                    await _send(response, *event)
        finally:
            self._open.discard(task)
            self._desk.unlisten(hear)
        return response

    async def log(self, request: web.Request) -> web.StreamResponse:
        site, _ = self._sees(request)
        fired = [event for event in self._desk.since(0) if site in (None, event[1].site)]
        newest = [reaction_json(reaction) | {"seq": seq} for seq, reaction in reversed(fired[-_LOG_MAX:])]
        return _json({"fired": newest})

    async def rules(self, request: web.Request) -> web.StreamResponse:
        site, _ = self._sees(request)
        hot = self._desk.hot
        known = [(rule, fixed) for rule, fixed in self._desk.rules if site in (None, rule.site)]
        told = [rule_to_json(rule) | {"fixed": fixed, "hot": hot.get(rule.name, [])} for rule, fixed in known]
        return _json({"rules": told, "may_change": self._may_change(request), "metrics": METRICS})

    async def put(self, request: web.Request) -> web.StreamResponse:
        rule = await self._rule(request)
        try:
            putting = self._desk.put(rule)
            if putting is not None:
                await putting
        except RuleError as error:
            raise _wrong(error) from None
        except ReactionError as error:
            raise refused(web.HTTPServiceUnavailable, str(error)) from None
        return _json(rule_to_json(rule))

    async def drop(self, request: web.Request) -> web.StreamResponse:
        self._operator(request)
        name = request.query.get("name", "")
        try:
            dropping = self._desk.drop(name)
            dropped = dropping if isinstance(dropping, bool) else await dropping
        except ReactionError as error:
            raise refused(web.HTTPServiceUnavailable, str(error)) from None
        if not dropped:
            raise refused(web.HTTPNotFound, f"no rule {name[:80]!r} was made here")
        return web.Response(status=204)

    async def try_out(self, request: web.Request) -> web.StreamResponse:
        rule = await self._rule(request)
        asked = request.query.get("hours")
        if asked is not None and not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:4]) <= _HOURS_MAX):
            raise refused(web.HTTPUnprocessableEntity, f"expected hours from 1 to {_HOURS_MAX}, got {asked[:40]!r}")
        try:
            async with self._trying:
                trial = await self._dry_run(rule, int(asked) if asked is not None else None)
        except ReactionError as error:
            raise refused(web.HTTPServiceUnavailable, str(error)) from None
        fired = [reaction_json(reaction) for reaction in trial.fired]
        values = [round(value, 4) if value is not None else None for value in trial.values]
        told = {"since": trial.since_ms, "until": trial.until_ms, "every": trial.every_ms, "fired": fired, "values": values}
        return _json(told)

    async def webhooks(self, request: web.Request) -> web.StreamResponse:
        self._operator(request)
        assert self._courier is not None
        try:
            return _json({"webhooks": await self._courier.asked()})
        except ReactionError as error:
            raise refused(web.HTTPServiceUnavailable, str(error)) from None

    async def enable(self, request: web.Request) -> web.StreamResponse:
        self._operator(request)
        _said_json(request)
        assert self._courier is not None
        name = request.query.get("name", "")
        try:
            enabled = await self._courier.enable(name)
        except ReactionError as error:
            raise refused(web.HTTPServiceUnavailable, str(error)) from None
        if not enabled:
            raise refused(web.HTTPNotFound, f"no webhook {name[:80]!r} is off")
        return web.Response(status=204)

    async def _rule(self, request: web.Request) -> Rule:
        """The rule in a request's body."""
        self._operator(request)
        _said_json(request)
        try:
            return rule_from_json(msgspec.json.decode(await request.read()))
        except RuleError as error:
            raise _wrong(error) from None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise refused(web.HTTPUnprocessableEntity, str(error)) from None


def _wrong(error: RuleError) -> web.HTTPError:
    """The answer to a rule that can't be, which says of which field it speaks."""
    body = {"error": str(error), "field": error.field}
    return web.HTTPUnprocessableEntity(text=msgspec.json.encode(body).decode(), content_type="application/json")


def _said_json(request: web.Request) -> None:
    """JSON must be said: a foreign page can't send that without asking first."""
    if request.content_type != "application/json":
        raise refused(web.HTTPUnsupportedMediaType, "expected application/json")


async def _send(response: Any, seq: int, reaction: Reaction) -> None:
    await response.send(msgspec.json.encode(reaction_json(reaction)).decode(), id=str(seq), event=reaction.type)


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")

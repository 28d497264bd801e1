"""The server: one port for sockets, beacons, pages and figures, before whichever pipeline runs behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

import isotherm
from isotherm.access.book import Book, FolderBook
from isotherm.access.guard import Guard, Guess
from isotherm.access.keys import Keys
from isotherm.addresses import Proxies, address_of
from isotherm.answers import preflight, refused
from isotherm.core.limits import Limits
from isotherm.gateway.endpoints import GatewayEndpoints
from isotherm.history.endpoints import HistoryEndpoints
from isotherm.live.endpoints import LiveEndpoints, keep_renewing
from isotherm.live.exposure import ExposureEndpoints
from isotherm.live.zones import ZoneEndpoints
from isotherm.reactions.endpoints import ReactionEndpoints
from isotherm.runtimes.collecting import Connections
from isotherm.runtimes.door import Crowd, Door
from isotherm.runtimes.drawing import DrawingEndpoints
from isotherm.runtimes.metrics import Metrics
from isotherm.runtimes.missing import asks_for_a_page, no_such_page
from isotherm.runtimes.overview import Overview
from isotherm.runtimes.pages import add_pages, secure
from isotherm.runtimes.pipeline import Pipeline, Reactions, StartError
from isotherm.runtimes.requests import Requests
from isotherm.runtimes.topics import Message
from isotherm.sockets import Socket

__all__ = ["Server", "ServerSettings"]

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STOP_S: Final = 4.0  #: a stop takes 5 s at most, the pipeline's own second included
_TOPIC_QUEUE_BYTES_MAX: Final = 4 * 1024 * 1024
_TOLD_IN_FULL: Final = ("/api/", "/metrics")  #: answers that tell of all that was acknowledged before they were asked for
_LINGER_S: Final = 2.0  #: how long an answered request may go on to send its body
_LOOK_EVERY_S: Final = 1.0
_IDLE_EVERY: Final = 30  #: looks between two searches for idle sockets
_BEHIND_MS: Final = 2_000  #: heat that is so late, for some looks: more comes in than can be taken
_BEHIND_LOOKS: Final = 3
_TURNED_AWAY_SHARE: Final = 0.1  #: of the trackers' sockets, the newest, at each look
_BACKLOG: Final = 4096  #: connections that may wait to be accepted: a page with thousands of visitors reconnects at once


@dataclass(slots=True, frozen=True)
class ServerSettings:
    """How the server shows itself."""

    host: str = "127.0.0.1"
    port: int = 8000
    open_heat: bool = False
    tracker_name: str = "tracker.js"
    ingest_path: str = "/clickstream"
    classic_hosts: Path | None = None
    classic: bool = False  #: `--classic-hosts`, with or without a folder
    limits: Limits = field(default_factory=Limits)
    trusted_proxies: tuple[str, ...] = ()
    trust_senders: bool = True
    count_bots: bool = False
    open_rules: bool = False  #: whoever may see the heat may change the rules: for the demo
    webhooks_allowed: tuple[str, ...] = ()  #: networks that webhooks may go to though they are not public
    look_around: Callable[[], None] | None = field(default=None, compare=False)  #: once a second: what other processes changed
    extra_pages: Callable[[web.Application], None] | None = field(default=None, compare=False)


class Server:
    """`start` binds the port; `stop` ends within 5 s, and nothing accepted is lost."""

    def __init__(
        self, pipeline: Pipeline, keys: Keys, settings: ServerSettings, reacting: Reactions | None = None, book: Book | None = None
    ) -> None:
        """`reacting` None: this runtime has no rules. `book`: what is kept of the sites; None: of the data folder."""
        self._pipeline = pipeline
        self._settings = settings
        now_ms, people_min = pipeline.clock.now_ms, pipeline.settings.people_min
        self._proxies = Proxies(settings.trusted_proxies)
        self._crowd = Crowd(settings.limits.address_connections_max)
        self.guard = Guard(
            keys,
            now_ms,
            open_heat=settings.open_heat,
            open_rules=settings.open_rules,
            counters=pipeline.counters,
            admitted=self._admitted,
        )
        self._gateway = GatewayEndpoints(pipeline.gate, now_ms, settings.limits)
        self._history = HistoryEndpoints(pipeline.history, pipeline.source, now_ms, people_min=people_min)
        self._live = LiveEndpoints(
            pipeline.groups,
            pipeline.shown,
            self.guard.admit,
            now_ms,
            limits=settings.limits,
            page_key=pipeline.gate.sites.page_key,
            past=self._history.heatmap,
            hiding=people_min > 1,
            spots=pipeline.spots,
        )
        tag = {"script": f"/{settings.tracker_name}", "ingest": settings.ingest_path}
        self._exposure = ExposureEndpoints(pipeline.exposed, people_min=people_min)
        self._zones = ZoneEndpoints(pipeline.leagues, self.guard.admit, pipeline.gate.sites.page_key, people_min=people_min)
        kept = book or FolderBook(pipeline.settings.data)
        self._drawing = DrawingEndpoints(kept, pipeline.gate.sites, self.guard.admit, self.guard.draws, self._may_draw)
        self._reactions: ReactionEndpoints | None = None
        if reacting is not None:
            operator = self.guard.viewer if settings.open_rules else self.guard.operator
            self._reactions = ReactionEndpoints(
                reacting.desk, self._sees, operator, reacting.dry_run, reacting.courier,
                may_change=lambda request: self.guard.would_pass(request, operator),
            )  # fmt: skip
        self._overview = Overview(pipeline, self.guard.viewer, tag, stands=self.guard.stands, open_heat=settings.open_heat)
        self._metrics = Metrics(pipeline)
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None
        self._door: Door | None = None
        self._requests: Requests | None = None
        self._looking: asyncio.Task[None] | None = None
        self._stopping = False
        self.port = settings.port
        self._application = self._app()

    async def start(self) -> None:
        """Raises `StartError` where the port can't be had."""
        limits = self._settings.limits
        self._runner = web.AppRunner(
            self._application,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_STOP_S,
            max_line_size=16 * 1024,
            keepalive_timeout=limits.handshake_ms_max / 1000,  # also of a connection that has asked for nothing yet
            lingering_time=_LINGER_S,
        )
        await self._runner.setup()
        assert self._runner.server is not None
        host, port = self._settings.host, self._settings.port
        pipeline = self._pipeline
        self._requests = Requests(self._runner.server)
        door = self._door = Door(
            self._requests,
            limits,
            pipeline.counters,
            self._proxies,
            trusting=self._settings.trust_senders,
            now_ms=pipeline.clock.now_ms,
        )
        try:
            loop = asyncio.get_running_loop()
            self._listening = await loop.create_server(door, host, port, backlog=_BACKLOG, reuse_address=True)
        except OSError as error:
            raise StartError(f"can't listen on {host}:{port}: {error.strerror}; choose another with --host and --port") from error
        self.port = self._listening.sockets[0].getsockname()[1]
        self._looking = asyncio.create_task(self._look_around())

    async def stop(self) -> None:
        self._stopping = True
        if self._looking is not None:
            self._looking.cancel()
        if self._listening is not None:
            self._listening.close()
        await self._pipeline.stop()
        if self._runner is not None:
            await self._gateway.close()
            await self._live.close()
            if self._reactions is not None:
                await self._reactions.close()
            await self._runner.cleanup()

    @property
    def address(self) -> str:
        host = self._settings.host
        return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def connections(self) -> Connections:
        if self._door is None or self._requests is None:
            return Connections(0, 0)
        return Connections(self._door.open, self._door.ended - self._requests.freed)

    def _may_draw(self, request: web.Request, site: str) -> bool:
        return self.guard.would_pass(request, lambda asked: self.guard.draws(asked, site))

    def _sees(self, request: web.Request) -> tuple[str | None, Callable[[], bool]]:
        viewer = self.guard.viewer(request)
        return viewer.site, partial(self.guard.stands, viewer)

    # -- routes

    def _app(self) -> web.Application:
        middlewares: list[Middleware] = [self._arrive]
        if self._settings.classic:
            middlewares.append(self._classic_hosts())
        app = web.Application(client_max_size=self._settings.limits.body_bytes_max, middlewares=middlewares)
        app.on_response_prepare.append(secure)
        route = app.router
        for ingest in {"/clickstream", self._settings.ingest_path}:
            route.add_get(ingest, self._clickstream(ingest))
            route.add_get(ingest + "/{rest:(?s:.*)}", self._clickstream(ingest))
            route.add_post(ingest, self._beacon(ingest))
            route.add_post(ingest + "/{rest:(?s:.*)}", self._beacon(ingest))
            route.add_route("OPTIONS", ingest, self._gateway.preflight)
        route.add_get("/heatmap", self._classic)
        route.add_get("/heatmap{path:(?s:/.*)}", self._classic)
        route.add_get("/live", self._live.live)
        route.add_get("/api/heatmap", self._live.heatmap)
        route.add_get("/api/heatmap/steps", self._steps)
        route.add_get("/api/history", self._about_history)
        route.add_get("/api/pages", self._pages)
        route.add_get("/api/exposure", self._exposed)
        route.add_route("OPTIONS", "/api/exposure", preflight("GET"))
        route.add_get("/api/zones", self._league)
        route.add_get("/api/zones/usual", self._usual)
        self._drawing.add_to(app)
        if self._reactions is not None:
            self._reactions.add_to(app)
        route.add_get("/api/overview", self._overview.socket)
        route.add_get("/api/topics", self._topics)
        route.add_get("/api/topics/{name}", self._topic)
        route.add_post("/api/overlay-token", self.guard.overlay_token)
        route.add_get("/api/openapi.json", self._openapi)
        route.add_get("/metrics", self._metrics_text)
        route.add_get("/healthz", self._healthz)
        add_pages(app, self.guard, tracker_name=self._settings.tracker_name, ingest_path=self._settings.ingest_path)
        if self._settings.extra_pages is not None:
            self._settings.extra_pages(app)
        return app

    @web.middleware
    async def _arrive(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A request as its client made it, counted by the client's address where proxies name it. Whatever goes wrong is answered in JSON
        (what is not there, by a page where a browser asked); what we did not foresee is logged, never shown.

        All in one: each coroutine that stands around a socket's is kept as long as the socket, some 300 bytes.
        """
        seen, address = request, None
        try:
            seen = self._proxies.seen_through(request)
            if seen is not request and not self._settings.trust_senders:
                address = self._enter(seen)
            return await handler(seen)
        except Guess:
            await self.guard.late(seen)
        except web.HTTPException as error:
            if error.status == 404 and error.content_type != "application/json" and asks_for_a_page(request):
                return no_such_page(request.path, shop=self._settings.extra_pages is not None)
            if error.status >= 400 and error.content_type != "application/json":
                return web.json_response({"error": error.reason}, status=error.status, headers=_kept(error))
            raise
        except (ConnectionResetError, asyncio.CancelledError):
            raise
        except Exception:
            logger.exception("a request to %s failed", request.match_info.route.resource)
            return web.json_response({"error": "internal error; see the server's log"}, status=500)
        finally:
            self._crowd.leave(address)

    def _admitted(self, request: web.Request) -> None:
        if request.path.startswith(_TOLD_IN_FULL):
            self._pipeline.catch_up()

    def _enter(self, request: web.Request) -> str | None:
        """The address that a request which came through a proxy is counted by. Raises 429."""
        address = address_of(request.remote)
        if not self._crowd.enter(address):
            self._pipeline.counters.refuse("connections", "of one address", self._pipeline.clock.now_ms())
            raise refused(web.HTTPTooManyRequests, "too many connections; come back later", {"Retry-After": "10"})
        return address

    async def _look_around(self) -> None:
        """Once a second: what other processes changed, who is idle, and whether the server keeps up."""
        looks = behind = 0
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            looks += 1
            try:
                if self._settings.look_around is not None:
                    self._settings.look_around()
                if looks % _IDLE_EVERY == 0:
                    await self._gateway.close_idle()
                behind = behind + 1 if max(self._pipeline.lag_ms, self._gateway.waited_ms) > _BEHIND_MS else 0
                await self._keep_up(behind >= _BEHIND_LOOKS and not self._settings.trust_senders)
            except Exception:
                logger.exception("looking around failed")

    async def _keep_up(self, behind: bool) -> None:
        if behind != self._gateway.behind:
            self._gateway.behind = behind
            logger.warning("the server is behind: new trackers are turned away" if behind else "the server keeps up again")
        if behind:
            await self._gateway.turn_away(_TURNED_AWAY_SHARE)

    def _clickstream(self, ingest: str) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._gateway.socket(request, _rest(request, ingest + "/"))

        return handle

    def _beacon(self, ingest: str) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._gateway.beacon(request, _rest(request, ingest + "/"))

        return handle

    async def _classic(self, request: web.Request) -> web.StreamResponse:
        return await self._live.classic(request, _rest(request, "/heatmap") or "/")

    async def _steps(self, request: web.Request) -> web.StreamResponse:
        return await self._live.viewed(request, self._history.steps)

    async def _league(self, request: web.Request) -> web.StreamResponse:
        if {"from", "to"} & request.query.keys():
            return await self._live.viewed(request, self._history.zones)
        return await self._zones.league(request)

    async def _exposed(self, request: web.Request) -> web.StreamResponse:
        past = {"from", "to"} & request.query.keys()
        return await self._live.viewed(request, self._history.exposure if past else self._exposure.now)

    async def _usual(self, request: web.Request) -> web.StreamResponse:
        return await self._live.viewed(request, self._history.usual)

    async def _about_history(self, request: web.Request) -> web.StreamResponse:
        return await self._live.viewed(request, self._history.about)

    def _classic_hosts(self) -> Middleware:
        """The tutorial's front-ends find their sockets by a word of their own host name."""
        folder = self._settings.classic_hosts
        ingests = ("/clickstream", self._settings.ingest_path)

        @web.middleware
        async def by_host(request: web.Request, handler: Handler) -> web.StreamResponse:
            label = request.host.partition(":")[0].partition(".")[0].lower()
            raw_path = request.raw_path.partition("?")[0]
            if label == "clickstream":
                # our own tracker has the path here as well: its socket's session is the one that its beacons name
                ingest = next((prefix for prefix in ingests if raw_path.startswith(prefix + "/")), "")
                rest = _rest(request, ingest).lstrip("/")
                return await (self._gateway.beacon if request.method == "POST" else self._gateway.socket)(request, rest)
            if label == "heatmap-ws":
                return await self._live.classic(request, raw_path)
            if folder is not None and label in ("webshop", "heatmap") and request.path != "/healthz":
                return _file_or_index(folder / label, request.path)
            return await handler(request)

        return by_host

    # -- figures

    async def _healthz(self, _request: web.Request) -> web.StreamResponse:
        why = "it stops" if self._stopping else self._pipeline.why_not_ready()
        if why is None:
            answer: dict[str, object] = {"status": "ok", "version": isotherm.__version__}
            if self._pipeline.gate.warnings:
                answer["warnings"] = self._pipeline.gate.warnings
            return web.json_response(answer)
        return web.json_response({"status": "unavailable", "why": why}, status=503)

    async def _pages(self, request: web.Request) -> web.StreamResponse:
        site = self.guard.viewer(request).site
        if {"from", "to"} & request.query.keys():
            return await self._history.pages(request, site)
        return _json(self._overview.pages(site))

    async def _metrics_text(self, request: web.Request) -> web.StreamResponse:
        self.guard.admit(request, None)
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _openapi(self, request: web.Request) -> web.StreamResponse:
        self.guard.admit(request, None)
        from isotherm.runtimes.openapi import openapi  # large, and seldom asked for

        return web.json_response(openapi())

    async def _topics(self, request: web.Request) -> web.StreamResponse:
        self.guard.admit(request, None)
        now_ms = self._pipeline.clock.now_ms()
        return _json({"topics": [topic.figures(now_ms) for topic in self._pipeline.topics.by_name.values()]})

    async def _topic(self, request: web.Request) -> web.StreamResponse:
        renew = self.guard.admit(request, None)
        name, key = request.match_info["name"], request.query.get("key")
        topic = self._pipeline.topics.get(name)
        if topic is None:
            known = ", ".join(self._pipeline.topics.by_name)
            raise refused(web.HTTPNotFound, f"no topic {name!r}; there are {known}")
        socket = await Socket.upgrade(request, frame_bytes_max=4096, queued_bytes_max=_TOPIC_QUEUE_BYTES_MAX)

        def tell(messages: Sequence[Message]) -> None:
            if socket.takes:  # else it lags: what it will not get is not made
                socket.push_all([message.as_json() for message in messages if key is None or message.key == key])

        self._pipeline.catch_up()  # from here on it is told of every record
        tell(list(topic.newest))
        topic.listen(tell)
        renewing = asyncio.create_task(keep_renewing(socket, renew, tell=False)) if renew else None
        try:
            async for _ in socket.receive():
                pass
        finally:
            if renewing is not None:
                renewing.cancel()
            topic.unlisten(tell)
        return socket.response


def _kept(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _rest(request: web.Request, prefix: str) -> str:
    """What the address has after the prefix, as it was sent: a path's escapes are decoded in one place only, the core."""
    return request.raw_path.partition("?")[0][len(prefix) :]


def _file_or_index(folder: Path, path: str) -> web.StreamResponse:
    """A file of the folder; the index for addresses that a single-page app resolves itself."""
    root = folder.resolve()
    try:
        file = (root / path.lstrip("/")).resolve()
        found = file.is_relative_to(root) and file.is_file()
    except (OSError, ValueError):  # no name that a file can have: too long, or with a NUL in it
        found = False
    if not found:
        file = root / "index.html"
    if not file.is_file():
        raise web.HTTPNotFound
    response = web.FileResponse(file)
    response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"  # the front-end's own affair
    return response

"""The guard: looks at a request and says whether it may see heat. Everything that comes from outside passes by token or cookie.

A wrong token or code is a guess: its answer is held back, longer with each of an address's guesses. A right one is never delayed, so
somebody who sits behind the same address as a guesser notices nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from aiohttp import web

from isotherm.access.keys import COOKIE_S, LOGGED_IN_AS, OPEN_AS, OVERLAY_S, Keys, Viewer
from isotherm.addresses import address_of
from isotherm.answers import refused
from isotherm.core.counters import Counters
from isotherm.core.memory import Generations
from isotherm.core.pages import DEFAULT_SITE
from isotherm.sockets import TOKEN_SUBPROTOCOL

__all__ = ["COOKIE", "Guard", "Guess"]

COOKIE: Final = "isotherm"
_GUESS_MEMORY_MS: Final = 600_000
_GUESSES_FREE: Final = 5  #: a token mistyped, a dashboard left open with an old one
_HELD_MS: Final = 250  #: doubled with each guess
_HELD_MS_MAX: Final = 8_000
_HELD_AT_ONCE_MAX: Final = 20  #: of one address; beyond it the answer is 429
_TOKEN_CHARACTERS_MAX: Final = 1024


class Guess(Exception):
    """A token or code that opens nothing."""


class Guard:
    """`open_heat`: what stands under *Out* needs no token. `open_rules`: who may look may also change. `admitted` is told of each request
    that may have what it asks for, before it has it: what an answer costs the server besides, no stranger makes it do."""

    def __init__(
        self,
        keys: Keys,
        now_ms: Callable[[], int],
        *,
        open_heat: bool,
        open_rules: bool = False,
        counters: Counters | None = None,
        admitted: Callable[[web.Request], object] = lambda _: None,
    ) -> None:
        self._keys = keys
        self._now_ms = now_ms
        self._open_heat = open_heat
        self._open_rules = open_rules
        self._counters = counters or Counters()
        self._admitted = admitted
        self._guesses: Generations[str, int] = Generations(_GUESS_MEMORY_MS)
        self._held: dict[str, int] = {}  # address -> answers held back now

    # -- who it is

    def viewer(self, request: web.Request) -> Viewer:
        """Who asks, and what they may see. Raises 401 for a stranger."""
        viewer = self._viewer(request)
        self._admitted(request)
        return viewer

    def _viewer(self, request: web.Request) -> Viewer:
        return Viewer(None, OPEN_AS) if self._open_heat else self._let_in(request)

    def _let_in(self, request: web.Request) -> Viewer:
        """Whom the request's token or cookie stands for. Raises 401 for a stranger."""
        token = _token(request)
        if token is not None:
            known = len(token) <= _TOKEN_CHARACTERS_MAX and self._keys.viewer(token, self._now_ms())
            if not known:
                raise Guess
            return known
        if self.by_cookie(request):
            return Viewer(None, LOGGED_IN_AS)
        _stranger()

    def stands(self, viewer: Viewer) -> bool:
        """Whether what let this viewer in still opens anything."""
        return self._open_heat or self._keys.stands(viewer.name, self._now_ms())

    def operator(self, request: web.Request) -> Viewer:
        """Who asks to change something: open heat is no leave for that, nor is a token of one site. Raises 401."""
        viewer = self._let_in(request)
        if viewer.site is not None:
            _stranger()
        self._admitted(request)
        return viewer

    def would_pass(self, request: web.Request, asked: Callable[[web.Request], object]) -> bool:
        """Whether `operator` or `viewer` would let this request through; a wrong token is not held against anybody here."""
        try:
            asked(request)
        except (Guess, web.HTTPException):
            return False
        return True

    def draws(self, request: web.Request, site: str) -> None:
        """Raises 401 for one who may not change the site's drawn zones: an operator may, and an overlay that one opened."""
        token = _token(request)
        if token is not None and len(token) <= _TOKEN_CHARACTERS_MAX:
            overlay = self._keys.overlay_viewer(token, self._now_ms())
            if overlay is not None and overlay.draws:
                if overlay.site != site:
                    _foreign(overlay.site or "")
                self._admitted(request)
                return
        if self._open_rules:
            self.admit(request, site)
        else:
            self.operator(request)

    def admit(self, request: web.Request, site: str | None) -> Callable[[], str] | None:
        """Raises 401 for one who may not see this site's heat (None: all sites').

        Returns what gives the token to come with next time, an empty one once there is none any more; None where no token was needed.
        """
        token = None if self._open_heat else _token(request)
        if token is not None and len(token) <= _TOKEN_CHARACTERS_MAX:
            overlay = self._keys.overlay_viewer(token, self._now_ms())
            if overlay is not None and overlay.site is not None:
                if overlay.site != site:
                    _foreign(overlay.site)
                self._admitted(request)
                bound_to, by, draws = overlay.site, overlay.name, overlay.draws
                return lambda: self._keys.overlay_token(bound_to, by, draws=draws) if self._keys.stands(by, self._now_ms()) else ""
        viewer = self._viewer(request)
        if viewer.site is not None and viewer.site != site:
            _foreign(viewer.site)
        self._admitted(request)
        return (lambda: token if self.stands(viewer) else "") if token is not None else None

    def by_cookie(self, request: web.Request) -> bool:
        """Whether the request carries the login link's cookie. Its origin is checked besides: cookies come with any."""
        cookie = request.cookies.get(COOKIE)
        if cookie is None or not self._keys.cookie_opens(cookie):
            return False
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        scheme, _, host = origin.partition("://")
        # Whoever stands between can write any page of http://, the same host's too. A proxy that ends TLS and says nothing of it lets
        # the request look like http here: then https is what the browser knows better.
        return host == request.host and scheme in (request.scheme, "https")

    def sees_pages(self, request: web.Request) -> bool:
        """Whether a browser gets the dashboard or is told how to log in."""
        return self._open_heat or self.by_cookie(request)

    # -- requests of its own

    async def login(self, request: web.Request) -> web.StreamResponse:
        """`/login?code=`: the link of `isotherm login`. The cookie is set, and the code leaves the address bar."""
        cookie = await self._keys.redeem(request.query.get("code", ""), self._now_ms())
        if cookie is None:
            await self._hold_back(request)
            raise web.HTTPSeeOther("/login")
        response = web.HTTPSeeOther("/")
        response.set_cookie(COOKIE, cookie, max_age=COOKIE_S, httponly=True, samesite="Strict", secure=request.secure, path="/")
        raise response

    async def overlay_token(self, request: web.Request) -> web.StreamResponse:
        """`POST /api/overlay-token`: a short-lived token for one site's overlay."""
        viewer = self.viewer(request)
        try:
            body = await request.json()
            site = body.get("site", DEFAULT_SITE)
        except (ValueError, AttributeError, RecursionError):
            site = None
        if not isinstance(site, str) or not 0 < len(site) <= 64:
            raise refused(web.HTTPUnprocessableEntity, 'expected a JSON object such as {"site": "default"}')
        if viewer.site is not None and viewer.site != site:
            _foreign(viewer.site)
        draws = viewer.site is None and (self._open_rules or viewer.name != OPEN_AS)
        return web.json_response({"token": self._keys.overlay_token(site, viewer.name, draws=draws), "expires_in_ms": OVERLAY_S * 1000})

    # -- guesses

    async def late(self, request: web.Request) -> NoReturn:
        """What turned out to be a `Guess` is answered late: by 401, or 429."""
        await self._hold_back(request)
        _stranger()

    async def _hold_back(self, request: web.Request) -> None:
        address = address_of(request.remote) or "loopback"
        self._guesses.turn(self._now_ms())
        guesses = (self._guesses.get(address) or 0) + 1
        self._guesses.put(address, guesses)
        self._counters.refuse("token", "", self._now_ms())
        if guesses <= _GUESSES_FREE:
            return
        held_ms = min(_HELD_MS_MAX, _HELD_MS << min(guesses - _GUESSES_FREE - 1, 10))
        held = self._held.get(address, 0)
        if held >= _HELD_AT_ONCE_MAX:
            retry = {"Retry-After": str(_HELD_MS_MAX // 1000)}
            raise refused(web.HTTPTooManyRequests, "too many wrong tokens from this address", retry)
        self._held[address] = held + 1
        try:
            await asyncio.sleep(held_ms / 1000)
        finally:
            self._held[address] -= 1
            if not self._held[address]:
                del self._held[address]


def _stranger() -> NoReturn:
    words = "expected a viewer token: Authorization: Bearer, ?token= on sockets, or the link of `isotherm login`"
    raise refused(web.HTTPUnauthorized, words, {"WWW-Authenticate": "Bearer"})


def _foreign(site: str) -> NoReturn:
    words = f"expected a token for this; yours opens the heat of site {site} only"
    raise refused(web.HTTPUnauthorized, words, {"WWW-Authenticate": "Bearer"})


def _token(request: web.Request) -> str | None:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer:
        return bearer.strip()
    for offered in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if offered.strip().startswith(TOKEN_SUBPROTOCOL):
            return offered.strip().removeprefix(TOKEN_SUBPROTOCOL)
    return request.query.get("token")

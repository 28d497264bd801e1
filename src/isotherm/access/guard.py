"""The guard: looks at a request and says whether it may see heat. Everything that comes from outside passes by token or cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from isotherm.access.keys import COOKIE_S, OVERLAY_S, Keys

__all__ = ["COOKIE", "Guard"]

COOKIE: Final = "isotherm"


class Guard:
    """`open_heat`: what stands under *Out* needs no token."""

    def __init__(self, keys: Keys, now_ms: Callable[[], int], *, open_heat: bool) -> None:
        self._keys = keys
        self._now_ms = now_ms
        self._open_heat = open_heat

    def admit(self, request: web.Request, site: str | None) -> Callable[[], str] | None:
        """Raises 401 or 403 for one who may not see this site's heat (None: everything). Returns how to renew a short-lived token."""
        if self._open_heat:
            return None
        token = _token(request)
        if token is not None:
            if self._keys.opens(token):
                return None
            bound_to = self._keys.overlay_site(token)
            if bound_to is not None and bound_to == site:
                return lambda: self._keys.overlay_token(bound_to)
        elif self.by_cookie(request):
            return None
        raise web.HTTPUnauthorized(
            text='{"error":"expected a viewer token: Authorization: Bearer, ?token= on sockets, or the link of `isotherm login`"}',
            content_type="application/json",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def by_cookie(self, request: web.Request) -> bool:
        """Whether the request carries the login link's cookie. Sockets are checked for their origin besides: cookies come with any."""
        cookie = request.cookies.get(COOKIE)
        if cookie is None or not self._keys.cookie_opens(cookie):
            return False
        origin = request.headers.get("Origin")
        return origin is None or origin.partition("://")[2] == request.host

    def sees_pages(self, request: web.Request) -> bool:
        """Whether a browser gets the dashboard or is told how to log in."""
        return self._open_heat or self.by_cookie(request)

    async def login(self, request: web.Request) -> web.StreamResponse:
        """`/login?code=`: the link of `isotherm login`."""
        code = request.query.get("code", "")
        cookie = self._keys.redeem(code, self._now_ms())
        if cookie is None:
            raise web.HTTPFound("/login")
        response = web.HTTPSeeOther("/")
        response.set_cookie(
            COOKIE, cookie, max_age=COOKIE_S, httponly=True, samesite="Strict", secure=request.secure, path="/"
        )
        raise response

    async def overlay_token(self, request: web.Request) -> web.StreamResponse:
        """`POST /api/overlay-token`: a short-lived token for one site's overlay."""
        try:
            body = await request.json()
            site = body.get("site", "default")
        except (ValueError, AttributeError):
            site = None
        if not isinstance(site, str):
            raise web.HTTPUnprocessableEntity(
                text='{"error":"expected a JSON object such as {\\"site\\": \\"default\\"}"}', content_type="application/json"
            )
        self.admit(request, None)
        return web.json_response({"token": self._keys.overlay_token(site), "expires_in_ms": OVERLAY_S * 1000})


def _token(request: web.Request) -> str | None:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and bearer:
        return bearer.strip()
    return request.query.get("token")

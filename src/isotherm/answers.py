"""Answers that are the same in every room: to a request that is refused (a status, and `{"error": …}` with what was expected), and to a
browser that asks whether a page of another origin may ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

__all__ = ["FROM_ANYWHERE", "preflight", "refused"]

#: The overlay asks from the shop's own pages.
FROM_ANYWHERE: Final = {"Access-Control-Allow-Origin": "*"}


def refused(error: type[web.HTTPError], message: str, headers: Mapping[str, str] | None = None) -> web.HTTPError:
    """The answer, to be raised."""
    return error(text=msgspec.json.encode({"error": message}).decode(), content_type="application/json", headers=headers)


def preflight(methods: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler of `OPTIONS`: any page may ask by these methods (`"GET, PUT"`), with a token in a header."""
    headers = FROM_ANYWHERE | {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": "Content-Type, Authorization",
        "Access-Control-Max-Age": "600",
    }

    async def allow(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers=headers)

    return allow

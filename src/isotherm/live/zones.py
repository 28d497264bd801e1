"""`GET /api/zones`: a page's zones as a league table, the newest window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from aiohttp import web

from isotherm.core.pages import DEFAULT_SITE, PATH_BYTES_MAX
from isotherm.core.zones import ZoneNow

__all__ = ["Leagues", "ZoneEndpoints", "zone_json"]


class Leagues(Protocol):
    """Who knows the zones: the aggregator's."""

    window_ms: int

    @property
    def end_ms(self) -> int: ...
    def league(self, page: str) -> list[ZoneNow]: ...
    def people(self, page: str) -> int: ...


class ZoneEndpoints:
    """`leagues` None: this runtime keeps no zones."""

    def __init__(
        self, leagues: Leagues | None, admit: Callable[[web.Request, str | None], object], page_key: Callable[[str, str], str]
    ) -> None:
        self._leagues = leagues
        self._admit = admit
        self._page_key = page_key

    async def league(self, request: web.Request) -> web.StreamResponse:
        site = request.query.get("site") or DEFAULT_SITE
        self._admit(request, site)
        path = request.query.get("page", "")
        if not path.startswith("/") or len(path.encode()) > PATH_BYTES_MAX:
            raise _refused(web.HTTPUnprocessableEntity, f"expected page to be a path such as /p/1, got {path[:200]!r}")
        if "/" in site:
            raise _refused(web.HTTPUnprocessableEntity, f"expected site to be a site's key, got {site!r}")
        leagues = self._leagues
        if leagues is None:
            raise _refused(web.HTTPNotImplemented, "zones are kept by the embedded runtime; on Kafka this release has none")
        page = self._page_key(site, path)
        end_ms = leagues.end_ms
        body = {
            "start": end_ms - leagues.window_ms,
            "end": end_ms,
            "people": leagues.people(page),
            "zones": [zone_json(zone) for zone in leagues.league(page)],
        }
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")


def zone_json(zone: ZoneNow) -> dict[str, Any]:
    """A zone as the API has it; shares and trends to three digits."""
    return {
        "zone": zone.name,
        "share": round(zone.share, 4),
        "samples": zone.samples,
        "people": zone.people,
        "clicks": zone.clicks,
        "trend": round(zone.trend, 3),
    }


def _refused(error: type[web.HTTPError], message: str) -> web.HTTPError:
    return error(text=msgspec.json.encode({"error": message}).decode(), content_type="application/json")

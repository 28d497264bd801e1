"""`GET /api/zones`: a page's zones as a league table, the newest window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from aiohttp import web

from isotherm.answers import refused
from isotherm.core.zones import ZoneNow
from isotherm.live.asked import checked_page, site_asked

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
        self,
        leagues: Leagues | None,
        admit: Callable[[web.Request, str | None], object],
        page_key: Callable[[str, str], str],
        *,
        people_min: int = 0,
    ) -> None:
        """A zone with fewer than `people_min` people is not told."""
        self._least = people_min
        self._leagues = leagues
        self._admit = admit
        self._page_key = page_key

    async def league(self, request: web.Request) -> web.StreamResponse:
        site = site_asked(request)
        self._admit(request, site)
        path = checked_page(site, request.query.get("page"))
        leagues = self._leagues
        if leagues is None:
            raise refused(web.HTTPNotImplemented, "zones are kept by the embedded runtime; on Kafka this release has none")
        page = self._page_key(site, path)
        end_ms = leagues.end_ms
        people, zones = leagues.people(page), leagues.league(page)
        told = [zone for zone in zones if zone.people >= self._least]
        body = {
            "start": end_ms - leagues.window_ms,
            "end": end_ms,
            "people": people if people >= self._least else None,
            "zones": [zone_json(zone) for zone in told],
            "hidden-zones": len(zones) - len(told),
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
        "rage": zone.rage,
        "dead": zone.dead,
        "trend": round(zone.trend, 3),
    }

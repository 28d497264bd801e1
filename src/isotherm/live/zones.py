"""`GET /api/zones`: a page's zones as a league table, the newest window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec
from aiohttp import web

from isotherm.core.zones import ZoneNow, Zones
from isotherm.live.asked import checked_page, site_asked

__all__ = ["League", "Leagues", "OwnLeagues", "ZoneEndpoints", "zone_json"]


class League(NamedTuple):
    """A page's zones in the newest window, those with most samples first."""

    end_ms: int
    window_ms: int
    people: int
    zones: list[ZoneNow]


class Leagues(Protocol):
    """Who knows the zones."""

    async def of(self, page: str) -> League: ...


class OwnLeagues:
    """Those of an aggregator in this process."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones

    async def of(self, page: str) -> League:
        zones = self._zones
        return League(zones.end_ms, zones.window_ms, zones.people(page), zones.league(page))


class ZoneEndpoints:
    """Handlers for aiohttp."""

    def __init__(
        self,
        leagues: Leagues,
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
        league = await self._leagues.of(self._page_key(site, path))
        people, zones = league.people, league.zones
        told = [zone for zone in zones if zone.people >= self._least]
        body = {
            "start": league.end_ms - league.window_ms,
            "end": league.end_ms,
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

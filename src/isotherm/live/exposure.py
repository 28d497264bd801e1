"""`GET /api/exposure`: how long each band of a page was in view, and by how many, in the newest window."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from isotherm.answers import refused
from isotherm.core.exposure import Exposed, as_csv, as_json, devices_of
from isotherm.core.heat import View

__all__ = ["ExposureEndpoints"]


class ExposureEndpoints:
    """`exposed`: of a page, as some device classes had it."""

    def __init__(self, exposed: Callable[[str, Sequence[int]], Awaitable[Exposed]], *, people_min: int = 0) -> None:
        """Of a band that fewer than `people_min` people had in view nothing is told."""
        self._exposed = exposed
        self._least = people_min

    async def now(self, request: web.Request, view: View) -> web.StreamResponse:
        wanted = request.query.get("format", "json")
        if wanted not in ("json", "csv"):
            raise refused(web.HTTPUnprocessableEntity, f"expected format to be json or csv, got {wanted!r}")
        exposed = await self._exposed(view.page, devices_of(view.device))
        if wanted == "csv":
            return web.Response(body=as_csv(exposed, self._least), content_type="text/csv", charset="utf-8")
        return web.Response(body=as_json(exposed, self._least), content_type="application/json")

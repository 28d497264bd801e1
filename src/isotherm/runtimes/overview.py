"""The overview: what the dashboard is told once a second. It asks the pipeline and changes nobody's pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from isotherm.access.keys import Viewer
from isotherm.core.columns import pack
from isotherm.core.heat import PICTURE_SIDE_MAX, PageNow, View, levels
from isotherm.core.layers import ALL_DEVICES, KINDS
from isotherm.live.endpoints import page_json
from isotherm.runtimes.pipeline import Pipeline
from isotherm.sockets import Socket

__all__ = ["Overview"]

_EVERY_S: Final = 1.0
_SHARED_MS: Final = 250  #: what one look at all pages found is told to all sockets: with thousands of pages it takes milliseconds
_DENIED: Final = 1008
_PICTURES_MAX: Final = 60
_FRAME_BYTES_MAX: Final = 256 * 1024  #: sixty paths of the greatest length
_QUEUED_BYTES_MAX: Final = 1024 * 1024
_PAGES_MAX: Final = 1000  #: the hottest; a longer list helps nobody, and costs all


class _Wish(msgspec.Struct):
    """What a dashboard may say: the pages of which it wants pictures."""

    pictures: list[str] = []


class Overview:
    """Sockets of dashboards, and the same figures for a single request."""

    def __init__(
        self,
        pipeline: Pipeline,
        viewer: Callable[[web.Request], Viewer],
        tag: dict[str, str],
        *,
        stands: Callable[[Viewer], bool] = lambda _: True,
        open_heat: bool = False,
    ) -> None:
        """`tag`: under which names this server hands out the tracker (`script`) and takes its events (`ingest`).

        `stands`: whether a viewer who was let in would be so again.
        """
        self._pipeline = pipeline
        self._tag = tag
        self._stands = stands
        self._open_heat = open_heat
        self._viewer = viewer
        self._rate: Callable[[], tuple[float, float]] = _Rates(pipeline).per_second
        self._looked: tuple[int, list[PageNow]] | None = None  # when, and what there was

    def pages(self, site: str | None) -> dict[str, Any]:
        """As `/api/pages` has it; of one site, or (None) of all."""
        now_ms = self._pipeline.clock.now_ms()
        return self._told(self._live(site, now_ms), now_ms)

    def _live(self, site: str | None, now_ms: int) -> list[PageNow]:
        return self._of(site, self._pipeline.source.pages(now_ms))

    def _lately(self, site: str | None, now_ms: int) -> list[PageNow]:
        """The same as of a moment ago, looked at once for all."""
        if self._looked is None or not 0 <= now_ms - self._looked[0] < _SHARED_MS:
            self._pipeline.catch_up()
            self._looked = now_ms, self._pipeline.source.pages(now_ms)
        return self._of(site, self._looked[1])

    def _of(self, site: str | None, pages: list[PageNow]) -> list[PageNow]:
        return pages if site is None else [page for page in pages if page.key.startswith(f"{site}/")]

    def _told(self, pages: list[PageNow], now_ms: int) -> dict[str, Any]:
        return {"at": now_ms, "pages": [page_json(page, now_ms, origin_confirmed=self._confirmed(page)) for page in pages]}

    def _confirmed(self, page: PageNow) -> bool:
        """Whether an overlay's token may be handed to the page's origin unasked: the operator named it, or the heat is everybody's."""
        site = self._pipeline.gate.sites.by_key.get(page.key.partition("/")[0])
        return self._open_heat or (site is not None and page.origin in site.origins)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        viewer = self._viewer(request)
        site = viewer.site
        socket = await Socket.upgrade(request, frame_bytes_max=_FRAME_BYTES_MAX, queued_bytes_max=_QUEUED_BYTES_MAX)
        wanted: list[str] = []
        telling = asyncio.create_task(self._tell(socket, wanted, viewer))
        try:
            async for data in socket.receive():
                try:
                    wish = msgspec.json.decode(data, type=_Wish)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                    socket.push(msgspec.json.encode({"error": str(error)}).decode())
                    continue
                wanted[:] = wish.pictures[:_PICTURES_MAX]
                socket.push(self._frame(wanted, site))
        finally:
            telling.cancel()
        return socket.response

    async def _tell(self, socket: Socket, wanted: list[str], viewer: Viewer) -> None:
        while self._stands(viewer):
            socket.push(self._frame(wanted, viewer.site))
            await asyncio.sleep(_EVERY_S)
        await socket.close(_DENIED, "the token of this one was revoked")

    def _frame(self, wanted: list[str], site: str | None) -> str:
        pipeline = self._pipeline
        now_ms = pipeline.clock.now_ms()
        pages = self._lately(site, now_ms)
        frame = self._told(pages[:_PAGES_MAX], now_ms)
        frame["pictures"] = {page: self._picture(page) for page in wanted if site is None or page.startswith(f"{site}/")}
        why = pipeline.why_not_ready()
        frame["pipeline"] = {
            **self._traffic(site, pages),
            "lag_ms": pipeline.lag_ms,
            "ready": why is None,
            "why": why,
            "window_ms": pipeline.settings.window_ms,
            "hop_ms": pipeline.settings.hop_ms,
            "grid_size": pipeline.settings.grid_size,
            "runtime": pipeline.name,
        }
        frame["counters"] = pipeline.counters.by_name if site is None else {}
        frame["refusals"] = [
            {"reason": seen.reason, "detail": seen.detail, "count": seen.times, "last_ms": seen.last_ms}
            for seen in pipeline.counters.refusals()
            if site is None  # details name other sites' origins and paths
        ]
        frame["first_event_ms"] = pipeline.gate.first_event_ms
        frame["tag"] = self._tag
        frame["sites"] = [key for key in pipeline.gate.sites.by_key if site is None or key == site]
        return msgspec.json.encode(frame).decode()

    def _traffic(self, site: str | None, pages: list[PageNow]) -> dict[str, float]:
        """What comes in and who watches; of one site, only what its own pages tell."""
        pipeline = self._pipeline
        if site is not None:
            return {"visitors": sum(page.visitors for page in pages), "samples_per_second": round(sum(page.rate for page in pages), 1)}
        messages, samples = self._rate()
        return {
            "visitors": pipeline.visitors,
            "connections": pipeline.gate.connections,
            "viewers": pipeline.groups.viewers,
            "samples_per_second": round(samples, 1),
            "messages_per_second": round(messages, 1),
            "accepted": pipeline.counters.by_name["messages"],
        }

    def _picture(self, page: str) -> dict[str, Any]:
        heat = self._pipeline.shown.whole(View(page, KINDS[0], ALL_DEVICES))
        side, picture = levels(heat, PICTURE_SIDE_MAX)
        return {"grid": side, "levels": pack(picture)}


class _Rates:
    """Messages and samples a second, over the seconds since it was last measured anew."""

    _SPAN_MS = 2000

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._at_ms = pipeline.clock.now_ms()
        self._messages = self._samples = 0
        self._rates = (0.0, 0.0)

    def per_second(self) -> tuple[float, float]:
        now_ms, counted = self._pipeline.clock.now_ms(), self._pipeline.counters.by_name
        passed_ms = now_ms - self._at_ms
        if passed_ms >= self._SPAN_MS or passed_ms < 0:
            messages, samples = counted["messages"], counted["samples"]
            if passed_ms > 0:
                self._rates = ((messages - self._messages) * 1000 / passed_ms, (samples - self._samples) * 1000 / passed_ms)
            self._at_ms, self._messages, self._samples = now_ms, messages, samples
        return self._rates

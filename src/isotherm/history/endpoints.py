"""Requests of viewers for what has been. Who may look, and at which view, was settled before: a handler gets both.

GET /api/heatmap?page=…[&from&to][&format=json|csv|png][&people=1]      a range as one picture; without one, the live window
GET /api/heatmap/steps?page=…[&from&to&step=5m]                         a range in equal parts, to play or to scrub
GET /api/exposure?page=…&from&to                                        how long its bands were in view in a range
GET /api/zones?page=…&from&to                                           a page's zones in a range
GET /api/zones/usual?page=…                                             the last sixty minutes beside the same time of seven days
GET /api/pages?from&to                                                  the pages of a range, those with most samples first
GET /api/history?page=…                                                 since when there is anything, and what is kept
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from urllib.parse import quote

import msgspec
import numpy as np
import numpy.typing as npt
from aiohttp import web

from isotherm.answers import refused
from isotherm.core.columns import pack
from isotherm.core.exposure import as_csv as exposure_csv
from isotherm.core.exposure import as_json as exposure_json
from isotherm.core.exposure import devices_of
from isotherm.core.heat import PICTURE_SIDE_MAX, Heat, View, levels
from isotherm.core.layers import ALL_DEVICES, KINDS, PLAIN_LAYERS, layers_of
from isotherm.core.pages import Page
from isotherm.core.tiers import HOUR_MS, MINUTE_MS
from isotherm.history.figures import Figures, as_csv, as_json, figures_of
from isotherm.history.keeper import PAGES_MAX, STEPS_MAX, History, PagePast, Step
from isotherm.history.store import HistoryError
from isotherm.history.zones import DAYS, hours_before, usual_of

__all__ = ["HistoryEndpoints"]

_DRAWN_AT_ONCE: Final = 2  #: a picture takes some 100 ms of a core and some megabytes
_TIME_MS_MAX: Final = 253_402_300_800_000  #: the year 10000
_STEP: Final = re.compile(r"(\d{1,6})(m|h|d)")
_STEP_MS: Final = {"m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": 1440 * MINUTE_MS}


class Live(Protocol):
    """The live window."""

    grid_size: int

    def end_of(self, page_key: str) -> int: ...
    def whole(self, view: View) -> Heat: ...


class HistoryEndpoints:
    """Handlers for aiohttp. `history` is None where none is kept: then there is the live window alone."""

    def __init__(self, history: History | None, live: Live, now_ms: Callable[[], int], *, people_min: int = 0) -> None:
        self._history = history
        self._live = live
        self._now_ms = now_ms
        self._people_min = people_min
        self._drawing = asyncio.Semaphore(_DRAWN_AT_ONCE)

    async def heatmap(self, request: web.Request, view: View) -> web.StreamResponse:
        """`GET /api/heatmap`: a range, or the live window, as JSON, CSV or PNG."""
        wanted = request.query.get("format", "json")
        if wanted not in ("json", "csv", "png"):
            raise _refused(f"expected format to be json, csv or png, got {wanted!r}")
        past = "from" in request.query or "to" in request.query
        try:
            figures = await (self._past(request, view) if past else self._now(view, drawn=wanted == "png"))
        except HistoryError as error:
            raise _unavailable(str(error)) from error
        if wanted == "json":
            with_people = request.query.get("people", "0") not in ("0", "false", "")
            return web.Response(body=as_json(figures, with_people=with_people), content_type="application/json")
        if wanted == "csv":
            headers = _as_file(figures, "csv", "attachment")
            return web.Response(body=as_csv(figures), content_type="text/csv", charset="utf-8", headers=headers)
        async with self._drawing:
            picture = await asyncio.get_running_loop().run_in_executor(None, _drawn, figures)
        return web.Response(body=picture, content_type="image/png", headers=_as_file(figures, "png", "inline"))

    async def steps(self, request: web.Request, view: View) -> web.StreamResponse:
        """`GET /api/heatmap/steps`: a range in equal parts, at most `STEPS_MAX`, the newest kept; without one, the live window."""
        history = self._needed()
        layers = layers_of(view.kind, view.device)
        if not {"from", "to", "step"} & request.query.keys():
            return self._as_steps(await history.recent(view.page, layers, self._live.end_of(view.page), people_min=self._people_min))
        from_ms, to_ms = self._span(request)
        if from_ms is None:
            raise _refused("expected from: the time at which the steps begin")
        step_ms = _step(request.query.get("step", "5m"))
        if (to_ms - from_ms) > STEPS_MAX * step_ms:
            raise _refused(f"expected at most {STEPS_MAX} steps; ask for longer ones or a shorter range")
        try:
            steps = await history.steps(view.page, layers, from_ms, to_ms, step_ms, people_min=self._people_min)
        except HistoryError as error:
            raise _unavailable(str(error)) from error
        return self._as_steps(steps, step_ms)

    def _as_steps(self, steps: list[Step], step_ms: int = 0) -> web.Response:
        ends = [step.end_ms for step in steps]
        width_ms = ends[1] - ends[0] if len(ends) > 1 else step_ms
        answer = {
            "start": ends[0] - width_ms,
            "end": ends[-1],
            "step": width_ms,
            "grid-size": self._live.grid_size,
            "steps": [{"end": step.end_ms, "cells": pack(step.tiles), "counts": pack(step.counts)} for step in steps],
        }
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def about(self, _request: web.Request, view: View) -> web.StreamResponse:
        """`GET /api/history`: when the page's history begins (null: it has none), and how long what is kept."""
        history = self._needed()
        try:
            first_ms = await history.first_ms(view.page)
        except HistoryError as error:
            raise _unavailable(str(error)) from error
        keep = history.retention
        kept = {"minutes": keep.minutes_ms, "hours": keep.hours_ms, "days": keep.days_ms}
        return web.json_response({"now": self._now_ms(), "first": first_ms, "kept": kept, "people-min": self._people_min})

    async def zones(self, request: web.Request, view: View) -> web.StreamResponse:
        """`GET /api/zones` with `from` or `to`: as the live league table."""
        history = self._needed()
        from_ms, to_ms = self._span(request)
        try:
            past = await history.zones(view.page, from_ms, to_ms)
        except HistoryError as error:
            raise _unavailable(str(error)) from error
        # Where people are a sample, a zone is held to have too few unless the sample alone has enough.
        told = [zone for zone in past.zones if zone.people >> past.level >= self._people_min or self._people_min < 2]
        total = sum(zone.samples for zone in past.zones)
        answer = {
            "start": past.start_ms,
            "end": past.end_ms,
            "people": past.people if past.people >> past.level >= self._people_min or self._people_min < 2 else None,
            "zones": [
                {
                    "zone": zone.name,
                    "share": round(zone.samples / total, 4),
                    "samples": zone.samples,
                    "people": zone.people,
                    "clicks": zone.clicks,
                    "rage": zone.rage,
                    "dead": zone.dead,
                    "trend": round(past.trend(zone), 3),
                }
                for zone in told
            ],
            "hidden-zones": len(past.zones) - len(told),
        }
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def pages(self, request: web.Request, site: str | None) -> web.StreamResponse:
        """`GET /api/pages` with `from` or `to`: of one site, or (None) of all."""
        history = self._needed()
        from_ms, to_ms = self._span(request)
        if from_ms is None:
            raise _refused("expected from: the time at which the range begins")
        most = request.query.get("limit", "60")
        if not re.fullmatch(r"\d{1,4}", most) or not 1 <= int(most) <= PAGES_MAX:
            raise _refused(f"expected limit to be from 1 to {PAGES_MAX}, got {most!r}")
        words = request.query.get("search", "").lower().split()
        prefix = "" if site is None else f"{site}/"

        def wanted(key: str) -> bool:
            return key.startswith(prefix) and (not words or all(word in key.lower() for word in words))

        pictures = request.query.get("pictures", "0") not in ("0", "false", "")
        try:
            past = await history.pages(from_ms, to_ms, wanted, int(most), lambda page: self._page_past(page, pictures))
        except HistoryError as error:
            raise _unavailable(str(error)) from error
        body = {"start": past.start_ms, "end": past.end_ms, "known": past.known, "pages": past.pages}
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    def _page_past(self, past: PagePast, picture: bool) -> dict[str, object]:
        at, grid = Page.from_key(past.key), self._live.grid_size
        tiles, marks, least = grid * grid, past.contents.marks, self._people_min
        people = marks.within(np.arange(PLAIN_LAYERS), tiles)
        told: dict[str, object] = {
            "site": at.site,
            "path": at.path,
            "samples": past.samples,
            "people": people if people >> marks.level >= least or least < 2 else None,
        }
        if picture:
            layers = layers_of(KINDS[0], ALL_DEVICES)
            counts = past.contents.by_tile(layers, tiles) * marks.enough(layers, tiles, least)
            warm = np.flatnonzero(counts)
            side, levels_ = levels(Heat(0, 0, grid, warm, counts[warm]), PICTURE_SIDE_MAX)
            told["picture"] = {"grid": side, "levels": pack(levels_)}
        return told

    async def exposure(self, request: web.Request, view: View) -> web.StreamResponse:
        """`GET /api/exposure` with `from` or `to`: as the live one."""
        history = self._needed()
        wanted = request.query.get("format", "json")
        if wanted not in ("json", "csv"):
            raise _refused(f"expected format to be json or csv, got {wanted!r}")
        from_ms, to_ms = self._span(request)
        try:
            exposed = await history.exposure(view.page, from_ms, to_ms, devices_of(view.device))
        except HistoryError as error:
            raise _unavailable(str(error)) from error
        if wanted == "csv":
            return web.Response(body=exposure_csv(exposed, self._people_min), content_type="text/csv", charset="utf-8")
        return web.Response(body=exposure_json(exposed, self._people_min), content_type="application/json")

    async def usual(self, _request: web.Request, view: View) -> web.StreamResponse:
        """`GET /api/zones/usual`: the last sixty minutes of each zone beside the same time of the seven days before."""
        history, now_ms = self._needed(), self._now_ms()
        try:
            first_ms = await history.first_ms(view.page)
            if first_ms is None or first_ms > now_ms - DAYS * 24 * HOUR_MS:
                return web.json_response({"at": now_ms, "zones": None})
            newest = await history.zone_minutes(view.page, now_ms - HOUR_MS + MINUTE_MS, now_ms)
            before = await history.zone_hours(view.page, hours_before(now_ms))
        except HistoryError as error:
            raise _unavailable(str(error)) from error
        found = await asyncio.to_thread(usual_of, now_ms, newest, before)
        zones = [
            {
                "zone": name,
                "now": one.now,
                "usual": round(one.mean, 1),
                "most": round(one.most, 1),
                "times": round(one.times, 2) if one.times is not None else None,
                "hotter": one.hotter,
            }
            for name, one in sorted(found.items(), key=lambda item: -item[1].now)
            if one.people >= self._people_min
        ]
        return web.Response(body=msgspec.json.encode({"at": now_ms, "zones": zones}), content_type="application/json")

    def _needed(self) -> History:
        if self._history is None:
            raise refused(web.HTTPNotFound, "this server keeps no history")
        return self._history

    async def _now(self, view: View, *, drawn: bool) -> Figures:
        """The last emitted window, with its people where they are known. It is live: nothing of it needs what is stored, but the document's
        size, for a drawing; where that can't be read the drawing is square."""
        heat = self._live.whole(view)
        counts: npt.NDArray[np.int64] = np.zeros(heat.grid_size * heat.grid_size, np.int64)
        counts[heat.cells] = heat.counts
        marks, size = None, None
        if self._history is not None:
            marks = await self._history.now(view.page, heat.end_ms)
            if drawn:
                with suppress(HistoryError):
                    size = await self._history.size(view.page)
        return figures_of(
            view, counts, marks, start_ms=heat.end_ms - heat.window_ms, end_ms=heat.end_ms, grid_size=heat.grid_size,
            size=size, people_min=self._people_min,
        )  # fmt: skip

    async def _past(self, request: web.Request, view: View) -> Figures:
        from_ms, to_ms = self._span(request)
        past = await self._needed().range(view.page, from_ms, to_ms)
        grid_size, contents = self._live.grid_size, past.contents
        return figures_of(
            view, contents.by_tile(layers_of(view.kind, view.device), grid_size * grid_size), contents.marks, start_ms=past.start_ms,
            end_ms=past.end_ms, grid_size=grid_size, size=past.size, people_min=self._people_min,
        )  # fmt: skip

    def _span(self, request: web.Request) -> tuple[int | None, int]:
        """`from` (None: from the beginning) and `to` (left out: now)."""
        from_ms, to_ms = (_time_ms(name, request.query.get(name)) for name in ("from", "to"))
        if to_ms is None:
            to_ms = max(self._now_ms(), (from_ms or 0) + 1)
        if from_ms is not None and from_ms >= to_ms:
            raise _refused(f"expected from to lie before to, got {from_ms} and {to_ms}")
        return from_ms, to_ms


def _time_ms(name: str, text: str | None) -> int | None:
    """Ms since the epoch, or ISO 8601 (without a zone: UTC)."""
    if text is None:
        return None
    text = text.strip()
    try:
        if re.fullmatch(r"-?\d{1,17}(\.\d*)?", text):
            time_ms = int(float(text))
        else:
            # a plus sign that was not escaped arrives as a space
            moment = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", text) if "T" in text else text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            time_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        time_ms = -1
    if not 0 <= time_ms <= _TIME_MS_MAX:
        raise _refused(f"expected {name} in ms since the epoch, or as ISO 8601 such as 2026-01-31T09:00:00Z, got {text[:80]!r}")
    return time_ms


def _step(text: str) -> int:
    found = _STEP.fullmatch(text)
    if not found or not int(found[1]):
        raise _refused(f"expected step to be a number of minutes, hours or days such as 5m, 1h or 1d, got {text[:80]!r}")
    return int(found[1]) * _STEP_MS[found[2]]


def _drawn(figures: Figures) -> bytes:
    from isotherm.history.picture import draw  # and what it draws with: a start needs none of it

    return draw(figures)


def _as_file(figures: Figures, ending: str, how: str) -> dict[str, str]:
    """A name under which a browser keeps it."""
    moment = datetime.fromtimestamp(figures.start_ms / 1000, UTC).strftime("%Y-%m-%dT%H-%M")
    name = f"heat{figures.view.page.replace('/', '_')[:80]}_{figures.view.kind}_{moment}.{ending}"
    return {"Content-Disposition": f"{how}; filename*=UTF-8''{quote(name, safe='')}"}


def _refused(message: str) -> web.HTTPError:
    return refused(web.HTTPUnprocessableEntity, message)


def _unavailable(why: str) -> web.HTTPError:
    return refused(web.HTTPServiceUnavailable, f"the history can't be read ({why})")

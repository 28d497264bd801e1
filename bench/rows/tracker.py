"""The tracker in Chromium, beside the tutorial's: bytes, main thread, frames while nobody watches and once somebody does.

A page of a site of its own carries our tag; the mouse moves over it all the time. Main-thread time is what the browser's sampling profiler
saw in the tracker's functions; all script time of the page, with and without the tag, stands beside it. The tutorial's tracker is the one
of examples/classic, on its own page. A script that hears of movements and does nothing at all is what nobody who hears of them gets below.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass

from bench.figures import Figure, at_most
from bench.processes import TOKEN, Child, Served, child, served
from bench.progress import Progress
from bench.tabs import Tab, site, tab
from isotherm.web.tracker import compressed_tracker

__all__ = ["run"]

_HTML = '<!doctype html><title>p</title><body style="margin:0;height:4000px"><h1>A page</h1>{tag}</body>'
_TAG = '<script async src="http://127.0.0.1:{port}/tracker.js"></script>'
_SCRIPT = "/tracker.js"
_NOTHING = "<script>addEventListener('pointermove', () => {}, true)</script>"  #: its functions are of the page's own address
_MOVE_S = 20.0
_IDLE_S = 5.0
_SENT_S = 7.0  #: what was gathered when the viewer left is sent within five seconds: it is of moving, not of rest
_WATCHED_S = 8.0
_PACE_MS = 300.0  #: between two frames at 4 Hz, a busy browser's pauses allowed for


@dataclass
class _Cost:
    own_ms_a_minute: float
    all_script_ms_a_minute: float
    frames_a_second: float
    bytes_a_minute: float
    moves: int


async def _moving(one: Tab, seconds: float, script: str) -> _Cost:
    wire, before_s = one.wire, await one.seconds("ScriptDuration")
    frames, sent = len(wire.sent), wire.sent_bytes
    async with one.profiled(script) as profile:
        moves = await one.move(seconds)
    script_s = await one.seconds("ScriptDuration") - before_s
    return _Cost(
        profile["ms"] * 60 / seconds,
        script_s * 1000 * 60 / seconds,
        (len(wire.sent) - frames) / seconds,
        (wire.sent_bytes - sent) * 60 / seconds,
        moves,
    )


def _viewer(server: Served) -> contextlib.AbstractAsyncContextManager[Child]:
    return child("bench.loads.viewers", port=server.port, viewers=1, pages=1, first=0, path=f"/live?page=/p/1&token={TOKEN}")


async def _until_quick(one: Tab, server: Served) -> float:
    """Opens a viewer while the mouse moves: seconds until two frames were sent at 4 Hz after it."""
    moving = asyncio.create_task(one.move(_WATCHED_S / 2))
    await asyncio.sleep(1)
    began_s = asyncio.get_running_loop().time()
    async with _viewer(server) as viewer:
        await viewer.hear()
        opened_s = asyncio.get_running_loop().time()  # its process took its time; from here on the server knows
        await moving
    after = [at_s for at_s in one.wire.sent if at_s >= began_s]
    quick = [later for earlier, later in itertools.pairwise(after) if (later - earlier) * 1000 <= _PACE_MS]
    return max(0.0, quick[0] - opened_s) if quick else float("inf")


async def _ours(server: Served) -> tuple[dict[str, _Cost], float, float]:
    """The costs unwatched, watched and idle; seconds until 4 Hz; samples a second watched over unwatched."""
    costs = {}
    async with site(_HTML.format(tag=_TAG.format(port=server.port))) as shop, tab() as one:
        await one.page.goto(f"{shop}/p/1")
        await one.move(3)  # the first frames, and the hint
        costs["unwatched"] = await _moving(one, _MOVE_S, _SCRIPT)
        quick_s = await _until_quick(one, server)
        await one.move(6)  # nobody watches again; what was gathered is in
        async with _viewer(server) as viewer:
            await viewer.hear()
            await one.move(2)
            taken = [(await server.counters())["samples"]]
            costs["watched"] = await _moving(one, _WATCHED_S, _SCRIPT)
            taken.append((await server.counters())["samples"])
        await asyncio.sleep(_SENT_S)
        async with one.profiled(_SCRIPT) as profile:
            await asyncio.sleep(_IDLE_S)
        costs["idle"] = _Cost(profile["ms"] * 60 / _IDLE_S, 0, 0, 0, 0)
    return costs, quick_s, (taken[1] - taken[0]) / _WATCHED_S


async def _without(tag: str) -> _Cost:
    """A page that has this in place of a tracker."""
    async with site(_HTML.format(tag=tag)) as shop, tab() as one:
        await one.page.goto(f"{shop}/p/1")
        await one.move(2)
        return await _moving(one, _MOVE_S, "/p/1")


async def _tutorials() -> _Cost:
    async with served("--trust-senders", "--open-heat", "--classic-hosts", "examples/classic") as server, tab(word="clickstream.") as one:
        await one.page.goto(f"http://webshop.localhost:{server.port}/p/1")
        await one.move(2)
        return await _moving(one, _MOVE_S, "/shop.js")


async def run(progress: Progress) -> list[Figure]:
    progress.tell("a page without a tracker")
    plain = await _without("")
    progress.tell("a listener that does nothing")
    nothing = await _without(_NOTHING)
    progress.tell("the tutorial's tracker")
    tutorials = await _tutorials()
    progress.tell("ours")
    async with served("--trust-senders") as server:
        costs, quick_s, rate = await _ours(server)
    sizes = {encoding: len(body) / 1000 for encoding, body in compressed_tracker().items()}
    unwatched, watched, idle = costs["unwatched"], costs["watched"], costs["idle"]

    about = {
        "moves_a_second": unwatched.moves / _MOVE_S,
        "all_script_ms_a_minute": unwatched.all_script_ms_a_minute,
        "all_script_ms_a_minute_without": plain.all_script_ms_a_minute,
        "all_script_ms_a_minute_tutorial": tutorials.all_script_ms_a_minute,
    }
    moving, scripts = "tracker, main thread a minute of moving", "tracker, all CPU of scripts a minute of moving"
    return [
        Figure("tracker, compressed", sizes["gzip"], "KB", target=at_most(2.5)),
        Figure("tracker, as browsers get it over TLS (brotli)", sizes["br"], "KB", target=at_most(2.5)),
        Figure(f"{moving}; bare: the tutorial's", unwatched.own_ms_a_minute, "ms", tutorials.own_ms_a_minute, at_most(2), about),
        Figure(f"{moving}; bare: a listener that does nothing", unwatched.own_ms_a_minute, "ms", nothing.own_ms_a_minute),
        Figure(f"{scripts}; bare: a listener that does nothing", unwatched.all_script_ms_a_minute, "ms", nothing.all_script_ms_a_minute),
        Figure(f"{scripts}, watched; bare: the tutorial's", watched.all_script_ms_a_minute, "ms", tutorials.all_script_ms_a_minute),
        Figure("tracker, main thread a minute of rest", idle.own_ms_a_minute, "ms", target=at_most(0.05)),
        Figure("tracker, sent a visitor-minute, unwatched", unwatched.bytes_a_minute / 1000, "KB", tutorials.bytes_a_minute / 1000),
        Figure("tracker, sent a visitor-minute, watched", watched.bytes_a_minute / 1000, "KB", tutorials.bytes_a_minute / 1000),
        Figure("nobody watches, frames of a moving visitor", unwatched.frames_a_second, "1/s", tutorials.frames_a_second, at_most(0.25)),
        Figure("somebody opens the overlay, until 4 frames/s", quick_s, "s", target=at_most(1), about={"samples_a_second": rate}),
    ]

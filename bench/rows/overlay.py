"""The overlay on a long page in Chromium without a GPU: main-thread time a frame of heat, on grids of 50×50 and 200×200.

A real server, and trackers whose samples fall all over the page, so that some hundred tiles change at every hop. The main thread's time is
the browser's own sum of all tasks (script, layout, paint), less that of the same page at rest, over the frames that came.
"""

from __future__ import annotations

import asyncio

from bench.figures import Figure, at_most
from bench.processes import TOKEN, child, served
from bench.progress import Progress
from bench.tabs import site, tab

__all__ = ["run"]

_HTML = '<!doctype html><title>p</title><body style="margin:0"><main style="height:8000px"><h1>A long page</h1></main></body>'
_OPEN = "async ([host, token]) => { (await import(host + '/overlay/overlay.js')).open({ host, site: 'default', token }); }"
_GRIDS = ((50, 1.0), (200, 3.0))
_BATCHES_A_SECOND = 400
_SECONDS = 10.0
_WARM_S = 3.0


async def _a_frame(grid: int) -> tuple[float, dict[str, float]]:
    """ms of main thread a frame, and more."""
    async with (
        served("--trust-senders", "--grid-size", str(grid)) as server,
        child("bench.loads.trackers", port=server.port, trackers=200, pages=1) as load,
        site(_HTML) as shop,
        tab(word="/live") as one,
    ):
        await load.hear()
        await one.page.goto(f"{shop}/p/0")
        await asyncio.sleep(1)
        at_rest_s = await one.seconds("TaskDuration")
        await asyncio.sleep(_SECONDS)
        at_rest_s = await one.seconds("TaskDuration") - at_rest_s
        await one.page.evaluate(_OPEN, [f"http://127.0.0.1:{server.port}", TOKEN])
        load.say(rate=_BATCHES_A_SECOND, seconds=2 * _WARM_S + _SECONDS)
        await asyncio.sleep(_WARM_S)
        spent_s, frames = await one.seconds("TaskDuration"), one.wire.received
        await asyncio.sleep(_SECONDS)
        spent_s, frames = await one.seconds("TaskDuration") - spent_s, one.wire.received - frames
        await load.hear()
    assert frames, "no frame of heat came"
    return (spent_s - at_rest_s) * 1000 / frames, {"frames": frames, "at_rest_ms_a_second": at_rest_s * 1000 / _SECONDS}


async def run(progress: Progress) -> list[Figure]:
    figures = []
    for grid, target_ms in _GRIDS:
        progress.tell(f"{grid}×{grid}")
        frame_ms, about = await _a_frame(grid)
        figures.append(Figure(f"overlay, {grid}×{grid} on 1280×8000: a frame", frame_ms, "ms", target=at_most(target_ms), about=about))
    return figures

"""Steps that the tracker's tests share.

Where time matters the page's clock is pretended (`stopped`): it stands still until the test lets it run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page
from recorder import Batch, Recorder

MINUTE_MS = 60_000
MOVE = ("move", 100.0, 200.0)
PRETEND_HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}"""


@asynccontextmanager
async def stopped(page: Page, recorder: Recorder) -> AsyncIterator[None]:
    """Pages opened within keep a clock that stands, and have sent their first view; `run` lets it go on."""
    await page.clock.install(time=0)
    yield
    if recorder.accepting:
        await recorder.until(recorder.views)
    await page.clock.pause_at(10 * MINUTE_MS)


async def run(page: Page, ms: int) -> None:
    await page.clock.run_for(ms)


async def run_until(page: Page, condition: Callable[[], Any], *, step_ms: int = 50, steps_max: int = 4000) -> int:
    """Lets the page's clock go on in steps until `condition()` is true at the server. Returns how far it went."""
    for step in range(steps_max):
        if condition():
            return step * step_ms
        await run(page, step_ms)
    raise AssertionError(f"not within {steps_max * step_ms} ms of the page's clock")


async def connected(page: Page, recorder: Recorder) -> None:
    """A first movement, sent and acknowledged; the beat has ended."""
    await page.mouse.move(50, 50)
    await run(page, 1000)
    await recorder.until(recorder.points)
    await run(page, 500)


async def round_trip(page: Page, recorder: Recorder) -> None:
    """All that was said to the page so far has been heard: its answer to something later has come."""
    before = len(recorder.points())
    await page.mouse.click(640, 360)
    await recorder.until(lambda: len(recorder.points()) > before and recorder.points()[-1][0] == "click")


async def moving(page: Page, ms: int, *, start: int = 0) -> None:
    """Moves a little every 125 ms of the page's clock."""
    for step in range(ms // 125):
        await page.mouse.move(100 + (start + step) % 500, 300)
        await run(page, 125)


async def heard(page: Page, recorder: Recorder) -> Batch:
    await page.wait_for_function("window.isotherm && window.isotherm.load")
    await page.mouse.move(100, 200)
    await recorder.until(lambda: MOVE in recorder.points())
    return recorder.batches[-1]

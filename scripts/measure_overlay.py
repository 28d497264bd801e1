"""What the overlay costs the page that it stands on: processor time of the page's main thread a frame of heat, by CDP tracing.

    python scripts/measure_overlay.py [--grid 50] [--look tiles] [--frames 80]

A page of 1280 × 8000 in headless Chromium without a GPU, the real overlay on it, fed by the tests' stage with a frame each 250 ms that
changes a fifth of the tiles. Counted is the thread time (`tdur`) of all tasks of the renderer's main thread, so a busy machine makes the
run longer but hardly the figure; the same run with frames that change nothing is told beside it, and what the difference is made of.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.async_api import CDPSession, Page, async_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "browser"))

from live_stage import Stage, stage
from scripts.browser import CHROMIUM_ARGUMENTS, chromium_path

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/favicon.ico">
<style>body { margin: 0; background: #fff } main { height: 8000px }</style></head>
<body><main>Shop</main><script src="/boot.js"></script></body></html>"""
CATEGORIES = "toplevel,devtools.timeline,disabled-by-default-devtools.timeline"
SHARE_CHANGED = 0.2


async def trace(browser: CDPSession, page: Page, work: Any) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    done = asyncio.Event()
    browser.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    browser.on("Tracing.tracingComplete", lambda _: done.set())
    await browser.send("Tracing.start", {"traceConfig": {"includedCategories": CATEGORIES.split(",")}, "transferMode": "ReportEvents"})
    await page.evaluate("performance.mark('traced')")
    await work()
    await browser.send("Tracing.end")
    await done.wait()
    return events


def spent_ms(events: list[dict[str, Any]]) -> tuple[float, Counter[str]]:
    """Thread time of the main thread's tasks of the busiest renderer; and of what stands in them, by name (nested: told twice)."""
    mains = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"}
    totals: Counter[tuple[int, int]] = Counter()
    parts: dict[tuple[int, int], Counter[str]] = {}
    for event in events:
        where = (event["pid"], event["tid"])
        if where not in mains or event["ph"] != "X":
            continue
        took = event.get("tdur", 0) / 1000
        if event["name"] == "ThreadControllerImpl::RunTask":
            totals[where] += took
        else:
            parts.setdefault(where, Counter())[event["name"]] += took
    (busiest, total), *_ = totals.most_common(1)
    return total, parts[busiest]


async def feed(scene: Stage, frames: int, heat: list[dict[int, int]]) -> None:
    for number in range(frames):
        await scene.warm(heat[number % len(heat)])
        await asyncio.sleep(0.25)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=int, default=50)
    parser.add_argument("--look", choices=["tiles", "smooth"], default="tiles")
    parser.add_argument("--frames", type=int, default=80)
    arguments = parser.parse_args()
    chance = random.Random(1)
    cells = arguments.grid**2
    heat = [
        {cell: chance.randrange(0, 400) for cell in chance.sample(range(cells), int(SHARE_CHANGED * cells))} for _ in range(20)
    ]
    async with stage() as scene, async_playwright() as playwright:
        scene.pages["*"] = PAGE
        scene.sky.grid = arguments.grid
        scene.heat = {cell: chance.randrange(0, 400) for cell in range(cells)}
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        page = await context.new_page()
        choices = json.dumps({"isotherm.overlay": json.dumps({"look": arguments.look})})
        await page.add_init_script(f"Object.assign(sessionStorage, {choices});")
        await page.goto(scene.shop + "/p/1")
        await scene.viewer()
        await feed(scene, 12, heat)  # until the engine has compiled it
        figures = {}
        for name, frames in (("warm", heat), ("idle", [{}])):
            session = await browser.new_browser_cdp_session()
            figures[name] = spent_ms(await trace(session, page, lambda frames=frames: feed(scene, arguments.frames, frames)))
            await session.detach()
        await browser.close()
    (warm, warm_parts), (idle, idle_parts) = figures["warm"], figures["idle"]
    n = arguments.frames
    print(f"{arguments.grid} × {arguments.grid} {arguments.look}: {(warm - idle) / n:.2f} ms a frame of heat; all tasks {warm / n:.2f}, idle {idle / n:.2f}")
    for name, ms in (warm_parts - idle_parts).most_common(14):
        print(f"   {ms / n:6.3f} ms  {name}")


if __name__ == "__main__":
    asyncio.run(main())

"""The overlay looks back: ranges, replay, differences and people, in a real Chromium, the past being what the test says."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from axe import AXE
from chromium import Console, NewPage
from heat_pixels import CONTEXT
from live_stage import Stage, stage
from playwright.async_api import Page, expect
from test_overlay import PANEL, SHOP, drawn, show, text
from tests.serving import eventually

from isotherm.core.columns import pack
from isotherm.core.tiers import HOUR_MS, MINUTE_MS

GRID = 50
PIXEL = f"(cell) => Array.from({CONTEXT}.getImageData(cell % 50, Math.floor(cell / 50), 1, 1).data)"


def classic(cells: dict[int, int]) -> dict[str, dict[str, int]]:
    value: dict[str, dict[str, int]] = {}
    for cell, count in cells.items():
        value.setdefault(str(cell % GRID), {})[str(cell // GRID)] = count
    return value


class Years:
    """Answers of the past: `now` for ranges that end now, `before` for others, `people` on their tiles, `parts` for the reel."""

    def __init__(self) -> None:
        self.now: dict[int, int] = {}
        self.before: dict[int, int] = {}
        self.people: dict[int, int] = {}
        self.parts: list[dict[int, int]] = []

    def answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        now_ms = time.time() * 1000
        end_ms = float(query.get("to", now_ms))
        start_ms = float(query.get("from", now_ms - 5 * MINUTE_MS))
        if path.endswith("/steps"):
            first_ms = int(start_ms) // MINUTE_MS * MINUTE_MS
            steps = [
                {"end": first_ms + (at + 1) * MINUTE_MS, "cells": pack_of(list(part)), "counts": pack_of(list(part.values()))}
                for at, part in enumerate(self.parts)
            ]
            return {"start": first_ms, "end": steps[-1]["end"], "step": MINUTE_MS, "grid-size": GRID, "steps": steps}
        cells = self.now if end_ms > now_ms - MINUTE_MS else self.before
        people = {"total": 41, "value": classic(self.people), "error": 0}
        return {"start": int(start_ms), "end": int(end_ms), "value": classic(cells), "grid-size": GRID, "people": people}


def pack_of(numbers: list[int]) -> str:
    return pack(np.array(numbers, np.int64))


@pytest_asyncio.fixture(loop_scope="session")
async def scene(console: Console) -> AsyncIterator[Stage]:
    async with stage() as now:
        now.pages["*"] = SHOP
        now.years = Years()  # type: ignore[attr-defined]
        now.history = now.years.answer  # type: ignore[attr-defined]
        yield now
        console.rest()


def years(scene: Stage) -> Years:
    return scene.years  # type: ignore[attr-defined,no-any-return]


async def test_an_hour_instead_of_five_minutes(page: Page, scene: Stage) -> None:
    """Its heat is drawn and its people told; what comes in meanwhile moves nothing; back at five minutes it is all there."""
    scene.heat, years(scene).now = {5: 1}, {77: 212}
    await show(page, scene)
    await drawn(page, 5)
    await page.get_by_role("radio", name="1 h").check(force=True)
    await drawn(page, 77)
    await drawn(page, 5, warm=False)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("41 people")
    assert "212 in" in await text(page, ".legend")
    path, query = scene.looked[-1]
    assert (path, query["page"], query["kind"], query["people"]) == ("/api/heatmap", "/p/1", "move", "1")
    assert int(query["to"]) - int(query["from"]) == HOUR_MS
    await scene.warm({9: 4})
    await drawn(page, 9, warm=False)
    await page.get_by_role("radio", name="5 min").check(force=True)
    await drawn(page, 9)
    await drawn(page, 77, warm=False)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Live")


async def test_it_opens_on_the_range_that_it_is_opened_for(page: Page, scene: Stage) -> None:
    """The pages of a range of the past lead to the heat of that range."""
    scene.heat, years(scene).before, years(scene).now = {5: 1}, {33: 4}, {77: 9}
    await show(page, scene)
    await drawn(page, 5)
    span = "from=1700000000000&to=1700003600000"
    again = """([host, token, at]) => import(host + "/overlay/overlay.js").then((overlay) => {
        overlay.open({ host, site: "default", token, ...at }); })"""
    await page.evaluate(again, [scene.host, scene.token, {"range": span}])
    await drawn(page, 33)
    await expect(page.get_by_role("radio", name="Any")).to_be_checked()
    assert (scene.looked[-1][1]["from"], scene.looked[-1][1]["to"]) == ("1700000000000", "1700003600000")


@pytest.mark.parametrize("width", [390, 1440])
async def test_a_long_range_is_told_whole(page: Page, scene: Stage, width: int) -> None:
    """Both of its ends, and the people, however narrow the panel is; the dot stays beside it."""
    years(scene).now = years(scene).before = {5: 1}
    await page.set_viewport_size({"width": width, "height": 900})
    await show(page, scene, range="any", folded=False)
    await page.get_by_label("From", exact=True).fill("2025-12-24T09:01")
    await page.get_by_label("To", exact=True).fill("2026-01-31T23:59")
    status = page.locator(f"{PANEL} .status")
    await expect(status.locator(".text")).to_have_text(re.compile("24.+ 23:59"))
    await expect(status).to_contain_text("41 people")
    assert await status.evaluate("""(status) => {
        const [dot, text, aside] = [".dot", ".text", ".aside"].map((name) => status.querySelector(name).getBoundingClientRect());
        const { left, right } = status.getBoundingClientRect();
        return [text, aside].every((box) => box.left >= left && box.right <= right) && dot.right <= text.left && dot.bottom <= text.bottom
            && (aside.left >= text.right || aside.top >= text.bottom)
            && [...status.children].every((part) => part.scrollWidth <= part.clientWidth + 1 || part.clientWidth === 0);
    }""")


async def test_what_is_live_has_one_line(page: Page, scene: Stage) -> None:
    """However long it is: with a second one all that stands below would move under the pointer."""
    await show(page, scene, folded=False)
    status = page.locator(f"{PANEL} .status")
    heights = await status.evaluate("""(status) => ["", "word ".repeat(30)].map((more) => {
        status.querySelector(".aside").textContent += more;
        return status.getBoundingClientRect().height;
    })""")
    assert heights[0] == heights[1]


async def test_an_empty_page_offers_the_last_hour(page: Page, scene: Stage) -> None:
    """A page with few visitors has a picture too."""
    years(scene).now = {77: 3}
    await show(page, scene, device="all")
    await page.get_by_role("button", name="Show the last hour").click()
    await drawn(page, 77)
    await expect(page.get_by_role("radio", name="1 h")).to_be_checked()
    await expect(page.locator(f"{PANEL} .notice")).to_be_hidden()


async def test_people_beside_samples(page: Page, scene: Stage) -> None:
    """The tile under the pointer says how many were there: live, and in a range."""
    cell = 10 * GRID + 10  # of a page of 1280 x 4000
    scene.heat, years(scene).people, years(scene).now = {cell: 212}, {cell: 37}, {cell: 1200}
    await show(page, scene)
    await drawn(page, cell)
    await page.evaluate("scrollTo(0, 700)")
    await page.mouse.move(268, 140)
    tip = page.locator("isotherm-overlay .tip strong")
    await expect(tip).to_have_text("37 people, 212 moves")
    await page.keyboard.press("t")
    await expect(tip).to_have_text("37 people, 1,200 moves")


async def test_now_less_before(page: Page, scene: Stage) -> None:
    """What is hotter is orange, what is cooler blue, what stayed is clear; twice the visitors alone are no difference."""
    scene.heat, years(scene).before = {5: 60, 6: 20, 7: 20}, {5: 10, 6: 30, 7: 10}
    await show(page, scene)
    await drawn(page, 5)
    await page.keyboard.press("b")
    await page.wait_for_function(f"() => ({PIXEL})(5)[0] > ({PIXEL})(5)[2] + 60")
    more, less, same = [await page.evaluate(PIXEL, cell) for cell in (5, 6, 7)]
    assert less[2] > less[0] + 60
    assert (more[3] > 0, same[3]) == (True, 0)
    assert "+40.0 points" in await text(page, ".legend")
    assert "against" in await text(page, ".legend")
    _, query = scene.looked[-1]
    assert int(query["to"]) - int(query["from"]) == 5 * MINUTE_MS
    await page.keyboard.press("b")
    await page.wait_for_function(f"() => ({PIXEL})(7)[3] > 0")


async def test_any_range_against_any_other(page: Page, scene: Stage) -> None:
    """Both are picked, and asked for as they were picked."""
    years(scene).now = years(scene).before = {5: 1}
    years(scene).parts = [{5: 1}]
    await show(page, scene, range="any", compare=True, reel=True)
    await page.get_by_label("From", exact=True).fill("2026-01-31T09:00")
    await page.get_by_label("To", exact=True).fill("2026-01-31T10:00")
    await page.get_by_label("Held against, against").fill("2026-01-24T09:00")
    await page.get_by_label("Held against, to").fill("2026-01-24T10:00")
    want = await page.evaluate("() => [24, 31].map((day) => new Date(2026, 0, day, 9).getTime())")
    await asked_for(scene, want)


def spans_asked(scene: Stage) -> set[tuple[int, int]]:
    return {(int(query["from"]), int(query["to"])) for path, query in scene.looked if "from" in query and path == "/api/heatmap"}


async def asked_for(scene: Stage, starts_ms: list[int]) -> None:
    async def both() -> bool:
        return all((start_ms, start_ms + HOUR_MS) in spans_asked(scene) for start_ms in starts_ms)

    await eventually(both)


async def test_scrub_and_play(page: Page, scene: Stage) -> None:
    """The slider goes back in the last five minutes; playing starts at their beginning and moves on; at the end it is live again."""
    scene.heat, years(scene).parts = {5: 9}, [{number: 1} for number in range(100, 120)]
    await show(page, scene)
    await drawn(page, 5)
    await page.get_by_text("Replay and compare").click()
    slider = page.get_by_label("Moment of the range")
    await expect(slider).to_have_value("20")
    await drawn(page, 5)
    await slider.focus()
    await page.keyboard.press("Home")
    await drawn(page, 100)
    await drawn(page, 5, warm=False)
    await page.keyboard.press("ArrowRight")
    await drawn(page, 101)
    await page.get_by_role("button", name="Play", exact=True).click()
    await drawn(page, 103)
    await page.get_by_role("button", name="Stop", exact=True).click()
    await slider.focus()
    await page.keyboard.press("End")
    await drawn(page, 5)


async def test_without_a_history_nothing_is_offered(page: Page, scene: Stage, console: Console) -> None:
    """A server that keeps none is asked once, and the rows of time go."""
    console.expect("404")
    scene.heat, scene.gone = {5: 9}, True
    await show(page, scene)
    await page.get_by_role("radio", name="1 h").check(force=True)
    await expect(page.get_by_role("radio", name="1 h")).to_be_hidden()
    await expect(page.get_by_text("Replay and compare")).to_be_hidden()
    await drawn(page, 5)


async def test_a_policy_that_allows_the_line_alone_is_not_run_into_again(page: Page, scene: Stage, console: Console) -> None:
    """A page whose policy lets the socket through but no request: what is live is shown, and nothing fills the page's console."""
    console.expect("Content Security Policy|Failed to fetch|Refused to connect")
    scene.heat = {5: 9}
    scene.policy = "script-src 'self' {host}; connect-src 'self' ws://" + scene.host.removeprefix("http://")
    await show(page, scene, range="hour")
    await expect(page.get_by_role("radio", name="1 h")).to_be_hidden()
    await drawn(page, 5)
    assert scene.looked == []


async def test_the_live_range_is_called_by_its_length(page: Page, scene: Stage) -> None:
    """A window of ten minutes is not offered as five."""
    scene.sky.window_ms = 10 * MINUTE_MS
    await show(page, scene)
    await expect(page.get_by_role("radio", name="10 min")).to_be_checked()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
async def test_the_panel_with_all_of_it_has_no_accessibility_violation(new_page: NewPage, scene: Stage, width: int, height: int) -> None:
    """Unfolded, with a difference and picked ranges, and within the window."""
    page = await new_page(viewport={"width": width, "height": height})
    scene.heat, years(scene).now, years(scene).before, years(scene).parts = {5: 9}, {5: 2, 6: 1}, {5: 1, 7: 5}, [{5: 1}, {6: 1}]
    await show(page, scene, range="any", compare=True, reel=True, folded=False)
    await expect(page.locator(f"{PANEL} .legend")).to_contain_text("against")
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("async () => (await axe.run(document.querySelector('isotherm-overlay'))).violations.map((one) => one.id + ': ' + one.nodes[0].html)")
    assert found == []
    box = await page.locator(PANEL).bounding_box()
    assert box is not None
    assert min(box["x"], box["y"]) >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= height

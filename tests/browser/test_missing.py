"""An address that is not there, opened in a real browser and asked for by a program."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from axe import complaints
from chromium import Console, NewPage
from playwright.async_api import expect
from tests.serving import Served, start


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    running = await start(tmp_path_factory.mktemp("missing") / "data")
    yield running
    await running.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_browser_gets_a_page_that_says_what_is_missing(served: Served, new_page: NewPage, console: Console, scheme: str) -> None:
    """The address as it was asked for, nothing of it taken as markup, and the way to the dashboard; no shop where there is none."""
    console.expect("404")
    page = await new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    answer = await page.goto(f"{served.address}/no/<b>such</b>/{'long' * 60}?x=1")
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    await expect(page.locator("bdi")).to_contain_text("/no/<b>such</b>/long")
    await expect(page.get_by_role("link")).to_have_text(["Go to the dashboard"])
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await complaints(page) == []


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
async def test_a_program_gets_json(served: Served, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{served.address}/nothing", headers=headers, skip_auto_headers=["Accept"]) as answer,
    ):
        assert (answer.status, await answer.json()) == (404, {"error": "Not Found"})

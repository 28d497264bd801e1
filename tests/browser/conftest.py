"""A real Chromium for the tests in this folder.

`page` is a fresh page in a fresh context; `new_page(**options)` gives more of them (options are those of Playwright's `new_context`).
What a page complains about in its console fails the test, unless the test said `console.expect(pattern)`.
All tests here share one event loop, since the browser lives in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from chromium import CHROMIUM_ARGUMENTS, Console, NewPage, chromium_path
from playwright.async_api import Browser, Page, async_playwright, expect
from recorder import Recorder, recording

expect.set_options(timeout=20_000)  # CI's two cores may be busy; a promise that holds is seen at once all the same


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser, one for the whole run."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def console() -> Console:
    return Console()


@pytest_asyncio.fixture(loop_scope="session")
async def new_page(chromium: Browser, console: Console) -> AsyncIterator[NewPage]:
    """Opens pages, each in a context of its own; they are closed at the end, and their consoles must have been quiet."""
    contexts = []

    async def open_page(**options: Any) -> Page:
        context = await chromium.new_context(**({"viewport": {"width": 1280, "height": 720}} | options))
        contexts.append(context)
        context.on("page", console.watch)
        return await context.new_page()

    yield open_page
    for context in contexts:
        await context.close()
    assert not console.unexpected(), "the page complained in its console"


@pytest_asyncio.fixture(loop_scope="session")
async def page(new_page: NewPage) -> Page:
    return await new_page()


@pytest_asyncio.fixture(loop_scope="session")
async def recorder(console: Console) -> AsyncIterator[Recorder]:
    """A server that records what trackers send."""
    async with recording() as running:
        yield running
        console.rest()

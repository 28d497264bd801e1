"""True to the pixel, the whole way: a real mouse, the tracker, the server, the overlay, and the pixels of a screenshot (docs/accuracy.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from scripts.measure_truth import SETTINGS, Setting, measure
from tests.serving import Served, start

#: A screenshot has whole pixels: a tile's edge may lie between two of them.
PIXEL = 1.0


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Served]:
    """A demo without visitors, on whose pages nothing is warm."""
    served = await start(tmp_path / "data", "--visitors", "0", "--no-browser", command="demo")
    yield served
    await served.stop()


@pytest.mark.parametrize("setting", [SETTINGS[2], SETTINGS[3], SETTINGS[5]], ids=lambda setting: setting.name)
async def test_heat_is_drawn_on_the_tile_that_the_mouse_was_on(demo: Served, chromium: Browser, setting: Setting) -> None:
    """At the top of a page, half way down and at its end: the mouse is inside the tile that is drawn, to a pixel of the screen."""
    findings = await measure(chromium, demo.address, setting)
    assert len(findings) == 3
    assert any(found.scrolled_px > 500 for found in findings)
    for found in findings:
        assert found.off_px <= PIXEL / setting.density, found
        assert found.off_tiles <= 0.5 + PIXEL / min(found.tile), found

"""How well heat sticks to its elements: a scripted mouse in one window, and where another window draws the heat, into docs/accuracy.md.

    python scripts/measure_elements.py

The whole way is measured: a real mouse on something that stays, slides or lies over the page of the demo's shop; tracker, server, overlay;
and the pixels of two screenshots of another window, with the heat and without it. Where the mouse was is told in parts of the element's
box; the heat's middle shall lie in the same place of the same element there.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.async_api import Browser, Page, async_playwright
from scripts.browser import CHROMIUM_ARGUMENTS, chromium_path
from scripts.measure_truth import TREE, Demo, _go, _picture, _samples, _until_samples

__all__ = ["CASES", "MARK", "WINDOWS", "Case", "Finding", "measure"]

MARK = "## By elements\n"
WINDOWS = ((1280, 800), (390, 844))
_FOUND = "() => document.querySelector('isotherm-overlay').shadowRoot.querySelector('.blots')"


async def _slide(page: Page) -> None:
    """The carousel, so far that the card is seen whole."""
    await page.evaluate(
        """() => { const track = document.querySelector('[data-carousel-track]'); track.scrollIntoView({ block: 'center', behavior: 'instant' });
        const card = track.querySelector('[data-heat-zone=product-camera]');
        track.scrollTo({ left: card.offsetLeft - track.offsetLeft - 20, behavior: 'instant' }); }"""
    )


async def _open(page: Page) -> None:
    await page.evaluate("document.querySelector('[data-open=lightbox]').click()")
    await page.locator("#lightbox img").wait_for()
    await page.evaluate("() => Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(() => null)")


async def _scroll(page: Page) -> None:
    await page.evaluate("scrollTo({ top: 300, behavior: 'instant' })")


@dataclass(frozen=True)
class Case:
    """`way` brings the element into sight; `at` is where on it the mouse goes, in parts of its box."""

    name: str
    path: str
    element: str
    way: Callable[[Page], Awaitable[None]]
    at: tuple[float, float]


#: Each on a page of its own, so that nothing else is warm there.
CASES = (
    Case("sticky header", "/shop/c/audio", ".bag-link", _scroll, (0.3, 0.4)),
    Case("carousel", "/shop/", "[data-carousel-track] [data-heat-zone=product-camera]", _slide, (0.7, 0.3)),
    Case("window over the page", "/shop/p/headphones", "#lightbox img", _open, (0.25, 0.7)),
)


@dataclass(frozen=True)
class Finding:
    """CSS pixels."""

    case: str
    seen: tuple[int, int]  #: the window that the mouse was in
    shown: tuple[int, int]  #: and the one in which the heat is drawn
    off_px: float  #: from where the mouse was on the element to the middle of the heat


async def measure(browser: Browser, address: str, case: Case, seen: tuple[int, int]) -> list[Finding]:
    """In each window in which it is to be drawn. The server at `address` must be a demo without visitors, its heat open, nothing warm on this case's page."""
    page = await _page(browser, seen)
    await _go(page, address + case.path, 0)
    await case.way(page)
    before = await _samples(address, case.path)
    await page.mouse.move(*await _point(page, case))
    await _until_samples(address, case.path, before + 1)
    await page.context.close()
    return [Finding(case.name, seen, window, await _off(browser, address, case, window)) for window in WINDOWS]


async def _page(browser: Browser, window: tuple[int, int]) -> Page:
    context = await browser.new_context(viewport={"width": window[0], "height": window[1]}, reduced_motion="reduce")
    await context.add_init_script("sessionStorage['isotherm.overlay'] = JSON.stringify({ look: 'elements', device: 'all' });")
    return await context.new_page()


async def _point(page: Page, case: Case) -> tuple[float, float]:
    box = await page.locator(case.element).bounding_box()
    assert box is not None, case.element
    return box["x"] + case.at[0] * box["width"], box["y"] + case.at[1] * box["height"]


async def _off(browser: Browser, address: str, case: Case, window: tuple[int, int]) -> float:
    async with aiohttp.ClientSession() as http, http.post(f"{address}/api/overlay-token", json={"site": "default"}) as answer:
        token = (await answer.json())["token"]
    page = await _page(browser, window)
    await _go(page, f"{address}{case.path}#isotherm={token}", 0)
    await case.way(page)
    await page.wait_for_function(
        f"""() => {{ const canvas = ({_FOUND})();
        return canvas?.width > 1 && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte); }}"""
    )
    # The panel's figures tick; nothing but the heat shall differ.
    await page.evaluate("() => { document.querySelector('isotherm-overlay').shadowRoot.querySelector('.panel').style.visibility = 'hidden'; }")
    point = await _point(page, case)
    warm = await _picture(page)
    await page.evaluate(f"() => {{ ({_FOUND})().style.visibility = 'hidden'; }}")  # a key would show where the focus is
    cold = await _picture(page)
    difference = np.abs(warm - cold).sum(axis=2).astype(float)
    assert difference.max() > 30, f"no heat is on the screen: {case.name}"
    rows, columns = np.indices(difference.shape)
    middle = [float((axis * difference).sum() / difference.sum()) + 0.5 for axis in (columns, rows)]
    await page.context.close()
    return float(np.hypot(middle[0] - point[0], middle[1] - point[1]))


def _size(window: tuple[int, int]) -> str:
    return f"{window[0]} × {window[1]}"


async def main() -> None:
    rows = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        for seen in WINDOWS:
            with tempfile.TemporaryDirectory() as data:
                demo = await Demo.start(data)
                try:
                    findings = [found for case in CASES for found in await measure(browser, demo.address, case, seen)]
                finally:
                    await demo.stop()
            for found in findings:
                rows.append(f"| {found.case} | {_size(found.seen)} | {_size(found.shown)} | {found.off_px:.1f} |")
                print(rows[-1], flush=True)
        await browser.close()
    path = TREE / "docs" / "accuracy.md"
    path.write_text(path.read_text().partition(MARK)[0].rstrip("\n") + "\n\n" + HEAD + "\n".join(rows) + "\n")


HEAD = f"""{MARK}
The look *Elements*: a mouse in one window, on something that stays, slides or lies over the page; the heat's middle in another window, from where the mouse was on
that element. Made by `python scripts/measure_elements.py`; `tests/browser/test_elements.py` holds it to 8 px.

| on | mouse in | drawn in | off, px |
|---|---|---|---|
"""

if __name__ == "__main__":
    asyncio.run(main())

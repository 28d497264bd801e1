"""How true the picture is: a scripted mouse at known points, and where the overlay then draws the heat, into docs/accuracy.md.

    python scripts/measure_truth.py

The whole way is measured, with nothing put in between: a real mouse over the demo's shop, tracker, server, overlay, and the pixels of two
screenshots, one with the heat and one without it. Where they differ is the tile that was drawn. Each point has a page of its own, so
that nothing else is warm on it.
"""

from __future__ import annotations

import asyncio
import io
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from scripts.browser import CHROMIUM_ARGUMENTS, chromium_path

__all__ = ["SETTINGS", "Finding", "Setting", "measure"]

TREE = Path(__file__).parent.parent
GRID = 50
ZOOM = "document.documentElement.style.zoom"
#: Pages, and where on them: parts of the window's width and height, and of the way that the page can be scrolled.
POINTS = (("/shop/p/console", 0.31, 0.47, 0.0), ("/shop/c/audio", 0.83, 0.29, 0.5), ("/shop/p/laptop", 0.12, 0.61, 1.0))
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Setting:
    """A window. `zoom` is the browser's own: fewer, larger CSS pixels; `css_zoom` is the page's, set on its root."""

    name: str
    width: int
    height: int
    density: float = 1.0
    zoom: float = 1.0
    css_zoom: float = 1.0


SETTINGS = (
    Setting("desktop", 1440, 900),
    Setting("desktop, 2x", 1440, 900, density=2),
    Setting("desktop, browser zoom 150 %", 1440, 900, zoom=1.5),
    Setting("desktop, CSS `zoom: 1.5`", 1440, 900, css_zoom=1.5),
    Setting("tablet, 2x", 820, 1180, density=2),
    Setting("phone, 3x", 390, 844, density=3),
    Setting("phone, 3x, browser zoom 150 %", 390, 844, density=3, zoom=1.5),
    Setting("phone, 2x, CSS `zoom: 1.5`", 390, 844, density=2, css_zoom=1.5),
)


@dataclass(frozen=True)
class Finding:
    """One point. Distances in CSS pixels of the window."""

    path: str
    scrolled_px: float
    tile: tuple[float, float]  #: width and height of the box that was drawn
    off_px: float  #: from the mouse to the box; 0: it is inside
    off_tiles: float  #: from the mouse to the box's middle, in tiles, the larger of both directions; at most 0.5: it is inside


async def measure(browser: Browser, address: str, setting: Setting, points: tuple[tuple[str, float, float, float], ...] = POINTS) -> list[Finding]:
    """Each point's finding. The server at `address` must be a fresh demo without visitors, with its heat open."""
    context = await browser.new_context(
        viewport={"width": round(setting.width / setting.zoom), "height": round(setting.height / setting.zoom)},
        device_scale_factor=setting.density * setting.zoom,
        reduced_motion="reduce",
    )
    await context.add_init_script("sessionStorage['isotherm.overlay'] = JSON.stringify({ look: 'tiles' });")  # a phone begins smooth
    if setting.css_zoom != 1:
        await context.add_init_script(f"addEventListener('DOMContentLoaded', () => {{ {ZOOM} = '{setting.css_zoom}'; }});")
    findings = []
    for path, x, y, way in points:
        page = await context.new_page()
        await _go(page, address + path, way)
        window = page.viewport_size
        assert window is not None
        mouse = (round(x * window["width"]), round(y * window["height"]))
        before = await _samples(address, path)
        await page.mouse.move(*mouse)
        await _until_samples(address, path, before + 1)
        await page.close()
        overlay = await context.new_page()
        findings.append(await _look(overlay, address, path, way, mouse))
        await overlay.close()
    await context.close()
    return findings


async def _go(page: Page, address: str, way: float) -> None:
    await page.goto(address)
    await page.locator("h1").wait_for()
    await page.evaluate("document.fonts.ready.then(() => null)")
    await page.wait_for_load_state("networkidle")
    await page.evaluate("(way) => scrollTo(0, way * (document.documentElement.scrollHeight - innerHeight))", way)


async def _look(page: Page, address: str, path: str, way: float, mouse: tuple[int, int]) -> Finding:
    async with aiohttp.ClientSession() as http, http.post(f"{address}/api/overlay-token", json={"site": "default"}) as answer:
        token = (await answer.json())["token"]
    await _go(page, f"{address}{path}#isotherm={token}", way)
    await page.wait_for_function(
        """() => { const canvas = document.querySelector("isotherm-overlay")?.shadowRoot.querySelector("canvas");
        if (!(canvas?.width > 1)) return false;
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d"); // a worker may draw on it: it can't be read itself
        copy.drawImage(canvas, 0, 0);
        return copy.getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte); }"""
    )
    # The panel's figures tick; nothing but the heat shall differ.
    await page.evaluate("document.querySelector('isotherm-overlay').shadowRoot.querySelector('.panel').style.visibility = 'hidden'")
    warm = await _picture(page)
    await page.keyboard.press("h")
    cold = await _picture(page)
    density = await page.evaluate("devicePixelRatio")
    rows, columns = np.nonzero(np.abs(warm - cold).sum(axis=2) > 5)
    assert rows.size, f"no heat is on the screen of {path}"
    left, right, top, bottom = (float(at) / density for at in (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1))
    width, height = right - left, bottom - top
    off = max(left - mouse[0], mouse[0] - right, top - mouse[1], mouse[1] - bottom, 0.0)
    middle = max(abs(mouse[0] - (left + right) / 2) / width, abs(mouse[1] - (top + bottom) / 2) / height)
    return Finding(path, await page.evaluate("scrollY"), (width, height), off, middle)


async def _picture(page: Page) -> np.ndarray:
    """What the screen shows after the next frames."""
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))")
    return np.asarray(Image.open(io.BytesIO(await page.screenshot())).convert("RGB"), np.int32)


async def _samples(address: str, path: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{address}/api/heatmap", params={"page": path}) as answer:
        return sum(count for column in (await answer.json())["value"].values() for count in column.values())


async def _until_samples(address: str, path: str, count: int) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            if await _samples(address, path) >= count:
                return
            await asyncio.sleep(0.05)


@dataclass
class Demo:
    """A demo without visitors, of its own folder."""

    process: asyncio.subprocess.Process
    address: str

    @classmethod
    async def start(cls, data: str) -> Demo:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "isotherm", "demo", "--port", "0", "--no-browser", "--visitors", "0", "--data", data,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        return cls(process, (await process.stdout.readline()).decode().split()[1].rstrip("/"))

    async def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()


HEAD = """# How true the picture is

A scripted mouse at known points of the demo's shop, and where the overlay then draws the heat: the pixels of two screenshots, with the heat and
without it. Three points a window: at the top of a page, half way down and at its end. Made by `python scripts/measure_truth.py`;
`tests/browser/test_truth.py` holds the worst of these windows to it.

*Off* is the distance from the mouse to the tile that was drawn (0: it is inside); *from its middle* is in tiles, at most 0.5 inside a tile. A tile's size is that of the
page, in fifty parts a side. A screenshot has whole pixels, so figures are as exact as one pixel of the screen.

| window | CSS pixels | scrolled, px | tile drawn, px | off, px | from its middle, tiles |
|---|---|---|---|---|---|
"""


async def main() -> None:
    rows = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        for setting in SETTINGS:
            with tempfile.TemporaryDirectory() as data:
                demo = await Demo.start(data)
                try:
                    findings = await measure(browser, demo.address, setting)
                finally:
                    await demo.stop()
            for found in findings:
                size = f"{round(setting.width / setting.zoom)} × {round(setting.height / setting.zoom)}"
                rows.append(
                    f"| {setting.name} | {size} | {found.scrolled_px:.0f} | {found.tile[0]:.1f} × {found.tile[1]:.1f} "
                    f"| {found.off_px:.1f} | {found.off_tiles:.2f} |"
                )
                print(rows[-1], flush=True)
        await browser.close()
    path = TREE / "docs" / "accuracy.md"
    _, mark, elements = path.read_text().partition("\n## By elements\n")  # made by measure_elements.py
    path.write_text(HEAD + "\n".join(rows) + "\n" + mark + elements)


if __name__ == "__main__":
    asyncio.run(main())

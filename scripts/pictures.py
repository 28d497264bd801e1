"""The pictures of the documents: every page and look, from a running demo, into docs/pictures/.

    make pictures

Starts the demo on a free port with a fresh folder, lets its visitors warm the pages, and photographs what a person would see; the
moving picture is a row of such photographs of the overlay.
"""

from __future__ import annotations

import asyncio
import io
import re
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from scripts.browser import CHROMIUM_ARGUMENTS, chromium_path

TREE = Path(__file__).parent.parent
PICTURES = TREE / "docs" / "pictures"
WARM_S = 60.0  #: until the pages have heat worth looking at
CHARTS_MS = 9000  #: until the charts have a line to show
FRAMES, FRAME_MS = 30, 400
SIZES = {"desktop": (1440, 900), "tablet": (1024, 768), "phone": (390, 844)}
LOOKS = ("Tiles", "Smooth")


async def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        demo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "isotherm", "demo", "--port", "0", "--no-browser", "--visitors", "60", "--data", data,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert demo.stdout is not None
            address = (await demo.stdout.readline()).decode().split()[1].rstrip("/")
            print(f"warming {address} for {WARM_S:.0f} s")
            await asyncio.sleep(WARM_S)
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
                await photograph(browser, address)
                await browser.close()
        finally:
            demo.send_signal(signal.SIGTERM)
            await demo.wait()


async def photograph(browser: Browser, address: str) -> None:
    for scheme in ("light", "dark"):
        for size, (width, height) in SIZES.items():
            # Without motion no card is caught half way to its new place.
            context = await browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = await context.new_page()
            for name, path, ready in (
                ("dashboard", "/", "iso-picture.known"),
                ("topics", "/topics", ".list .value"),
                ("shop", "/shop/", "h1"),
                ("product", "/shop/p/laptop", "h1"),
            ):
                await page.goto(address + path)
                await page.locator(ready).first.wait_for()
                await page.wait_for_timeout(CHARTS_MS if name == "dashboard" else 1000)
                await keep(page, f"{name}-{size}-{scheme}")
            await page.goto(address)
            overlay = await open_overlay(page)
            await keep(overlay, f"overlay-{size}-{scheme}")
            if (size, scheme) == ("desktop", "light"):
                for look in LOOKS:
                    await overlay.get_by_role("radio", name=look).check(force=True)
                    await overlay.wait_for_timeout(500)
                    await keep(overlay, f"overlay-{look.lower()}")
                await move(overlay)
            await context.close()
    await popular(await browser.new_page(viewport={"width": 1280, "height": 720}), address)


async def popular(page: Page, address: str) -> None:
    """The shop's answer to its hottest product: the grid with the card that rose."""
    await page.goto(address + "/shop/")
    await page.mouse.move(300, 300)
    await page.mouse.move(320, 300, steps=3)
    await page.locator(".popular-mark").first.wait_for(timeout=60_000)
    await page.locator("#looked-at").evaluate("(heading) => heading.scrollIntoView({ block: 'start', behavior: 'instant' })")
    box = await page.locator("#looked-at").bounding_box()
    assert box is not None
    clip = {"x": 40, "y": box["y"] - 20, "width": 1200, "height": 440}
    Image.open(io.BytesIO(await page.screenshot(clip=clip))).convert("RGB").save(PICTURES / "popular.webp", quality=82)
    print("popular")


async def open_overlay(dashboard: Page) -> Page:
    async with dashboard.context.expect_page() as opening:
        await dashboard.get_by_role("button", name=re.compile("Open overlay")).first.click()
    overlay = await opening.value
    await overlay.locator("isotherm-overlay").wait_for(state="attached")
    await overlay.wait_for_timeout(1500)
    return overlay


async def keep(page: Page, name: str) -> None:
    picture = Image.open(io.BytesIO(await page.screenshot()))
    picture.convert("RGB").save(PICTURES / f"{name}.webp", quality=82)
    print(name)


async def move(page: Page) -> None:
    """Heat that moves, as the README shows it."""
    frames = []
    for _ in range(FRAMES):
        picture = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
        frames.append(picture.resize((960, 600), Image.Resampling.LANCZOS))
        await page.wait_for_timeout(FRAME_MS)
    frames[0].save(PICTURES / "heat.webp", save_all=True, append_images=frames[1:], duration=FRAME_MS // 2, loop=0, quality=70)
    print("heat")


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    asyncio.run(main())

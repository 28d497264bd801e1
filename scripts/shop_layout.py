"""Measures where the demo shop's pages have what people look at, in a real browser, into `src/isotherm/web/shop/layout.json`.

    python scripts/shop_layout.py            # measures all pages and writes the file
    python scripts/shop_layout.py --serve    # only serves the shop, to look at

The simulated visitors walk by this file. For each page and each width of window that they come with, it has the document's
size and the boxes of all that carries ``data-heat-zone``, and of a card (one zone) its parts, ``data-part``; `isotherm.simulate.layout`
reads it and says what a box has. The file also says what it was measured on (`made_from`), so that a test can tell without a browser
when it is stale.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.async_api import Page, async_playwright
from scripts.browser import CHROMIUM_ARGUMENTS, chromium_path

from isotherm.web.shop import paths, render

SHOP: Final = Path(__file__).parent.parent / "src/isotherm/web/shop"
LAYOUT: Final = SHOP / "layout.json"
WIDTHS_PX: Final = (390, 820, 1280, 1440, 1920)  #: of the windows that simulated visitors come with
HEIGHT_PX: Final = 900
#: The strictest policy that pages and tracker work under; the shop must live with any that a site may have.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'"
)

#: Runs in the page: document size, and each zone's box as [zone, role, product, x, y, width, height, link, sticks to the window].
MEASURE: Final = """() => {
  const round = Math.round;
  const sticky = (element) => element.closest(".top") !== null;
  const clipped = (element) => {
    // What an inner scroller hides is not looked at: only what shows of a box counts.
    let { left, top, right, bottom } = element.getBoundingClientRect();
    for (let outer = element.parentElement; outer && outer !== document.body; outer = outer.parentElement) {
      const style = getComputedStyle(outer);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const box = outer.getBoundingClientRect();
      left = Math.max(left, box.left); right = Math.min(right, box.right);
      top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
    }
    return { left, top, right, bottom };
  };
  const role = (element) => element.matches("input:not([type=radio])") ? "type"
    : element.matches("a, button, summary") ? (element.querySelector("img") ? "look" : "press")
    : element.matches("[class*=price]") ? "look" : element.querySelector("img") ? "look" : "read";
  const link = (element) => {
    const href = element.closest("a")?.getAttribute("href");
    return href && href.startsWith("/shop/") ? href.split("#")[0] : null;
  };
  const boxes = [];
  for (const element of document.querySelectorAll("[data-heat-zone]:not(.card), [data-part]")) {
    const { left, top, right, bottom } = clipped(element);
    if (right - left < 4 || bottom - top < 4 || element.closest("dialog")) continue;
    boxes.push([element.dataset.part ?? element.dataset.heatZone, role(element), element.closest("[data-product]")?.dataset.product ?? null,
      round(left + scrollX), round(top + scrollY), round(right - left), round(bottom - top), link(element), sticky(element)]);
  }
  const root = document.documentElement;
  return { w: root.scrollWidth, h: root.scrollHeight, boxes };
}"""


def made_from() -> str:
    """A fingerprint of all that a page's boxes can depend on: every page's HTML, and every file that it may load."""
    digest = hashlib.sha256()
    for path in paths():
        digest.update(path.encode() + b"\0" + (render(path) or b""))
    for file in sorted(path for path in (SHOP / "assets").rglob("*") if path.is_file()):
        digest.update(file.relative_to(SHOP).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def application() -> web.Application:
    """The shop alone, as a server serves it, under a strict policy; `/tracker.js` is an empty script."""

    @web.middleware
    async def policy(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    async def page(request: web.Request) -> web.Response:
        body = render(request.path)
        if body is None:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    async def tracker(_request: web.Request) -> web.Response:
        return web.Response(text="", content_type="text/javascript")

    async def layout(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(LAYOUT)

    app = web.Application(middlewares=[policy])
    app.router.add_get("/tracker.js", tracker)
    app.router.add_get("/shop/layout.json", layout)
    app.router.add_static("/shop/assets/", SHOP / "assets")
    app.router.add_get("/shop/{rest:.*}", page)
    return app


@asynccontextmanager
async def served(port: int = 0) -> AsyncIterator[str]:
    """The address of a running shop."""
    runner = web.AppRunner(application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def measure(page: Page, address: str) -> dict[str, Any]:
    """Document size and boxes of one page, once fonts, pictures and what scripts set out are there."""
    await page.goto(address, wait_until="networkidle")
    await page.evaluate("document.fonts.ready.then(() => null)")
    measured: dict[str, Any] = await page.evaluate(MEASURE)
    return measured


async def measure_all(url: str) -> dict[str, dict[str, dict[str, Any]]]:
    """By path, then by width."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)

        async def at_width(width: int) -> list[dict[str, Any]]:
            context = await browser.new_context(viewport={"width": width, "height": HEIGHT_PX}, reduced_motion="reduce")
            page = await context.new_page()
            return [await measure(page, url + path) for path in paths()]

        by_width = await asyncio.gather(*map(at_width, WIDTHS_PX))
        await browser.close()
    return {
        path: {str(width): pages[number] for width, pages in zip(WIDTHS_PX, by_width, strict=True)} for number, path in enumerate(paths())
    }


def text_of(pages: dict[str, dict[str, dict[str, Any]]]) -> str:
    """The file's text: a line a page and width, so that a change of one page is a change of few lines."""

    def block(by_width: dict[str, dict[str, Any]]) -> str:
        return ",\n".join(f'"{width}": {json.dumps(page, separators=(",", ":"))}' for width, page in by_width.items())

    lines = [f"{json.dumps(path)}: {{\n{block(by_width)}\n}}" for path, by_width in pages.items()]
    return f'{{"v": 1, "made_from": "{made_from()}", "pages": {{\n' + ",\n".join(lines) + "\n}}\n"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="only serve the shop, until interrupted")
    arguments = parser.parse_args()
    async with served() as url:
        if arguments.serve:
            print(f"{url}/shop/", flush=True)
            await asyncio.Event().wait()
        LAYOUT.write_text(text_of(await measure_all(url)))


if __name__ == "__main__":
    asyncio.run(main())

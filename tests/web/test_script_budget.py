"""Our pages stay light, as they are served: every script that a page loads, with all that it imports, compressed, libraries included."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
from tests.serving import Served, start

BUDGET_BYTES = 100_000
TAG = re.compile(r"<script[^>]* src=\"([^\"]+)\"")
IMPORT = re.compile(r"(?:\bfrom|^import|\bimport\()\s*\"([^\"]+\.js)\"", re.MULTILINE)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Served]:
    served = await start(tmp_path / "data", "--visitors", "0", "--no-browser", command="demo")
    yield served
    await served.stop()


async def load(http: aiohttp.ClientSession, address: str, loaded: dict[str, int]) -> None:
    """A script and all that it imports: bytes on the wire, by address."""
    if address in loaded:
        return
    async with http.get(address, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status == 200, address
        assert answer.headers["Content-Encoding"] == "gzip", address
        loaded[address] = int(answer.headers["Content-Length"])
        text = await answer.text()
    for name in IMPORT.findall(text):
        await load(http, urljoin(address, name), loaded)


@pytest.mark.parametrize(
    ("path", "more", "known"),
    [
        ("/", [], "vendor/uplot/uplot.js"),
        ("/topics", [], "vendor/lit-html/lit-html.js"),
        ("/shop/p/console", [], "/tracker.js"),
        ("/shop/p/console", ["/overlay/guest.js"], "shared/heat/smooth.js"),
    ],
    ids=["dashboard", "topics", "shop", "shop with the overlay"],
)
async def test_a_page_loads_less_than_100_kb_of_script(demo: Served, http: aiohttp.ClientSession, path: str, more: list[str], known: str) -> None:
    """Each script comes compressed, and together they stay under the budget; the overlay counts on top of the page that it stands on."""
    async with http.get(demo.address + path) as answer:
        html = await answer.text()
    loaded: dict[str, int] = {}
    for source in [*TAG.findall(html), *more]:
        await load(http, urljoin(demo.address + path, source), loaded)
    assert any(address.endswith(known) for address in loaded), sorted(loaded)
    total = sum(loaded.values())
    assert total < BUDGET_BYTES, f"{total} bytes in {len(loaded)} scripts"

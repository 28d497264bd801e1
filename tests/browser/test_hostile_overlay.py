"""Hostile visitors and the overlay: what they say stands on the shop's own page as text, under a policy that would forbid anything else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest_asyncio
from chromium import Console
from live_stage import Stage, stage
from playwright.async_api import Page, expect
from test_hostile import HACK, PATHS
from tests.serving import Served, batch, event, start

#: A shop under Trusted Types: what its policy has to forbid, its console tells, and the fixture looks there.
SHOP = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/favicon.ico"></head>
<body><main id="top"><a href="/p">Shop</a></main><script src="/boot.js"></script></body></html>"""
POLICY = "default-src 'none'; script-src 'self' {host}; img-src 'self'; connect-src 'self' {host} {ws}; require-trusted-types-for 'script'"
#: The overlay's own document: all that stands in it, its open boxes too.
INSIDE = "document.querySelector('isotherm-overlay').shadowRoot"


@pytest_asyncio.fixture(loop_scope="session")
async def attacked(tmp_path: Path) -> AsyncIterator[Served]:
    """A server to which each page was named by an attacker, with zones, kinds, sessions and user agents of his."""
    served = await start(tmp_path, "--trust-senders", "--open-heat")
    async with aiohttp.ClientSession(headers={"User-Agent": HACK}) as http:
        for number, path in enumerate(PATHS):
            zones = {"anchors": [HACK, "javascript:document.title='hacked'", "__proto__"], "anchor": [0, 1, 2], "ax": [1] * 3, "ay": [1] * 3}
            for body in (batch(number, [1, 1, 1], path=path, session=HACK, load=HACK, **zones), event(1, 1, path, session_id=HACK, type=HACK)):
                async with http.post(f"{served.address}/clickstream", data=json.dumps(body)) as answer:
                    assert answer.status == 202
    yield served
    await served.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def scene(attacked: Served, console: Console) -> AsyncIterator[Stage]:
    """The shop, whose overlay comes from that server."""
    async with stage() as now:
        now.host = attacked.address
        now.policy = POLICY.replace("{ws}", attacked.ws)
        now.pages["*"] = SHOP
        yield now
        console.rest()


async def unharmed(page: Page, path: str) -> None:
    """Nothing of theirs became an element, an attribute that is followed, or a program; the path stands there as it was sent."""
    shown = page.locator("isotherm-overlay .path")
    await expect(shown).to_have_text(path)
    found: dict[str, Any] = await page.evaluate(
        f"""() => {{ const all = [...{INSIDE}.querySelectorAll('*')]; return {{
        tags: [...new Set(all.map((one) => one.localName))],
        handlers: all.flatMap((one) => one.getAttributeNames()).filter((name) => /^on|^srcdoc$/.test(name)),
        forms: all.filter((one) => one.localName == 'form').map((one) => one.className),
        addresses: all.flatMap((one) => ['href', 'src', 'action', 'formaction'].map((name) => one.getAttribute(name))).filter(Boolean),
        title: document.title, polluted: Object.keys(Object.prototype).length, strange: ({{}}).polluted ?? null }}; }}"""
    )
    assert not {"img", "script", "iframe", "object", "embed", "base", "link", "style"} & set(found["tags"])
    assert len(found["forms"]) <= 1, "ours names a zone"
    assert (found["handlers"], found["title"], found["polluted"], found["strange"]) == ([], "Shop", 0, None)
    assert all(address.startswith("#") for address in found["addresses"])


async def test_the_overlay_takes_no_word_of_a_visitor_for_markup(scene: Stage, page: Page) -> None:
    """On every page that an attacker named: its path, its heat, a tile's words, the past and the list of keys; Trusted Types forbid nothing."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for path in PATHS:
        await page.goto(scene.shop + quote(path, safe="/:=$"))
        await expect(page.locator("isotherm-overlay .status")).to_have_attribute("data-tone", "good")
        await page.mouse.move(2, 2)
        tip = page.locator("isotherm-overlay .tip")
        await expect(tip).to_contain_text("3 moves")
        await unharmed(page, path)
        await page.keyboard.press("t")
        await page.keyboard.press("Shift+?")
        await page.keyboard.press("n")
        await unharmed(page, path)
        for key in ("t", "t", "t", "l", "l"):  # back to the live window, by elements
            await page.keyboard.press(key)
        await expect(page.locator("isotherm-overlay .blots")).to_be_attached()
        await page.keyboard.press("n")
        await unharmed(page, path)
        for _ in range(2):  # by what is in view, then tiles
            await page.keyboard.press("l")
    assert (dialogs, page.context.pages) == ([], [page])

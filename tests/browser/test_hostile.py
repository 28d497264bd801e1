"""Hostile visitors and our own pages: what they say is shown as they said it, and is never markup, script or an address that is followed."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest_asyncio
from chromium import NewPage
from playwright.async_api import Page, expect
from tests.serving import Served, batch, event, start

from isotherm.access.keys import Keys

HACK = "<img src=x onerror=\"document.title='hacked'\">"
PATHS = [
    f"/{HACK}",
    "/'\"><script>document.title='hacked'</script>",
    "/${7*7}{{7*7}}",
    "//evil.example/x",
    "/javascript:document.title='hacked'",
    "/\u202egnp.x",
]
ORIGINS = ["javascript:document.title='hacked'", f"https://{HACK}", "https://evil.example", "null"]


@pytest_asyncio.fixture(loop_scope="session")
async def attacked(tmp_path: Path) -> AsyncIterator[Served]:
    """A server to which each of them has sent: pages, sessions, origins, user agents, refused and taken."""
    served = await start(tmp_path, "--trust-senders")
    async with aiohttp.ClientSession() as http:
        for number, path in enumerate(PATHS):
            headers = {"Origin": ORIGINS[number % len(ORIGINS)], "User-Agent": HACK}
            for body in (event(path=path, session_id=HACK), batch(number, [1], path=path, session=HACK, load="<b>load", anchors=[HACK], anchor=[0])):
                async with http.post(f"{served.address}/clickstream", data=json.dumps(body), headers=headers) as answer:
                    assert answer.status == 202
        for body in ({"v": HACK}, {"type": HACK}, [HACK]):
            async with http.post(f"{served.address}/clickstream", data=json.dumps(body)) as answer:
                assert answer.status == 422
        async with http.post(f"{served.address}/clickstream", params={"site": HACK}, data=json.dumps(event())) as answer:
            assert answer.status == 403
    yield served
    await served.stop()


async def logged_in(served: Served, folder: Path, new_page: NewPage) -> Page:
    """The dashboard, as the operator sees it."""
    keys = Keys(folder / "access.sqlite")
    code = keys.new_code(int(time.time() * 1000))
    keys.close()
    page = await new_page()
    await page.goto(f"{served.address}/login?code={code}")
    await page.wait_for_url(f"{served.address}/")
    return page


async def unharmed(page: Page, title: str) -> None:
    """Neither script nor picture nor link of theirs has come into the page."""
    assert await page.title() == title
    assert await page.locator("img[src=x], script:not([src])").count() == 0
    # What they said may stand in a query of our own address, where it is only ever read as the name of a page.
    links = await page.eval_on_selector_all("a[href], [src]", "all => all.map(one => new URL(one.href ?? one.src))\
      .map(({ origin, pathname }) => [origin, pathname])")
    assert links
    own = await page.evaluate("location.origin")
    assert not [link for link in links if link[0] != own or "evil" in link[1] or "hacked" in link[1]]


async def test_no_page_of_ours_takes_their_words_for_markup(attacked: Served, new_page: NewPage, tmp_path: Path) -> None:
    """Dashboard as cards and rows, refusals, the question for an address; zones; rules; the topics with a message opened; the login page."""
    page = await logged_in(attacked, tmp_path, new_page)
    await expect(page.get_by_text(HACK, exact=False).first).to_be_visible()
    title = await page.title()
    assert "hacked" not in title
    await page.locator("#health").click()
    await unharmed(page, title)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Rows").click()
    await expect(page.locator("tbody th").get_by_text(HACK, exact=False).first).to_be_visible()
    await unharmed(page, title)
    await page.goto(f"{attacked.address}/zones?{urlencode({'page': PATHS[0]})}")
    await expect(page.locator(".zone .what").get_by_text(HACK, exact=False).first).to_be_visible()
    await unharmed(page, await page.title())
    await page.goto(f"{attacked.address}/rules")
    await expect(page.get_by_role("button", name="Make a rule")).to_be_visible()
    await unharmed(page, await page.title())
    assert "hacked" not in await page.title()
    await page.goto(f"{attacked.address}/topics#clickstream")
    await expect(page.locator(".list tbody tr").first).to_be_visible()
    await page.locator(".list tbody tr").first.get_by_role("button").press("Enter")
    await expect(page.locator(".message h2")).to_be_visible()
    await unharmed(page, await page.title())
    assert "hacked" not in await page.title()
    await page.goto(f"{attacked.address}/login?code={HACK}")
    await expect(page.get_by_role("heading").first).to_be_visible()
    await unharmed(page, await page.title())


async def test_an_overlay_opens_on_no_address_of_theirs(attacked: Served, new_page: NewPage, tmp_path: Path) -> None:
    """Whatever origin they gave, the operator is asked first, and no tab opens; nor for a path that looks like another host."""
    page = await logged_in(attacked, tmp_path, new_page)
    dialog = page.locator("#address-dialog")
    for path in ("//evil.example/x", "/${7*7}{{7*7}}", "/javascript:document.title='hacked'"):
        await page.get_by_role("button", name=f"Open overlay on {path}", exact=True).click(timeout=20_000)
        await expect(dialog).to_contain_text("Where does this site live?")
        assert len(page.context.pages) == 1
        await dialog.get_by_role("button", name="Close").click()
        await expect(dialog).to_be_hidden()
    await unharmed(page, await page.title())

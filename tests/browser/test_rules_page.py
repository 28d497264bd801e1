"""The rules page in a real browser, before the real server: each test is one of its promises."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from axe import complaints
from chromium import NewPage
from playwright.async_api import Page, expect
from tests.serving import Served, batch, start

from isotherm.access.keys import Keys

SETTINGS = """
[[rules]]
name = "fixed one"
page = "/p/1"
metric = "people"
at-least = 500

[[webhooks]]
name = "shop"
url = "https://hooks.example/heat"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""
HACK = "<img src=x onerror=\"document.title='hacked'\">"


async def started(folder: Path, *options: str) -> Served:
    settings = folder / "isotherm.toml"
    settings.write_text(SETTINGS)
    return await start(folder / "data", "--trust-senders", *options, config=settings)


async def logged_in(served: Served, folder: Path, new_page: NewPage, **options: Any) -> Page:
    keys = Keys(folder / "data" / "access.sqlite")
    code = keys.new_code(int(time.time() * 1000))
    keys.close()
    page = await new_page(**options)
    await page.goto(f"{served.address}/login?code={code}")
    await page.wait_for_url(f"{served.address}/")
    return page


async def crowd(served: Served, zone: str, people: int, **more: Any) -> None:
    """So many sessions move on one zone of /p/1."""
    async with aiohttp.ClientSession() as http:
        for one in range(people):
            who = f"{zone}{one}{len(more)}"
            body = batch(1, [100, 200, 300], session=who, load=who, **({"anchors": [zone], "anchor": [0, 0, 0]} | more))
            async with http.post(f"{served.address}/clickstream", json=body) as answer:
                assert answer.status == 202


def rule(page: Page, name: str) -> Any:
    return page.locator(f'.rule[data-key="{name}"]')


async def test_a_rule_is_tried_while_it_is_typed_then_made_changed_and_removed(tmp_path: Path, new_page: NewPage) -> None:
    """The dry run shows when it would have fired before anybody is told; made, it fires; removed by mistake, it comes back."""
    served = await started(tmp_path)
    await crowd(served, "offers", 4)
    await crowd(served, "offers", 2, age=[120_000] * 3)
    page = await logged_in(served, tmp_path, new_page)
    await page.goto(f"{served.address}/rules")
    await page.get_by_role("button", name="Make a rule").click()
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("popular")
    await page.get_by_label("Page", exact=True).fill("/p/1")
    await page.get_by_label("Zone", exact=True).fill("off*")
    await page.get_by_label("At least", exact=True).fill("50")
    await page.get_by_label("For", exact=True).fill("0")
    await expect(page.locator(".dry .verdict")).to_contain_text("It would have fired 1 time")
    await expect(page.locator(".spans")).to_contain_text("offers")
    await page.get_by_label("With at least").fill("400")
    await expect(page.locator(".dry .verdict")).to_contain_text("It would not have fired")
    await expect(page.locator("#told tbody tr")).to_have_count(0)
    await page.get_by_label("With at least").fill("3")
    await page.get_by_role("button", name="24 h").click()
    await expect(page.locator(".dry")).to_contain_text("Looked at once a minute")
    await page.get_by_role("button", name="Just now").click()
    await expect(page.locator(".dry .verdict")).to_contain_text("It would have fired 1 time")
    await page.get_by_role("button", name="Make the rule").press("Enter")
    await expect(page.locator("#editor")).to_be_hidden()
    await expect(rule(page, "popular")).to_contain_text("off* on /p/1 has at least 50 % of the page’s attention, with 3 people or more.")
    await expect(rule(page, "popular").locator(".badge")).to_have_text("offers hot now")
    await expect(page.locator("#told tbody tr").first).to_contain_text("100 % of the page’s attention, 6 people")
    await page.get_by_role("button", name="Change popular").click()
    await page.get_by_label("At least", exact=True).fill("60")
    await page.get_by_role("button", name="Save").click()
    await expect(rule(page, "popular")).to_contain_text("at least 60 %")
    await page.get_by_role("button", name="Remove popular").click()
    await expect(rule(page, "popular")).to_have_count(0)
    await expect(page.locator("#told tbody tr").first).to_contain_text("the rule was taken away")
    await page.get_by_role("button", name="Undo").click()
    await expect(rule(page, "popular")).to_contain_text("at least 60 %")
    await page.context.close()
    await served.stop()


async def test_what_is_wrong_is_told_at_its_field(tmp_path: Path, new_page: NewPage, console: Any) -> None:
    """What can be seen here at once, what only the server knows in its words, beside the field, which gets the focus."""
    console.expect("422")
    served = await started(tmp_path)
    page = await logged_in(served, tmp_path, new_page)
    await page.goto(f"{served.address}/rules")
    await page.get_by_role("button", name="Make a rule").click()
    await page.get_by_label("Page", exact=True).fill("/p/1")
    await page.get_by_label("Zone", exact=True).fill("a")
    await page.get_by_label("At least", exact=True).fill("a lot")
    await expect(page.locator("#about-at_least")).to_contain_text("should be a number")
    await page.get_by_label("At least", exact=True).fill("150")
    await expect(page.locator("#about-at_least")).to_contain_text("of a share to 1")
    await page.get_by_label("At least", exact=True).fill("15")
    await expect(page.locator("#about-at_least")).not_to_contain_text("share")
    await page.get_by_role("button", name="Make the rule").click()
    await expect(page.locator("#about-name")).to_contain_text("needs a name")
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type(HACK)
    await page.get_by_role("button", name="Make the rule").click()
    await expect(page.locator("#about-name")).to_contain_text("expected a rule's name of 1 to 64 letters")
    assert await page.locator("img[src=x]").count() == 0
    await page.get_by_label("Name").fill("fixed one")
    await page.get_by_role("button", name="Make the rule").click()
    await expect(page.locator("#about-name")).to_contain_text("There is a rule of that name")
    await page.context.close()
    await served.stop()


async def test_who_only_may_look_sees_rules_and_no_tools(tmp_path: Path, new_page: NewPage) -> None:
    """Open heat is no leave to change rules; those of the file are nobody's to change here; webhooks are the operator's alone."""
    served = await started(tmp_path, "--open-heat")
    guest = await new_page()
    await guest.goto(f"{served.address}/rules")
    await expect(rule(guest, "fixed one")).to_contain_text("Given at the start")
    await expect(guest.locator(".notice").filter(has_text="isotherm login")).to_be_visible()
    await expect(guest.get_by_role("button", name="Make a rule")).to_have_count(0)
    await expect(guest.locator("#hooks")).to_be_hidden()
    operator = await logged_in(served, tmp_path, new_page)
    await operator.goto(f"{served.address}/rules")
    await expect(operator.get_by_role("button", name="Make a rule")).to_be_visible()
    await expect(operator.get_by_role("button", name="Change fixed one")).to_have_count(0)
    await expect(operator.locator("#hooks li")).to_contain_text("hooks.example")
    for page in (guest, operator):
        await page.context.close()
    await served.stop()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_is_accessible_and_fits(tmp_path: Path, new_page: NewPage, theme: str) -> None:
    """axe finds nothing, on a desk and on a phone, with the form open too; nothing sticks out to the side."""
    served = await started(tmp_path)
    await crowd(served, "offers", 4)
    for width, height in [(1440, 900), (1024, 768), (390, 844)]:
        options = {"viewport": {"width": width, "height": height}, "color_scheme": theme, "reduced_motion": "reduce"}
        page = await logged_in(served, tmp_path, new_page, **options)
        foreign: list[str] = []
        page.on("request", lambda request, foreign=foreign: foreign.append(request.url))
        await page.goto(f"{served.address}/rules")
        await expect(rule(page, "fixed one")).to_be_visible()
        await expect(page.locator("#hooks li")).to_be_visible()
        assert await complaints(page) == [], f"{width} px"
        await page.get_by_role("button", name="Make a rule").click()
        await page.get_by_label("Page", exact=True).fill("/p/1")
        await page.get_by_label("Zone", exact=True).fill("off*")
        await expect(page.locator(".trial")).to_be_visible()
        assert await complaints(page) == [], f"{width} px, form"
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth")
        assert not [url for url in foreign if not url.startswith((served.address, "data:"))]
        await page.context.close()
    await served.stop()

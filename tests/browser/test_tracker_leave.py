"""The tracker in a real browser, against a server that only records: whose leave it asks, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
from chromium import NewPage
from playwright.async_api import Page
from recorder import Recorder
from tracker_steps import MOVE, heard, round_trip

WAITING = '<script async src="/tracker.js" data-site="shop" data-consent="wait"></script>'
SESSION = "sessionStorage.isotherm"


async def ready(page: Page, recorder: Recorder, html: str) -> None:
    recorder.pages["/"] = f'<body style="margin:0;height:3000px">{html}'
    await recorder.open(page)


async def apart(page: Page) -> None:
    """Clicks within 20 ms are one: a test's mouse may be as quick as that."""
    await page.evaluate("new Promise(done => setTimeout(done, 50))")


async def silent(page: Page, recorder: Recorder) -> None:
    """The page has gone on for more than a beat and a gathering, and nothing of ours has come."""
    await page.evaluate("new Promise(done => setTimeout(done, 600))")
    assert not [request for request in recorder.requests if "clickstream" in request]


async def test_it_waits_for_consent(page: Page, recorder: Recorder) -> None:
    """With `data-consent="wait"` nothing is stored, sampled or sent before `consent(true)`; then as without it."""
    await ready(page, recorder, WAITING)
    await page.mouse.click(300, 300)
    await page.mouse.move(310, 300)
    await silent(page, recorder)
    assert await page.evaluate(SESSION) is None
    await page.evaluate("isotherm.consent(true)")
    await heard(page, recorder)
    assert not [point for point in recorder.points() if point[1] >= 300], "what was before is not told later"
    assert await page.evaluate(SESSION) == recorder.batches[-1].session


async def test_consent_taken_back_ends_it_and_forgets_the_session(page: Page, recorder: Recorder) -> None:
    """What was not sent is dropped, the line is closed, nothing is kept; who consents again is somebody new."""
    await recorder.open(page)
    first = (await heard(page, recorder)).session
    await page.mouse.move(333, 222)
    await page.evaluate("isotherm.consent(false)")
    await recorder.until(lambda: not recorder.sockets)
    assert await page.evaluate(SESSION) is None
    before, requests = len(recorder.batches), len(recorder.requests)
    await apart(page)
    await page.mouse.click(400, 400)
    await page.evaluate("new Promise(done => setTimeout(done, 600))")
    await page.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pageshow'))")
    assert (len(recorder.batches), len(recorder.requests)) == (before, requests)
    await page.evaluate("isotherm.consent(true)")
    await page.mouse.click(500, 400)
    await recorder.until(lambda: ("click", 500.0, 400.0) in recorder.points())
    second = recorder.batches[-1].session
    assert second != first
    assert ("click", 400.0, 400.0) not in recorder.points()
    assert await page.evaluate(SESSION) == second


async def test_consent_given_twice_is_one(page: Page, recorder: Recorder) -> None:
    """No sample is taken twice."""
    await recorder.open(page)
    await page.evaluate("isotherm.consent(true); isotherm.consent(true)")
    await page.mouse.click(500, 400)
    await recorder.until(lambda: ("click", 500.0, 400.0) in recorder.points())
    await apart(page)
    await round_trip(page, recorder)
    assert [kind for kind, x, _ in recorder.points() if x == 500.0] == ["move", "click"]


@pytest.mark.parametrize("wish", ["doNotTrack", "globalPrivacyControl"])
async def test_a_browser_that_wants_no_tracking_is_not_overruled(page: Page, recorder: Recorder, wish: str) -> None:
    """Not by the page's `consent(true)` either."""
    value = '"1"' if wish == "doNotTrack" else "true"
    await page.add_init_script(f'Object.defineProperty(navigator, "{wish}", {{ value: {value} }})')
    await recorder.open(page)
    await page.evaluate("isotherm.consent(true)")
    await page.mouse.click(300, 300)
    await silent(page, recorder)
    assert await page.evaluate(SESSION) is None


async def test_ignored_regions_are_not_tracked(page: Page, recorder: Recorder) -> None:
    """Neither moves nor clicks where `data-isotherm-ignore` is under the pointer, also above what is tracked and within what is marked."""
    await ready(page, recorder, """<div data-isotherm-ignore style="position:fixed;left:200px;top:0;width:200px;height:400px">
        <button style="width:100px;height:100px">Private</button></div>
        <script async src="/tracker.js" data-site="shop"></script>""")  # fmt: skip
    await heard(page, recorder)
    for x, y in ((250, 50), (350, 350), (450, 350)):
        await apart(page)
        await page.mouse.click(x, y)
    await recorder.until(lambda: ("click", 450.0, 350.0) in recorder.points())
    assert {x for _, x, _ in recorder.points()} == {100.0, 450.0}


async def test_a_driven_browser_says_so(new_page: NewPage, recorder: Recorder) -> None:
    """`bot` where `navigator.webdriver` is true, and nothing of it where it is not."""
    told: dict[bool, Any] = {}
    for driven in (True, False):
        page = await new_page()
        await page.add_init_script(f'Object.defineProperty(Navigator.prototype, "webdriver", {{ get: () => {str(driven).lower()} }})')
        await recorder.open(page)
        before = len(recorder.batches)
        await page.mouse.move(100, 200)
        await recorder.until(lambda before=before: MOVE in [point for batch in recorder.batches[before:] for point in batch.points])
        told[driven] = recorder.batches[-1].message.get("bot", "left out")
    assert told == {True: True, False: "left out"}


async def test_only_named_parts_of_the_query_are_told(page: Page, recorder: Recorder) -> None:
    """Those that `data-query` names make the page; the rest of the query, and the fragment, stay in the browser."""
    recorder.pages["/list"] = """<body style="margin:0;height:3000px">
        <script async src="/tracker.js" data-site="shop" data-query="q,page"></script>"""
    await recorder.open(page, "/list?token=secret&q=red%20hat&mail=a%40b.c&page=2#part")
    assert (await heard(page, recorder)).path == "/list?q=red%20hat&page=2"
    await page.evaluate("history.pushState({}, '', '/list?session=9')")
    await page.mouse.click(300, 200)
    await recorder.until(lambda: ("click", 300.0, 200.0) in recorder.points())
    assert recorder.batches[-1].path == "/list"
    text = "".join(batch.text for batch in recorder.batches)
    assert not [word for word in ("secret", "mail", "session=9", "part") if word in text]

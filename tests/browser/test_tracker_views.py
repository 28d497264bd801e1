"""The tracker in a real browser, against a server that only records: what of the page is seen, from when to when."""

from __future__ import annotations

import pytest
from chromium import NewPage
from playwright.async_api import Page
from recorder import HEIGHT, TAG, Recorder, unpack
from tracker_steps import PRETEND_HIDDEN, run, run_until, stopped

FIRST = ("/", "view", 0.0)


async def appeared(page: Page, recorder: Recorder) -> None:
    """The first view is sent, its beat has ended."""
    await recorder.until(recorder.views)
    await run(page, 1500)


async def test_a_visitor_who_only_reads_is_seen(page: Page, recorder: Recorder) -> None:
    """One frame when the page is there, with the viewport's height and no anchor; no movement is needed for it."""
    await recorder.open(page)
    await recorder.until(recorder.views)
    message = recorder.batches[0].message
    assert (message["vh"], message["h"], message["anchors"], unpack(message["x"])) == (720, HEIGHT, [""], [0.0])
    assert (recorder.views(), recorder.points()) == ([FIRST], [])


async def test_the_first_view_knows_the_whole_document(page: Page, recorder: Recorder) -> None:
    """While a page loads its height is not known: the view waits for what is still to come."""
    recorder.pages["/"] = f"""<head>{TAG}</head><body style="margin:0"><script>
        addEventListener("load", () => document.body.innerHTML = "<div style='height:4000px'></div>");</script>"""
    await recorder.open(page)
    await recorder.until(recorder.views)
    assert [batch.message["h"] for batch in recorder.batches] == [4000]


@pytest.mark.parametrize("way", ["wheel", "key", "script"])
async def test_scrolling_is_seen_without_a_pointer(page: Page, recorder: Recorder, way: str) -> None:
    """Whoever scrolls by wheel, by key, by script: where it came to rest is told, and nothing of a pointer."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await appeared(page, recorder)
    if way == "wheel":
        await page.mouse.wheel(0, 400)
    elif way == "key":
        await page.keyboard.press("PageDown")
    else:
        await page.evaluate("scrollTo(0, 400)")
    # the page's clock stands between the steps: a browser tells of a scroll when it paints, which may be after one
    await run_until(page, lambda: recorder.views()[-1][2] >= 400)
    assert {kind for _, kind, _ in recorder.views()} == {"view"}
    assert recorder.points() == []


async def test_long_scrolling_is_told_four_times_a_second(page: Page, recorder: Recorder) -> None:
    """However many steps it has; once it rests no timer runs."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await appeared(page, recorder)
    for step in range(1, 41):  # two seconds
        await page.evaluate("y => new Promise(done => { addEventListener('scroll', done, { once: true }); scrollTo(0, y) })", 50 * step)
        await run(page, 50)
    await run(page, 3000)
    await recorder.until(lambda: ("/", "view", 2000.0) in recorder.views())
    assert 9 <= len(recorder.views()) <= 11
    assert [y for _, _, y in recorder.views()] == sorted(y for _, _, y in recorder.views())


async def test_who_leaves_ends_the_view(page: Page, recorder: Recorder) -> None:
    """The beacon tells where the page was left, also of a page that nobody moved on."""
    await recorder.open(page)
    await recorder.until(recorder.views)
    await page.evaluate("new Promise(done => { onscroll = done; scrollTo(0, 700) })")
    await page.goto(recorder.url + "/next")
    await recorder.until(lambda: ("/", "leave", 700.0) in recorder.views("beacon"))
    await recorder.until(lambda: ("/next", "view", 0.0) in recorder.views())
    assert [kind for path, kind, _ in recorder.views() if path == "/"].count("leave") == 1


async def test_another_path_ends_a_view_and_begins_one(page: Page, recorder: Recorder) -> None:
    """A single-page app that nobody moves on: `leave` under the old path, `view` under the new one; a change of the query alone is none."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await appeared(page, recorder)
    await page.evaluate("history.replaceState({}, '', '/?at=3')")
    await run(page, 1000)
    await page.evaluate("history.pushState({}, '', '/b')")
    await run(page, 1500)
    await recorder.until(lambda: len(recorder.views()) > 2)
    assert recorder.views() == [FIRST, ("/", "leave", 0.0), ("/b", "view", 0.0)]


async def test_hidden_is_not_seen(page: Page, recorder: Recorder) -> None:
    """Another tab in front ends the view; back in front a new one begins where the page now is."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await appeared(page, recorder)
    await page.evaluate(PRETEND_HIDDEN, True)
    await recorder.until(lambda: recorder.views("beacon"))
    await page.evaluate("new Promise(done => { onscroll = done; scrollTo(0, 500) })")
    await run(page, 5000)
    await page.evaluate(PRETEND_HIDDEN, False)
    await run(page, 2000)
    await recorder.until(lambda: len(recorder.views()) > 2)
    assert recorder.views() == [FIRST, ("/", "leave", 0.0), ("/", "view", 500.0)]


async def test_a_tab_in_the_background_is_seen_when_it_comes_to_the_front(new_page: NewPage, recorder: Recorder) -> None:
    """Nothing is sent of a page that nobody has seen, not when it is closed either."""
    page = await new_page()
    await page.add_init_script("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await recorder.open(page)
    await page.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pageshow')); fetch('/favicon.ico')")
    await recorder.until(lambda: "GET /favicon.ico" in recorder.requests)
    assert not [request for request in recorder.requests if "clickstream" in request]
    await page.evaluate(PRETEND_HIDDEN, False)
    await recorder.until(recorder.views)
    assert recorder.views() == [FIRST]

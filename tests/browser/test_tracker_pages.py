"""The tracker in a real browser, against a server that only records: which page and session a sample is of, and whose tag."""

from __future__ import annotations

import json

import pytest
from chromium import NewPage
from playwright.async_api import Page
from recorder import HEIGHT, TAG, Recorder, recording
from tracker_steps import MOVE, connected, heard, round_trip, run, run_until, stopped

from isotherm.web.tracker import served_tracker


async def test_samples_belong_to_the_path_where_they_were_taken(page: Page, recorder: Recorder) -> None:
    """A single-page app goes on by `pushState`, `replaceState` and back: also what was not yet sampled stays with its path."""
    async with stopped(page, recorder):
        await recorder.open(page, "/a?secret=1#top")
    await page.mouse.move(10, 10)
    await page.mouse.move(20, 10)
    await page.evaluate("history.pushState({}, '', '/b?secret=2')")
    await page.mouse.move(30, 10)
    await run(page, 300)
    await page.mouse.move(40, 10)
    await page.evaluate("history.replaceState({}, '', '/c')")
    await page.mouse.move(50, 10)
    await page.evaluate("new Promise(done => { onpopstate = done; history.back() })")
    await page.mouse.move(60, 10)
    await run_until(page, lambda: any(x == 60.0 for _, x, _ in recorder.points()))
    where = {x: batch.path for batch in recorder.batches for _, x, _ in batch.points}
    assert where == {10.0: "/a", 20.0: "/a", 30.0: "/b", 40.0: "/b", 50.0: "/c", 60.0: "/a"}


async def test_a_click_that_changes_the_page_belongs_to_the_page_before(page: Page, recorder: Recorder) -> None:
    """The app's own handler runs after ours."""
    recorder.pages["/"] = f"""<button style="position:fixed;left:0;top:0;width:50px;height:50px">Go</button>{TAG}
        <script>document.querySelector("button").onclick = () => history.pushState({{}}, "", "/bought")</script>"""
    await recorder.open(page)
    await page.mouse.click(20, 20)
    await recorder.until(lambda: ("click", 20.0, 20.0) in recorder.points())
    assert {batch.path for batch in recorder.batches if batch.points} == {"/"}


async def test_a_new_path_is_told_at_once(page: Page, recorder: Recorder) -> None:
    """However slow the pace is: so the server knows which page to pace it by."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await recorder.hint(60_000)
    await round_trip(page, recorder)
    await page.evaluate("history.pushState({}, '', '/next')")
    await run(page, 500)
    await page.mouse.move(100, 200)
    await run(page, 1)
    await recorder.until(lambda: recorder.batches[-1].path == "/next")


async def test_replacing_the_query_takes_no_sample(page: Page, recorder: Recorder) -> None:
    """An app that notes its scroll position in the address sixty times a second makes no more samples."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    for step in range(20):
        await page.mouse.move(100 + step, 200)
        await page.evaluate("step => history.replaceState({}, '', '?at=' + step)", step)
    await run(page, 2000)
    await recorder.until(lambda: ("move", 119.0, 200.0) in recorder.points())
    assert len(recorder.points()) == 3


async def test_a_document_that_grows_is_told_with_its_size(page: Page, recorder: Recorder) -> None:
    """Samples before and after lie in batches of their own."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await page.mouse.move(10, 10)
    await page.evaluate("document.body.firstChild.style.height = '9000px'")
    await run(page, 250)
    await page.mouse.move(20, 10)
    await run_until(page, lambda: ("move", 20.0, 10.0) in recorder.points())
    heights = {x: batch.message["h"] for batch in recorder.batches for _, x, _ in batch.points}
    assert (heights[10.0], heights[20.0]) == (HEIGHT, 9000)


async def test_nothing_but_the_path_is_sent_of_an_address(page: Page, recorder: Recorder) -> None:
    """No query, no fragment, no text, no input: the fields of the wire's table and no others."""
    recorder.pages["/p/ä"] = f'<title>secret</title><input value="secret" autofocus>{TAG}'
    recorder.pages["/next"] = "next"
    await recorder.open(page, "/p/%C3%A4?secret=1#secret")
    await page.mouse.click(20, 20)
    await page.keyboard.type("secret")
    await page.goto(recorder.url + "/next?secret")
    await recorder.until(lambda: any(kind == "click" for kind, _, _ in recorder.points()))
    for batch in recorder.batches:
        assert "secret" not in batch.text
        assert batch.path == "/p/%C3%A4"
        fields = {"v", "session", "bot", "load", "seq", "path", "w", "h", "vw", "vh", "kind", "x", "y", "age", "anchors", "anchor", "ax", "ay"}
        assert set(batch.message) | {"session"} == fields
    assert await page.evaluate("document.cookie") == ""


async def test_a_session_is_a_tab(new_page: NewPage, recorder: Recorder) -> None:
    """The next document in the tab has the same session and another load; another tab another session."""
    page = await new_page()
    for path in ("/a", "/b"):
        await recorder.open(page, path)
        await page.mouse.move(100, 200)
        await recorder.until(lambda: any(batch.path == path for batch in recorder.batches))  # noqa: B023
        await page.mouse.move(0, 0)
    other = await page.context.new_page()
    await recorder.open(other, "/c")
    await other.mouse.move(100, 200)
    await recorder.until(lambda: any(batch.path == "/c" for batch in recorder.batches))
    session = {batch.path: batch.session for batch in recorder.batches}
    load = {batch.path: batch.message["load"] for batch in recorder.batches}
    assert session["/a"] == session["/b"] != session["/c"]
    assert len(set(load.values())) == 3


async def test_without_storage_the_session_is_the_document(page: Page, recorder: Recorder) -> None:
    """In a sandboxed frame `sessionStorage` throws; the tracker does not."""
    recorder.pages["/outer"] = '<body style="margin:0"><iframe sandbox="allow-scripts" src="/inner" width=800 height=600 style="border:0">'
    await page.goto(recorder.url + "/outer")
    inner = page.frames[1]
    await inner.wait_for_function("window.isotherm && window.isotherm.load")
    assert await inner.evaluate("(() => { try { return sessionStorage } catch (error) { return error.name } })()") == "SecurityError"
    await page.mouse.move(100, 200)
    await recorder.until(lambda: MOVE in recorder.points())
    assert recorder.batches[0].session


@pytest.mark.parametrize(("name", "value"), [("doNotTrack", "1"), ("globalPrivacyControl", True)])
async def test_who_does_not_want_it_is_left_alone(page: Page, recorder: Recorder, name: str, value: object) -> None:
    """Do Not Track and Global Privacy Control: no listener, no storage, no socket, no beacon."""
    await page.add_init_script(f"""
        Object.defineProperty(Navigator.prototype, "{name}", {{ get: () => {json.dumps(value)} }});
        window.listeners = [];
        const add = EventTarget.prototype.addEventListener;
        EventTarget.prototype.addEventListener = function (type, ...rest) {{
            if (document.currentScript?.dataset.site) listeners.push(type);
            return add.call(this, type, ...rest);
        }};
    """)
    await recorder.open(page)
    await page.mouse.move(100, 200)
    await page.mouse.click(110, 210)
    assert await page.evaluate("[listeners, sessionStorage.length, localStorage.length]") == [[], 0, 0]
    await page.goto(recorder.url + "/next")
    await page.mouse.click(110, 210)
    await page.evaluate("fetch('/favicon.ico')")
    assert {request.split()[1] for request in recorder.requests} == {"/", "/next", "/tracker.js", "/favicon.ico"}


TAGS = {
    "plain": '<script src="/tracker.js" data-site="shop"></script>',
    "with a version": '<script async src="/tracker.js?v=3" data-site="shop"></script>',
    "as a module": '<script type="module" src="/tracker.js" data-site="shop"></script>',
    "by a tag manager": """<script>
        const tag = document.createElement("script");
        tag.src = "/tracker.js";
        tag.dataset.site = "shop";
        document.head.append(tag);
    </script>""",
    "run by a loader, beside others": """<script src="/copies/tracker.js?other" type="text/plain"></script>
        <script src="/tracker.js" data-site="shop" type="text/plain"></script>
        <script>fetch("/tracker.js").then((answer) => answer.text()).then((text) => setTimeout(new Function(text)));</script>""",
}


@pytest.mark.parametrize("how", TAGS)
async def test_it_finds_its_own_tag(page: Page, recorder: Recorder, how: str) -> None:
    """Also where `document.currentScript` is null."""
    recorder.pages["/"] = f'<body style="margin:0">{TAGS[how]}'
    await page.goto(recorder.url)
    assert (await heard(page, recorder)).site == "shop"


async def test_without_a_key_it_is_the_default_site(page: Page, recorder: Recorder) -> None:
    """A tag that lost its attributes still counts."""
    recorder.pages["/"] = '<body style="margin:0"><script type="module" src="/tracker.js"></script>'
    await page.goto(recorder.url)
    assert (await heard(page, recorder)).site == "default"


async def test_it_sends_where_it_came_from(page: Page, recorder: Recorder) -> None:
    """The page is on another host than the script."""
    recorder.pages["/"] = f'<body style="margin:0"><script src="{recorder.url}/tracker.js" data-site="shop"></script>'
    await page.goto(recorder.url.replace("127.0.0.1", "localhost"))
    await heard(page, recorder)


@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_it_sends_elsewhere_if_told(page: Page, recorder: Recorder, scheme: str) -> None:
    """`data-host`, with or without a scheme: the copy of the script may lie anywhere."""
    async with recording() as elsewhere:
        host = scheme + elsewhere.url.removeprefix("http://")
        recorder.pages["/"] = f'<body style="margin:0"><script src="/copies/tracker.js" data-host="{host}" data-site="shop"></script>'
        recorder.pages["/next"] = "next"
        await page.goto(recorder.url)
        await heard(page, elsewhere)
        await page.mouse.move(120, 210)
        await page.goto(recorder.url + "/next")
        await elsewhere.until(lambda: ("move", 120.0, 210.0) in elsewhere.points())
    assert not recorder.batches


async def test_it_goes_by_other_names(page: Page) -> None:
    """`--tracker-name` and `--ingest-path`: neither word of ours is on the way."""
    async with recording(tracker_path="/js/page.js", ingest_path="/in/box") as recorder:
        recorder.tracker = served_tracker("js/page.js", "/in/box")
        recorder.pages["/"] = '<body style="margin:0"><script type="module" src="/js/page.js" data-site="shop"></script>'
        await page.goto(recorder.url)
        await heard(page, recorder)
        await page.mouse.move(120, 210)
        recorder.pages["/next.html"] = "next"
        await page.goto(recorder.url + "/next.html")
        await recorder.until(lambda: ("move", 120.0, 210.0) in recorder.points())
        assert not [request for request in recorder.requests if "clickstream" in request or "tracker" in request]


async def test_the_same_tag_twice_tracks_once(page: Page, recorder: Recorder) -> None:
    """Whatever else is called `isotherm` on the page."""
    copy = '<script type="module" src="/copies/tracker.js" data-site="shop"></script>'
    recorder.pages["/"] = f'<body style="margin:0"><p id=isotherm></p>{TAG}{TAG}{copy}'
    await page.goto(recorder.url, wait_until="load")
    await heard(page, recorder)
    await page.mouse.click(300, 200)
    await recorder.until(lambda: ("click", 300.0, 200.0) in recorder.points())
    assert recorder.connections == 1
    assert recorder.points().count(MOVE) == 1

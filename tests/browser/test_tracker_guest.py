"""The tracker in a real browser, against a server that only records: a good guest on the page, and the way to the overlay."""

from __future__ import annotations

from chromium import Console
from playwright.async_api import Page
from recorder import TAG, Recorder
from tracker_steps import heard

OVERLAY = "({ host, site, token, pageOf }) => ({ host, site, token, page: pageOf(location) })"

async def test_it_works_under_a_strict_policy(page: Page, recorder: Recorder) -> None:
    """A Content-Security-Policy has to name our host for scripts and connections, and nothing more: no eval, no inline, no style."""
    socket = recorder.url.replace("http", "ws")
    recorder.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {recorder.url}; connect-src {recorder.url} {socket};"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page_url = recorder.url.replace("127.0.0.1", "localhost")
    recorder.pages["/"] = f'<script async src="{recorder.url}/tracker.js" data-site="shop"></script><p>x'
    await page.goto(page_url)
    await heard(page, recorder)
    await page.mouse.move(120, 210)
    await page.goto(page_url + "/#isotherm=token")
    await page.wait_for_function("window.overlay || window.isotherm")


async def test_it_never_throws(page: Page, recorder: Recorder, console: Console) -> None:
    """A page that took away what we stand on is not troubled by us."""
    await recorder.open(page)
    await page.evaluate("""
        const broken = () => { throw Error("broken by the page") };
        for (const name of ["btoa", "WebSocket", "setTimeout", "setInterval"]) window[name] = broken;
        navigator.sendBeacon = JSON.stringify = performance.now = broken;
        Object.defineProperty(document.documentElement, "scrollWidth", { get: broken });
    """)
    await page.mouse.move(100, 200)
    await page.mouse.click(110, 200)
    await page.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new CustomEvent('pointermove')); document.body.remove()")
    await page.mouse.click(120, 200)
    assert not console.errors


async def test_it_never_holds_the_page_up(page: Page, recorder: Recorder) -> None:
    """No listener is of a kind that scrolling waits for; none stops an event; history and sockets of the page are as the browser made them."""
    await recorder.open(page)
    cdp = await page.context.new_cdp_session(page)
    for native in ("history.pushState", "history.replaceState", "WebSocket", "fetch"):
        assert "[native code]" in await page.evaluate(f"String({native})")
    window = (await cdp.send("Runtime.evaluate", {"expression": "window"}))["result"]["objectId"]
    listeners = (await cdp.send("DOMDebugger.getEventListeners", {"objectId": window}))["listeners"]
    script = next(listener["scriptId"] for listener in listeners if listener["type"] == "pageshow")
    ours = [listener for listener in listeners if listener["scriptId"] == script]
    assert {listener["type"] for listener in ours} >= {"pointermove", "pointerdown", "scroll", "click", "pagehide"}
    assert not {listener["type"] for listener in ours if not listener["passive"]} & {"touchstart", "touchmove", "wheel", "mousewheel"}


async def test_a_token_in_the_fragment_opens_the_overlay(page: Page, recorder: Recorder) -> None:
    """It leaves the address at once, the overlay is told what it needs, and the viewer's mouse is not tracked in this tab any more."""
    await page.goto(recorder.url + "/p/1?x=2#isotherm=abc.DEF-1_2")
    await page.wait_for_function("window.overlay")
    assert await page.evaluate(f"({OVERLAY})(overlay)") == {"host": recorder.url, "site": "shop", "token": "abc.DEF-1_2", "page": "/p/1"}
    assert page.url == recorder.url + "/p/1?x=2"
    await page.mouse.click(100, 200)
    await recorder.open(page, "/p/2")
    await page.mouse.click(100, 200)
    await page.goto(recorder.url + "/p/3")
    await page.evaluate("fetch('/favicon.ico')")
    assert not [request for request in recorder.requests if "clickstream" in request]


async def test_behind_the_token_stands_a_range_of_time(page: Page, recorder: Recorder) -> None:
    """It goes on to the overlay, and leaves the address with the token."""
    recorder.pages["/p/1"] = TAG
    await page.goto(recorder.url + "/p/1#isotherm=abc&from=1700000000000&to=1700003600000")
    await page.wait_for_function("window.overlay")
    assert await page.evaluate("[overlay.token, overlay.range]") == ["abc", "from=1700000000000&to=1700003600000"]
    assert page.url == recorder.url + "/p/1"


async def test_the_token_leaves_the_address_at_once(page: Page, recorder: Recorder, console: Console) -> None:
    """Also where the overlay can't be loaded: no history and no bookmark keeps it. What else the fragment may be is the page's."""
    console.expect("Failed to load resource")
    await page.route("**/overlay/guest.js", lambda route: route.abort())
    recorder.pages["/p/1"] = f"""{TAG}<script>addEventListener("load", () => {{ window.address = location.href; }})</script>"""
    await page.goto(recorder.url + "/p/1?x=2#isotherm=abc.DEF-1_2")
    await page.wait_for_function("window.address")
    assert await page.evaluate("address") == page.url == recorder.url + "/p/1?x=2"
    await page.evaluate("name = 'isotherm='")
    await page.goto(recorder.url + "/p/1#part")
    await page.reload()
    await page.wait_for_function("window.address")
    assert await page.evaluate("address") == recorder.url + "/p/1#part"


DASHBOARD = """<script>
    window.heard = [];
    const tab = window.open("");
    tab.name = "NAME";
    tab.location.replace("PAGE");
    onmessage = (event) => {
        heard.push([event.data, event.origin]);
        if (event.source === tab && event.data === "isotherm:ready") tab.postMessage({ isotherm: "from-the-opener" }, "ORIGIN");
    };
</script>"""


async def test_the_opener_hands_the_token_over(page: Page, recorder: Recorder) -> None:
    """Where a router eats the fragment, the tracker asks who opened the tab, and stops tracking it when the answer comes."""
    shop = recorder.url.replace("127.0.0.1", "localhost")
    recorder.pages["/dashboard"] = DASHBOARD.replace("PAGE", shop + "/p/1#isotherm=eaten").replace("ORIGIN", shop).replace("NAME", "isotherm=")
    recorder.pages["/p/1"] = f"""<script>history.replaceState({{}}, "", "/p/1")</script>
        <script async src="{recorder.url}/tracker.js" data-site="shop"></script>"""
    async with page.context.expect_page() as opened:
        await page.goto(recorder.url + "/dashboard")
    tab = await opened.value
    await tab.wait_for_function("window.overlay")
    assert await tab.evaluate(f"({OVERLAY})(overlay)") == {"host": recorder.url, "site": "shop", "token": "from-the-opener", "page": "/p/1"}
    assert await page.evaluate("heard") == [["isotherm:ready", shop]]
    await tab.mouse.click(100, 200)
    await tab.goto(shop + "/p/2")
    await tab.evaluate("fetch('/favicon.ico')")
    assert not [request for request in recorder.requests if "clickstream" in request]


async def test_nobody_else_can_hand_a_token_over(page: Page, recorder: Recorder, console: Console) -> None:
    """An opener of another origin is told nothing, and what it says is not believed; nor is a frame of our own host."""
    console.expect("does not match the recipient window's origin")
    shop = recorder.url.replace("127.0.0.1", "localhost")
    recorder.pages["/evil"] = (
        DASHBOARD.replace("PAGE", recorder.url + "/p/1").replace("ORIGIN", "*").replace("NAME", "isotherm=")
        + """<script>
        setInterval(() => tab.postMessage({ isotherm: "forged" }, "*"), 20);
    </script>"""
    )
    recorder.pages["/frame"] = '<script>parent.postMessage({ isotherm: "forged" }, "*")</script>'
    recorder.pages["/p/1"] = f"""<body style="margin:0">{TAG}<script>
        window.messages = 0;
        addEventListener("message", () => {{ messages += 1; }});
    </script>"""
    async with page.context.expect_page() as opened:
        await page.goto(shop + "/evil")
    tab = await opened.value
    await tab.wait_for_function("messages > 3 && window.isotherm.load")
    await tab.evaluate("document.body.append(Object.assign(document.createElement('iframe'), { src: '/frame', hidden: true }))")
    await recorder.until(lambda: "GET /overlay/guest.js" in recorder.requests)
    heard_so_far = await tab.evaluate("messages")
    await tab.wait_for_function(f"messages > {heard_so_far + 9}")
    assert await tab.evaluate("window.overlay") is None
    assert await page.evaluate("heard") == []


async def test_a_visitor_whose_tab_another_page_opened_costs_no_request(page: Page, recorder: Recorder) -> None:
    """An opener alone makes no operator's tab: it is tracked, its opener is told nothing, and nothing of the overlay is loaded."""
    shop = recorder.url.replace("127.0.0.1", "localhost")
    recorder.pages["/partner"] = DASHBOARD.replace("PAGE", shop + "/p/1").replace("ORIGIN", shop).replace("NAME", "")
    async with page.context.expect_page() as opened:
        await page.goto(recorder.url + "/partner")
    tab = await opened.value
    await tab.bring_to_front()
    await heard(tab, recorder)
    assert await page.evaluate("heard") == []
    assert not [request for request in recorder.requests if "/overlay/" in request]

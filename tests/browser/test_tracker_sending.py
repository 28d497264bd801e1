"""The tracker in a real browser, against a server that only records: at which pace it sends, and that nothing is lost."""

from __future__ import annotations

from chromium import CHROMIUM_ARGUMENTS, Console, chromium_path
from playwright.async_api import Page, async_playwright
from recorder import Recorder, ack, silence
from tracker_steps import MINUTE_MS, MOVE, PRETEND_HIDDEN, connected, moving, round_trip, run, run_until, stopped


async def test_the_first_view_is_sent_at_once_and_then_a_second_is_gathered(page: Page, recorder: Recorder) -> None:
    """Before any hint: a frame a second, with four samples."""
    async with stopped(page, recorder):
        await recorder.open(page)
    assert recorder.batches[0].views == [("view", 0.0)]
    await moving(page, 8000)
    await recorder.until(lambda: len(recorder.points()) >= 30)
    sizes = [len(batch.points) for batch in recorder.batches[1:]]
    assert 7 <= len(sizes) <= 8
    assert set(sizes) <= {3, 4, 5}


async def test_watched_it_sends_each_sample_as_it_is_taken(page: Page, recorder: Recorder) -> None:
    """`{"every": 250}`: four frames a second, a sample each, just taken."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await recorder.hint(250)
    await round_trip(page, recorder)
    await run(page, 1000)
    before = len(recorder.batches)
    await moving(page, 5000)
    await recorder.until(lambda: len(recorder.batches) >= before + 20)
    assert {len(batch.points) for batch in recorder.batches[before:]} == {1}
    assert all(age <= 1 for batch in recorder.batches[before:] for age in batch.ages)


async def test_unwatched_it_gathers_for_as_long_as_it_is_told(page: Page, recorder: Recorder) -> None:
    """`{"every": 5000}`: a visitor who moves all the time costs a frame in five seconds, and no sample is lost."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await recorder.hint(5000)
    await round_trip(page, recorder)
    await run(page, 1000)
    batches, points = len(recorder.batches), len(recorder.points())
    await moving(page, 20_000)
    await run(page, 6000)
    await recorder.until(lambda: len(recorder.points()) >= points + 80)
    assert len(recorder.batches) - batches <= 5
    assert all(age <= 5000 for batch in recorder.batches for age in batch.ages)


async def test_a_hint_is_heeded_at_once(page: Page, recorder: Recorder) -> None:
    """When somebody opens the overlay, what was being gathered comes without waiting for the old pace."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await recorder.hint(60_000)
    await round_trip(page, recorder)
    await run(page, 1000)
    await page.mouse.move(7, 7)
    await run(page, 2000)
    await recorder.hint(250)
    assert await run_until(page, lambda: ("move", 7.0, 7.0) in recorder.points(), step_ms=1) < 5000


async def test_what_was_not_acknowledged_comes_again_under_its_number(page: Page, recorder: Recorder) -> None:
    """The line breaks before the ack: the same samples, load and seq, with their age told anew, and then what came since."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    recorder.answer = silence
    sent = len(recorder.batches)
    await page.mouse.move(100, 200)
    await run(page, 1000)
    await recorder.until(lambda: MOVE in recorder.points())
    recorder.answer = ack
    await recorder.hang_up()
    await run(page, 100)
    await page.mouse.move(111, 222)
    await run(page, 400)
    assert recorder.connections == 1, "not before half a second"
    await run_until(page, lambda: recorder.connections == 2)
    await recorder.until(lambda: len(recorder.batches) >= sent + 3)
    first, again, new = recorder.batches[sent : sent + 3]
    assert (first.connection, again.connection) == (0, 1)
    assert first.message | {"age": again.message["age"]} == again.message
    assert again.ages[0] >= first.ages[0] + 500
    assert new.message["load"] == first.message["load"]
    assert new.seq > first.seq
    assert new.points == [("move", 111.0, 222.0)]


async def test_it_reconnects_only_when_there_is_something_to_send(page: Page, recorder: Recorder) -> None:
    """A server that goes away while nobody moves is not called again."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await recorder.hang_up()
    await recorder.until(lambda: not recorder.sockets)
    await run(page, 2 * MINUTE_MS)
    assert recorder.connections == 1
    await page.mouse.move(100, 200)
    # Not at once: a busy browser may have heard of the closing only now, and first waits as after any failure.
    await run_until(page, lambda: MOVE in recorder.points())
    assert recorder.connections == 2


async def test_attempts_grow_apart(page: Page, recorder: Recorder, console: Console) -> None:
    """A visitor who moves for five minutes while the server is down calls it a dozen times, not thousands."""
    console.expect("WebSocket connection")
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)

    def calls() -> int:
        return sum("/clickstream/" in request for request in recorder.requests)

    recorder.accepting = False
    await recorder.hang_up()
    await recorder.until(lambda: not recorder.sockets)
    await page.mouse.move(100, 200)
    await run_until(page, lambda: calls() == 2, step_ms=100)
    for attempt in range(1, 6):
        gap_ms = await run_until(page, lambda: calls() == attempt + 2, step_ms=100)  # noqa: B023
        assert 500 * 2**attempt <= gap_ms <= 1000 * 2**attempt + 1000
    recorder.accepting = True
    await run_until(page, lambda: MOVE in recorder.points(), step_ms=1000)


async def test_told_to_wait_it_waits_and_sends_the_same(page: Page, recorder: Recorder) -> None:
    """An error with `retry_after_ms` is a delay, also for what came meanwhile."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    recorder.answer = lambda batch: [{"error": "too fast", "seq": batch.seq, "retry_after_ms": 8000}]
    await page.mouse.move(100, 200)
    await run(page, 1000)
    await recorder.until(lambda: MOVE in recorder.points())
    refused = recorder.batches[-1]
    recorder.answer = ack
    count = len(recorder.batches)
    await page.mouse.move(120, 220)
    await run(page, 5000)
    await page.mouse.click(120, 220)
    await page.evaluate("fetch('/favicon.ico')")
    assert len(recorder.batches) == count, "not even a click"
    await run(page, 4000)
    await recorder.until(lambda: recorder.points()[-1] == ("click", 120.0, 220.0))
    assert recorder.batches[count].message | {"age": ""} == refused.message | {"age": ""}


async def test_what_was_refused_for_good_is_forgotten(page: Page, recorder: Recorder) -> None:
    """An error with a number and no time is final; others go on, and words that make no sense change nothing."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    recorder.answer = lambda batch: [{"error": "no", "seq": batch.seq}]
    await page.mouse.move(100, 200)
    await run(page, 1000)
    await recorder.until(lambda: MOVE in recorder.points())
    recorder.answer = ack
    for nonsense in ("", "{", "null", "7", '"ack"', "[]", '{"every": null}', '{"every": "soon"}', '{"hello": {}}', '{"ack": 4711}'):
        await recorder.say(nonsense)
    await recorder.hint(1000)
    await recorder.hang_up()
    await page.mouse.move(300, 300)
    await run(page, 5000)
    await recorder.until(lambda: ("move", 300.0, 300.0) in recorder.points())
    assert recorder.points().count(MOVE) == 1


async def test_a_dead_line_is_given_up(page: Page, recorder: Recorder) -> None:
    """A socket that has owed an ack for more than ten seconds is closed at the next movement, and all is sent on a new one."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    recorder.answer = silence
    await page.mouse.move(100, 200)
    await run(page, 1000)
    await recorder.until(lambda: MOVE in recorder.points())
    recorder.answer = ack
    await run(page, 11_000)
    await page.mouse.move(120, 220)
    await run(page, 2500)
    await recorder.until(lambda: ("move", 120.0, 220.0) in recorder.points())
    assert [batch.connection for batch in recorder.batches if MOVE in batch.points] == [0, 1]


async def test_the_queue_is_bounded(page: Page, recorder: Recorder, console: Console) -> None:
    """Cut off from its server it keeps the newest 2,000 samples, in batches that the server takes."""
    console.expect("WebSocket connection")
    recorder.accepting = False
    async with stopped(page, recorder):
        await recorder.open(page)
    await page.evaluate("""
        let step = 0;
        const move = () => dispatchEvent(new PointerEvent("pointermove", { clientX: 100 + ++step, clientY: 9 }));
        setInterval(move, 250);
    """)
    await run(page, 2100 * 250)
    recorder.accepting = True
    await run_until(page, lambda: recorder.batches, step_ms=250)
    await recorder.until(lambda: len(recorder.points()) >= 2000)
    first = recorder.batches[0].connection
    came = [point for batch in recorder.batches if batch.connection == first for point in batch.points]
    assert all(len(batch.points) <= 500 for batch in recorder.batches)
    assert came[0][1] > 200, "the oldest are gone"
    assert 1990 <= sum(len(batch.points) for batch in recorder.batches[:5]) <= 2001


async def test_what_is_too_old_is_not_told(page: Page, recorder: Recorder, console: Console) -> None:
    """After ten minutes a sample could count twice, and the server would refuse its whole batch."""
    console.expect("WebSocket connection")
    recorder.accepting = False
    async with stopped(page, recorder):
        await recorder.open(page)
    await page.mouse.move(100, 200)
    await run(page, 5 * MINUTE_MS)
    await page.mouse.move(111, 200)
    await run(page, 5 * MINUTE_MS)
    recorder.accepting = True
    await page.mouse.move(122, 200)
    await run_until(page, lambda: ("move", 122.0, 200.0) in recorder.points())
    assert [x for _, x, _ in recorder.points()] == [111.0, 122.0]


async def test_who_leaves_takes_nothing_along(page: Page, recorder: Recorder) -> None:
    """What waits to be sent when the page is left comes by a beacon, the last place included, and each batch once."""
    await recorder.open(page)
    await page.mouse.move(100, 200)
    await recorder.until(lambda: MOVE in recorder.points())
    await page.mouse.move(110, 200)
    await page.mouse.move(120, 200)
    await page.goto(recorder.url + "/next")
    await recorder.until(lambda: ("move", 120.0, 200.0) in recorder.points())
    beacons = [batch for batch in recorder.batches if batch.way == "beacon"]
    assert [batch.site for batch in beacons] == ["shop"]
    assert beacons[0].points[-1] == ("move", 120.0, 200.0)
    assert beacons[0].path == "/"
    assert beacons[0].message["session"] == recorder.batches[0].address_session, "a beacon's address names no session"
    assert "session" not in recorder.batches[0].message, "a socket's does"


async def test_what_is_in_flight_when_the_page_is_left_is_said_again(page: Page, recorder: Recorder) -> None:
    """Sent but not acknowledged: the beacon carries it under the same number."""
    recorder.answer = silence
    await recorder.open(page)
    await page.mouse.move(100, 200)
    await recorder.until(lambda: MOVE in recorder.points("socket"))
    await page.goto(recorder.url + "/next")
    await recorder.until(lambda: MOVE in recorder.points("beacon"))
    sent, again = [batch for batch in recorder.batches if MOVE in batch.points]
    assert sent.told == again.told


async def test_hidden_it_tells_what_it_has_and_is_silent(page: Page, recorder: Recorder) -> None:
    """Another tab in front: a beacon, and no more, though the page scrolls by itself; back in front all goes on."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await page.mouse.move(100, 200)
    await page.evaluate(PRETEND_HIDDEN, True)
    await recorder.until(lambda: MOVE in recorder.points("beacon"))
    await page.evaluate("new Promise(done => { onscroll = done; scrollTo(0, 500) })")
    await run(page, MINUTE_MS)
    count = len(recorder.batches)
    assert MOVE not in recorder.points("socket")
    await page.evaluate(PRETEND_HIDDEN, False)
    await run_until(page, lambda: MOVE in recorder.points("socket"))
    again, beacon = recorder.batches[count], recorder.batches[count - 1]
    assert again.told == beacon.told, "a beacon has no answer, so it comes again and counts once"
    await page.mouse.move(130, 230)
    await run_until(page, lambda: ("move", 130.0, 730.0) in recorder.points())


async def test_a_page_that_comes_back_works_again(recorder: Recorder, console: Console) -> None:
    """The tracker does not keep a page out of the back/forward cache, and wakes with it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"]
        )
        page = await browser.new_page()
        console.watch(page)
        await recorder.open(page)
        await page.mouse.move(100, 200)
        await recorder.until(lambda: MOVE in recorder.points())
        load = await page.evaluate("onpageshow = (event) => { window.back = event.persisted }; isotherm.load")
        await page.goto(recorder.url + "/next")
        await page.evaluate("setTimeout(() => history.back(), 0)")
        await page.wait_for_function("window.back === true")
        await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # it takes input again
        await page.mouse.move(140, 240)
        await recorder.until(lambda: ("move", 140.0, 240.0) in recorder.points())
        assert recorder.batches[-1].message["load"] == load
        assert recorder.batches[-1].path == "/"
        await browser.close()
    assert not console.unexpected()

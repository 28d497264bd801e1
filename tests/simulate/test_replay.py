"""Recorded events, sent again."""

import asyncio
import json
import time
from typing import Any

import pytest
from aiohttp import web

from isotherm.simulate.replay import ReplayError, ReplayReport, replay
from tests.simulate.recorder import recording

LONG_AGO_MS = 1_600_000_000_000


def event(since_ms: float, **other: Any) -> dict[str, Any]:
    return {
        "session_id": "s1", "type": "mousemove", "relative_path": "/p/1", "window": {"width": 1280, "height": 2400},
        "mouse-coordinates": {"x": 640.25, "y": 1200}, "timestamp": LONG_AGO_MS + since_ms,
    } | other  # fmt: skip


def lines(*events: dict[str, Any]) -> list[bytes]:
    return [json.dumps(one).encode() + b"\n" for one in events]


def bad_request(message: str, status: int = 422) -> web.Response:
    return web.json_response({"error": message}, status=status)


async def test_as_recorded_every_event_is_sent_as_it_stands_in_arrays_of_a_thousand() -> None:
    recorded = [event(number * 1000, note=number) for number in range(2500)]
    async with recording() as server:
        report = await replay(lines(*recorded), url=server.url, as_recorded=True, site="shop 1", token="secret")
        assert sorted((one for post in server.posts for one in post), key=lambda one: one["note"]) == recorded
        assert all(len(post) <= 1000 for post in server.posts)
        assert server.sites == {"shop 1"}
        assert server.post_headers[0]["Authorization"] == "Bearer secret"
    assert (report.lines, report.sent, report.retried) == (2500, 2500, 0)
    assert report.posts == len(server.posts)


async def test_the_first_event_is_now_and_gaps_are_kept() -> None:
    async with recording() as server:
        before_ms = time.time() * 1000
        await replay(lines(event(0), event(100), event(700)), url=server.url)
        sent = [one for post in server.posts for one in post]
        first = sent[0]["timestamp"]
        assert before_ms - 1 <= first <= time.time() * 1000
        assert [one["timestamp"] - first for one in sent] == [0, 100, 700]
        assert len(server.posts) >= 2, "what is not due yet waits"


async def test_nothing_is_sent_before_its_time() -> None:
    """Otherwise the server would take it for an event of the future."""
    ahead: list[float] = []

    def on_post(events: list[dict[str, Any]]) -> None:
        ahead.extend(one["timestamp"] - time.time() * 1000 for one in events)

    async with recording(on_post=on_post) as server:
        await replay(lines(*(event(number * 40) for number in range(20))), url=server.url)
    assert len(ahead) == 20
    assert max(ahead) < 2


@pytest.mark.parametrize("speed", [2.0, 100.0, 0.5])
async def test_speed_shortens_the_gaps(speed: float) -> None:
    async with recording() as server:
        await replay(lines(event(0), event(speed * 300), event(speed * 50)), url=server.url, speed=speed)
        sent = [one["timestamp"] for post in server.posts for one in post]
        assert sorted(stamp - sent[0] for stamp in sent) == [0, 50, 300]


async def test_all_other_fields_go_on_as_they_are() -> None:
    async with recording() as server:
        await replay(lines(event(0, extra={"deep": [1, None, "ü"]}, query_prams="?x=2")), url=server.url)
        (one,) = server.posts[0]
        assert one == event(0, extra={"deep": [1, None, "ü"]}, query_prams="?x=2") | {"timestamp": one["timestamp"]}


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b"mousemove\n", "JSON"),
        (b"[1]\n", "JSON object"),
        (b'{"type": "click"}\n', "timestamp"),
        (b'{"timestamp": "yesterday"}\n', "timestamp"),
        (b'{"timestamp": null}\n', "timestamp"),
    ],
)
@pytest.mark.parametrize("as_recorded", [True, False])
async def test_a_line_that_is_no_event_is_named_and_what_stands_before_it_was_sent(line: bytes, word: str, as_recorded: bool) -> None:
    async with recording() as server:
        with pytest.raises(ReplayError, match=f"^line 4: .*{word}") as caught:
            await replay([*lines(event(0), event(1)), b"\n", line, *lines(event(2))], url=server.url, as_recorded=as_recorded)
        assert caught.value.line == 4
        assert caught.value.report is not None
        assert caught.value.report.sent == 2 == sum(map(len, server.posts))


@pytest.mark.parametrize("status", [413, 422])
async def test_the_line_that_the_server_refuses_is_named(status: int) -> None:
    def on_post(events: list[dict[str, Any]]) -> web.Response | None:
        return bad_request("Expected `width` > 0", status) if any(one.get("note") == "bad" for one in events) else None

    recorded = [event(number, note="bad" if number == 618 else "good") for number in range(1000)]
    async with recording(on_post=on_post) as server:
        with pytest.raises(ReplayError, match=r"^line 619: .*Expected `width` > 0"):
            await replay(lines(*recorded), url=server.url, as_recorded=True)
        assert sum(map(len, server.posts)) == 618, "what stands before it went through"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_server_that_cannot_now_is_asked_again_when_it_says(status: int) -> None:
    answers = [web.json_response({"error": "full"}, status=status, headers={"Retry-After": "1"}) for _ in range(2)]

    def on_post(_events: object) -> web.Response | None:
        return answers.pop() if answers else None

    async with recording(on_post=on_post) as server:
        report = await replay(lines(event(0)), url=server.url, as_recorded=True)
        assert (report.sent, report.retried, report.posts) == (1, 2, 3)
        assert report.seconds >= 2


async def test_a_lost_connection_is_tried_again() -> None:
    dropped: list[int] = []

    async def drop(request: web.Request) -> web.Response:
        if len(dropped) < 2:
            dropped.append(1)
            assert request.transport is not None
            request.transport.close()
            return web.Response(status=500)
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/clickstream", drop)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    report = await replay(lines(event(0)), url=f"http://127.0.0.1:{runner.addresses[0][1]}/", as_recorded=True)
    assert (report.sent, report.retried) == (1, 2)
    await runner.cleanup()


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_no_retry_can_help_ends_it_in_the_servers_words(status: int) -> None:
    async with recording(on_post=lambda _events: bad_request("unknown site", status)) as server:
        with pytest.raises(ReplayError, match=f"{status}: unknown site"):
            await replay(lines(event(0)), url=server.url, as_recorded=True)


async def test_a_stream_without_end_goes_through_while_it_is_written() -> None:
    """The source is never read whole: the first events are durable while later ones do not exist yet."""
    ask = asyncio.Event()

    async def source() -> Any:
        for number in range(3):
            yield json.dumps(event(number)).encode()
        await ask.wait()
        yield json.dumps(event(3)).encode()

    async with recording() as server:
        run = asyncio.create_task(replay(source(), url=server.url))
        await server.until(lambda: sum(map(len, server.posts)) == 3)
        ask.set()
        assert (await run).sent == 4


async def test_arrays_stay_under_the_servers_limit_of_bytes() -> None:
    recorded = [event(number, note="x" * 20_000) for number in range(200)]
    sizes: list[int] = []

    def on_post(events: list[dict[str, Any]]) -> None:
        sizes.append(len(json.dumps(events)))

    async with recording(on_post=on_post) as server:
        report = await replay(lines(*recorded), url=server.url, as_recorded=True)
    assert report.sent == 200
    assert max(sizes) < 1 << 20


async def test_progress_is_told_and_the_last_word_is_the_report() -> None:
    told: list[ReplayReport] = []
    async with recording() as server:
        report = await replay(lines(event(0)), url=server.url, on_progress=told.append)
    assert told[-1] is report
    assert "1 events sent of 1 lines" in str(report)


async def test_nothing_to_send_is_no_error() -> None:
    async with recording() as server:
        assert (await replay([], url=server.url)).sent == 0
        assert (await replay([b"\n", b"  \n"], url=server.url)).sent == 0


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
async def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ReplayError, match="speed"):
        await replay([], url="http://127.0.0.1:1", speed=speed)

"""Visitors over real sockets, against a small server that speaks the wire format."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

import isotherm.web.shop
from isotherm.simulate import Refused, simulate
from isotherm.simulate.layout import LayoutError
from tests.simulate.recorder import recording

LAYOUT = Path(isotherm.web.shop.__file__).parent / "layout.json"


async def test_what_visitors_took_is_what_the_server_has() -> None:
    told: list[int] = []
    async with recording(layout=LAYOUT) as server:
        report = await simulate(server.url, visitors=20, seconds=3, seed=1, on_progress=lambda report: told.append(report.taken))
        counted = server.counted().values()
        assert report.taken == report.acked == sum(len(batch.x) for batch in counted) > 0
        assert 0 < len(server.sessions) <= report.visitors, "who came just before the end has nothing to send, and opens no socket"
        assert report.present == report.shed == report.refused == report.connections_lost == 0
        assert {batch.session for batch in counted} <= server.sessions
        assert server.sites == {"default"}
        assert server.sockets_most <= 20, "one socket a visitor"
        assert told
        assert told == sorted(told)


async def test_they_are_on_the_shops_pages_at_the_sizes_that_were_measured() -> None:
    async with recording(layout=LAYOUT) as server:
        await simulate(server.url, visitors=10, seconds=2, seed=2)
        assert {batch.path for batch in server.frames} <= set(isotherm.web.shop.paths())
        assert all(batch.w == batch.vw and batch.w in (390, 820, 1280, 1440, 1920) for batch in server.frames)


async def test_a_site_without_a_layout_is_walked_over_the_pages_that_are_named() -> None:
    async with recording() as server:
        await simulate(server.url, visitors=6, seconds=2, seed=1, site="other site", pages=["/a", "/b"])
        assert {batch.path for batch in server.frames} <= {"/a", "/b"}
        assert server.sites == {"other site"}
    async with recording() as server:
        await simulate(server.url, visitors=3, seconds=1, seed=1)
        assert {batch.path for batch in server.frames} == {"/"}


async def test_the_pace_is_the_servers() -> None:
    """Told to gather for five seconds, they send a fraction of the frames."""

    async def frames_a_sample(every_ms: int) -> float:
        async with recording(every_ms=every_ms) as server:
            report = await simulate(server.url, visitors=12, seconds=4, seed=3, pages=["/"])
        assert report.acked == report.taken
        return report.frames / report.taken

    often, seldom = await asyncio.gather(frames_a_sample(250), frames_a_sample(5000))
    assert seldom < 0.6 * often


async def test_the_same_seed_again_is_no_repeat() -> None:
    """A server that counts each (session, load, seq) once within ten minutes counts a second run too."""
    async with recording() as server:
        for _run in range(2):
            await simulate(server.url, visitors=4, seconds=1, seed=1, pages=["/"])
        assert len(server.counted()) == len(server.frames)


async def test_after_a_lost_line_what_was_not_acknowledged_comes_again_and_counts_once() -> None:
    async with recording(ack=False) as server:
        run = asyncio.create_task(simulate(server.url, visitors=3, seconds=4, seed=1, pages=["/"]))
        await server.until(lambda: len(server.frames) >= 3)
        unacked = set(server.counted())
        server.ack = True
        for socket in list(server.sockets):
            await socket.close(code=1001)
        report = await run
        assert report.connections_lost >= 1
        assert report.acked == report.taken == sum(len(batch.x) for batch in server.counted().values())
        again = [batch for batch in server.frames if (batch.session, batch.load, batch.seq) in unacked]
        assert len(again) > len(unacked)


async def test_not_now_is_tried_again_and_never_is_not() -> None:
    first: set[tuple[str, str, int]] = set()

    async with recording() as server:

        def moody(batch: object) -> dict[str, object] | None:
            newest = server.frames[-1]
            key = (newest.session, newest.load, newest.seq)
            if newest.seq == 1:
                return {"error": "never", "seq": 1}
            if key not in first:
                first.add(key)
                return {"error": "not now", "seq": newest.seq, "retry_after_ms": 50}
            return None

        server.answer = moody
        report = await simulate(server.url, visitors=4, seconds=3, seed=1, pages=["/"])
        assert report.retried >= len(first) > 0
        assert report.refused == sum(len(batch.x) for batch in server.frames if batch.seq == 1)
        assert report.acked + report.refused == report.taken


@pytest.mark.parametrize("status", [403, 404])
async def test_a_server_that_takes_nobody_ends_it_with_its_word(status: int) -> None:
    async with recording(upgrade_status=status) as server:
        with pytest.raises(Refused, match=str(status)):
            await simulate(server.url, visitors=3, seconds=30, seed=1, pages=["/"])


async def test_a_server_that_cannot_now_is_asked_again() -> None:
    async with recording(upgrade_status=503) as server:
        run = asyncio.create_task(simulate(server.url, visitors=3, seconds=6, seed=1, pages=["/"]))
        await server.until(lambda: server.upgrades_refused >= 2)
        server.upgrade_status = 0
        report = await run
        assert report.acked == report.taken > 0


async def test_a_server_that_is_not_there_is_an_error_at_once() -> None:
    async with recording() as server:
        gone = server.url
    with pytest.raises(aiohttp.ClientError):
        await simulate(gone, visitors=1, seconds=30, seed=1)


async def test_a_broken_layout_is_an_error_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "layout.json"
    broken.write_text('{"v": 9}')
    async with recording(layout=broken) as server:
        with pytest.raises(LayoutError):
            await simulate(server.url, visitors=1, seconds=30, seed=1)


async def test_cancelled_it_leaves_nothing_behind() -> None:
    async with recording() as server:
        before = asyncio.all_tasks()
        run = asyncio.create_task(simulate(server.url, visitors=5, seed=1, pages=["/"]))
        await server.until(lambda: len(server.sessions) >= 3 and bool(server.frames))
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await server.until(lambda: not server.sockets)
        ours = {task for task in asyncio.all_tasks() - before if "isotherm" in repr(task.get_coro())}
        assert not ours

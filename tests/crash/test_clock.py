"""The machine's clock jumps an hour ahead and back over a running server."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import pytest

from isotherm.runtimes.clock import Clock
from tests.inside import inside
from tests.serving import Frame, apply, batch, decode_frame, eventually

HOUR_S = 3600
HOP_MS = 100


@pytest.mark.parametrize("jumps_s", [[HOUR_S, 0], [-HOUR_S, 0], [HOUR_S, -HOUR_S, HOUR_S]])
async def test_a_jump_costs_a_frame(http: aiohttp.ClientSession, tmp_path: Path, jumps_s: list[int]) -> None:
    """After each jump: no more frames than there were hops by a steady clock, each of one window's size, on the new time; what is sent then is
    acknowledged, and shown on both kinds of sockets; a jump is counted."""
    ahead_s = 0
    clock = Clock(10_000, wall_s=lambda: time.time() + ahead_s)
    async with (
        inside(tmp_path / "data", clock=clock, pipeline={"hop_ms": HOP_MS, "window_ms": 60_000}) as house,
        http.ws_connect(f"{house.ws}/live?page=/p/1") as live,
        http.ws_connect(f"{house.ws}/heatmap/p/1") as classic,
        http.ws_connect(f"{house.ws}/clickstream/s") as tracker,
    ):
        frames: list[Frame] = []
        heats: list[dict[str, object]] = []
        reading = [asyncio.create_task(_read_live(live, frames)), asyncio.create_task(_read_classic(classic, heats))]
        for seq, ahead_s in enumerate([0, *jumps_s]):
            began_s, before = time.monotonic(), len(frames)
            await _send_until_acked(tracker, seq)
            now_ms = (time.time() + ahead_s) * 1000
            await eventually(lambda now_ms=now_ms, seq=seq: _true(_shows_two(frames, seq) and abs(frames[-1].end_ms - now_ms) < 60_000), 60)
            await eventually(lambda seq=seq: _true(bool(heats) and heats[-1]["value"] == {str(5 * seq + 2): {str(5 * seq + 2): 2}}), 60)
            hops = (time.monotonic() - began_s) * 1000 / HOP_MS
            assert len(frames) - before <= hops + 3, "no flood"
            assert {frame.window_ms for frame in frames} == {60_000}
        assert clock.steps == len(jumps_s)
        assert house.pipeline.lag_ms < 60_000
        async with http.get(f"{house.address}/healthz") as answer:
            assert answer.status == 200
        for task in reading:
            assert not task.done()
            task.cancel()


def _shows_two(frames: list[Frame], seq: int) -> bool:
    """The picture as a viewer has it: two samples on this lap's tile; those of before the jump are out of the window."""
    picture: dict[int, int] = {}
    for frame in frames:
        picture = apply(picture, frame)
    return picture == {(5 * seq + 2) * 51: 2}


async def _send_until_acked(tracker: aiohttp.ClientWebSocketResponse, seq: int) -> None:
    """As a tracker does: after a jump back a session may have to wait a moment for its rate."""
    await tracker.send_str(json.dumps(batch(seq, [100.0 * seq + 50] * 2)))
    while True:
        answer = json.loads((await tracker.receive()).data)
        if answer.get("ack") == seq:
            return
        if "error" in answer:
            await asyncio.sleep(answer["retry_after_ms"] / 1000)
            await tracker.send_str(json.dumps(batch(seq, [100.0 * seq + 50] * 2)))


async def _read_live(live: aiohttp.ClientWebSocketResponse, frames: list[Frame]) -> None:
    async for message in live:
        frames.append(decode_frame(message.data))


async def _read_classic(classic: aiohttp.ClientWebSocketResponse, heats: list[dict[str, object]]) -> None:
    async for message in classic:
        heats.append(json.loads(message.data))


async def _true(value: bool) -> bool:
    return value

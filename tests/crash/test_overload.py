"""Far more than the server can take: who was there before keeps their heat, memory stays bounded, and when it ends all is as before."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.crash.test_disk import figure
from tests.end_to_end.conftest import Serve
from tests.serving import Served, batch, decode_frame, eventually

FLOODING = 40  #: sockets, each of which alone sends more than can be taken
RESIDENT_MB_MAX = 600
FRAME_S_MAX = 15.0  #: between two frames of a viewer, on a machine that others use too; without a flood they are 0.25 s apart


@dataclass
class Regular:
    """A visitor and a viewer who were there before: what they say four times a second, and when they were answered and shown it."""

    served: Served
    tracker: aiohttp.ClientWebSocketResponse
    viewer: aiohttp.ClientWebSocketResponse
    sent_s: dict[int, float] = field(default_factory=dict)
    acked_s: dict[int, float] = field(default_factory=dict)
    frames_s: list[float] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    resident_mb: float = 0.0
    told_newcomer: bool = False  #: somebody who came afterwards was let in and answered

    async def live(self) -> None:
        await asyncio.gather(self._say(), self._hear(), self._watch(), self._measure())

    async def _say(self) -> None:
        while True:
            seq = len(self.sent_s) + 1
            self.sent_s[seq] = time.monotonic()
            await self.tracker.send_json(batch(seq, [seq * 37 % 1000], session="regular"))
            await asyncio.sleep(0.25)

    async def _hear(self) -> None:
        async for message in self.tracker:
            said = json.loads(message.data)
            if "ack" in said:
                self.acked_s[said["ack"]] = time.monotonic()
            elif "every" not in said:
                self.told.append(said)

    async def _watch(self) -> None:
        async for message in self.viewer:
            if message.type is aiohttp.WSMsgType.BINARY:
                decode_frame(message.data)
                self.frames_s.append(time.monotonic())

    async def _measure(self) -> None:
        while True:
            pages = int(Path(f"/proc/{self.served.process.pid}/statm").read_text().split()[1])
            self.resident_mb = max(self.resident_mb, pages * 4096 / 1e6)
            await asyncio.sleep(0.2)

    async def soon_acked(self) -> bool:
        """The newest answers came within a second."""
        newest = sorted(self.acked_s)[-4:]
        return time.monotonic() - self.acked_s[newest[-1]] < 1 and all(self.acked_s[seq] - self.sent_s[seq] < 1 for seq in newest)


async def flooded(serve: Serve, http: aiohttp.ClientSession, seconds: float, calm_s: float) -> dict[str, dict[str, int]]:
    """Floods a server for so long; returns what became of the flood."""
    served = await serve("--open-heat")
    async with http.ws_connect(f"{served.ws}/clickstream/regular") as tracker, http.ws_connect(f"{served.ws}/live?page=/p/1") as viewer:
        regular = Regular(served, tracker, viewer)
        living = asyncio.create_task(regular.live())
        await eventually(lambda: _true(len(regular.acked_s) >= 4 and len(regular.frames_s) >= 4))
        began_s, before = time.monotonic(), await figure(http, served, "isotherm_samples_total")
        flood = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.crash.flood",
            served.address.rpartition(":")[2],
            str(seconds),
            str(FLOODING),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await flood.communicate()
        became: dict[str, dict[str, int]] = json.loads(said)
        ended_s = time.monotonic()
        await eventually(lambda: _is_calm(http, served, regular), calm_s)
        seen_s = [began_s, *(at_s for at_s in regular.frames_s if began_s <= at_s <= ended_s), ended_s]
        gaps_s = sorted(after - at for at, after in pairwise(seen_s))
        taken = await figure(http, served, "isotherm_samples_total") - before
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        print(
            f"{taken:,.0f} taken, {became}; a viewer's longest wait {gaps_s[-1]:.2f} s, median {gaps_s[len(gaps_s) // 2]:.2f} s; "
            f"{regular.resident_mb:.0f} MB; calm after {time.monotonic() - ended_s:.1f} s"
        )
        assert taken > 10_000, "it is a flood"
        assert [tracker.closed, viewer.closed, regular.told] == [False, False, []], "nobody is turned away who was there before"
        assert gaps_s[-1] < FRAME_S_MAX
        assert regular.resident_mb < RESIDENT_MB_MAX
        assert set(became["newcomers"]) <= {"101", "503"}
        assert set(became["closed"]) <= {"1013", "reset", "without a word"}
    assert await served.stop() == 0
    return became


async def _is_calm(http: aiohttp.ClientSession, served: Served, regular: Regular) -> bool:
    """Who comes anew is let in, heat is in time, answers come soon, and all that was asked is answered."""
    if not regular.told_newcomer:
        try:
            async with http.ws_connect(f"{served.ws}/clickstream/next") as newcomer:
                await newcomer.send_json(batch(1, [1], session="next"))
                while await newcomer.receive_json(timeout=20) != {"ack": 1}:
                    pass
        except aiohttp.WSServerHandshakeError as refusal:
            if refusal.status != 503:
                raise
            return False
        regular.told_newcomer = True
    late = await figure(http, served, "isotherm_lag_seconds") > 1
    open_ = [seq for seq, at_s in regular.sent_s.items() if seq not in regular.acked_s and time.monotonic() - at_s > 1]
    async with http.get(f"{served.address}/healthz") as answer:
        return answer.status == 200 and not late and not open_ and await regular.soon_acked()


async def _true(value: bool) -> bool:
    return value


@pytest.mark.timeout(240)
async def test_a_flood_takes_nobodys_heat(serve: Serve, http: aiohttp.ClientSession) -> None:
    """For some seconds, forty sockets that send as fast as they can: a visitor and a viewer who were there before go on, and soon after it all
    is calm."""
    await flooded(serve, http, 6, calm_s=30)


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_a_flood_for_a_minute(serve: Serve, http: aiohttp.ClientSession) -> None:
    """For a minute, while fifty more a second want in: these are refused or told to come later; ten seconds after it all is calm."""
    became = await flooded(serve, http, 60, calm_s=10)
    assert became["newcomers"]["503"] + became["closed"]["1013"] > 0

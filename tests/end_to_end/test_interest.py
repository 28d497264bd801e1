"""Interest: who is watched sends at once, who is not gathers; what is counted is the same."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tests.oracle import from_classic, tile
from tests.serving import Served, batch, eventually

Serve = Callable[..., Awaitable[Served]]
_SAMPLES = 40
_BEAT_MS = 250


async def test_counts_are_the_same_whether_samples_come_one_by_one_or_gathered(serve: Serve, http: aiohttp.ClientSession) -> None:
    """A visitor's ten seconds on a page, sent a sample a frame, in gathers of twenty, and all at once: equal heat, equal to brute force."""
    served = await serve("--open-heat", "--trust-senders", "--window", "1h")
    chance = random.Random(4)
    points = [(float(chance.randrange(1000)), float(chance.randrange(1000))) for _ in range(_SAMPLES)]
    expected: dict[tuple[int, int], int] = {}
    for x, y in points:
        at = tile(x, 1000, 50), tile(y, 1000, 50)
        expected[at] = expected.get(at, 0) + 1
    for gathered in (1, 20, _SAMPLES):
        async with http.ws_connect(f"{served.ws}/clickstream/s{gathered}") as socket:
            began_ms = time.time() * 1000 - _SAMPLES * _BEAT_MS  # the visit is over; each sample is as old as it was then
            for seq, start in enumerate(range(0, _SAMPLES, gathered)):
                some = points[start : start + gathered]
                age = [time.time() * 1000 - (began_ms + (start + at) * _BEAT_MS) for at in range(len(some))]
                xs, ys = [x for x, _ in some], [y for _, y in some]
                await socket.send_str(json.dumps(batch(seq, xs, ys, path=f"/by/{gathered}", load=f"l{gathered}", age=age)))
            acked = 0
            while acked < -(-_SAMPLES // gathered):
                acked += "ack" in json.loads(await socket.receive_str())

    async def counted() -> list[dict[tuple[int, int], int]] | None:
        heats: list[dict[tuple[int, int], int]] = []
        for gathered in (1, 20, _SAMPLES):
            async with http.get(f"{served.address}/api/heatmap", params={"page": f"/by/{gathered}"}) as answer:
                found: dict[str, Any] = await answer.json()
            heats.append(from_classic(found["value"]))
        return heats if all(sum(heat.values()) == _SAMPLES for heat in heats) else None

    assert await eventually(counted) == [expected] * 3

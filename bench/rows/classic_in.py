"""A classic event, from its socket to counted and durable, beside a bare socket server that decodes the same frames.

Events come at even distances over 500 sockets, so that each wakes its server for itself, as real trackers do: nothing is saved by
what happens to come together. The servers take turns, some rounds each. A third one is the bare one that also makes what came durable,
by the tick: what of the difference is that.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

from bench.figures import Figure, at_most, spread
from bench.processes import Child, child, served, until
from bench.progress import Progress

__all__ = ["run"]

_SOCKETS, _PAGES = 500, 50
_RATES = (2_000, 8_000)  #: 4 a second of each socket, as the tutorial's tracker sends at most; and as fast as each still comes alone
_ROUND_S, _ROUNDS = 4.0, 5


async def _round(server: Child, load: Child, rate: int) -> tuple[float, dict[str, float]]:
    """µs of CPU an event."""
    before_s = server.cpu_s()
    load.say(rate=rate, seconds=_ROUND_S)
    done = await load.hear()
    return (server.cpu_s() - before_s) / done["sent"] * 1e6, done


class _Side(NamedTuple):
    """One of the servers, and what sends to it."""

    server: Child
    load: Child


async def run(progress: Progress) -> list[Figure]:
    figures = []
    twin = "bench.twins.classic_in"
    async with served() as ours, child(twin, durable=False) as bare, child(twin, durable=True) as durable:
        ports = [ours.port, (await bare.hear())["port"], (await durable.hear())["port"]]
        async with contextlib.AsyncExitStack() as stack:
            sides = []
            for server, port in zip((ours, bare, durable), ports, strict=True):
                load = await stack.enter_async_context(child("bench.loads.paced", port=port, sockets=_SOCKETS, pages=_PAGES))
                await load.hear()
                sides.append(_Side(server, load))
            sent = 0
            for rate in _RATES:
                rounds, busy, late = [], 0.0, 0
                for number in range(_ROUNDS + 1):
                    progress.tell(f"{rate:,} a second, round {number} of {_ROUNDS}")
                    told = [await _round(server, load, rate) for server, load in sides]
                    done = told[0][1]
                    sent += int(done["sent"])
                    if number:  # the first one warms up
                        rounds.append([cost for cost, _ in told])
                        busy, late = max(busy, done["busy"]), late + int(done["late"])

                async def counted(total: int = sent) -> bool:
                    return (await ours.counters())["samples"] == total

                await until(counted)  # every one of them was taken
                figures += _figures(rate, rounds, {"load_busy": busy, "sent_late": late})
    return figures


def _figures(rate: int, rounds: list[list[float]], about: dict[str, float]) -> list[Figure]:
    """`rounds`: µs an event of ours, the bare one, and that which is durable."""
    this, bare, durable = (list(costs) for costs in zip(*rounds, strict=True))
    what = f"classic event, socket to durable, {rate:,}/s over {_SOCKETS} sockets"

    def beside(other: list[float]) -> dict[str, Any]:
        ratios = [one / two for one, two in zip(this, other, strict=True)]
        return about | {"this": spread(this), "bare": spread(other), "ratio": spread(ratios)}

    return [
        Figure(what, spread(this)[1], "µs", spread(bare)[1], target=at_most(1.6, of_ratio=True), about=beside(bare)),
        Figure(f"{what}; bare: durable too", spread(this)[1], "µs", spread(durable)[1], about=beside(durable)),
    ]

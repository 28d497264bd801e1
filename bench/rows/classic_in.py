"""A classic event, from its socket to counted and durable, beside a bare socket server that decodes the same frames.

Events come at even distances over 500 sockets, so that each wakes its server for itself, as real trackers do: nothing is saved by
what happens to come together. The two servers take turns, some rounds each.
"""

from __future__ import annotations

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


async def run(progress: Progress) -> list[Figure]:
    figures = []
    async with served() as ours, child("bench.twins.classic_in") as bare:
        port = (await bare.hear())["port"]
        async with (
            child("bench.loads.paced", port=ours.port, sockets=_SOCKETS, pages=_PAGES) as to_ours,
            child("bench.loads.paced", port=port, sockets=_SOCKETS, pages=_PAGES) as to_bare,
        ):
            await to_ours.hear()
            await to_bare.hear()
            sent = 0
            for rate in _RATES:
                this, twin, ratios, busy, late = [], [], [], 0.0, 0
                for number in range(_ROUNDS + 1):
                    progress.tell(f"{rate:,} a second, round {number} of {_ROUNDS}")
                    one, done = await _round(ours, to_ours, rate)
                    other, _ = await _round(bare, to_bare, rate)
                    sent += int(done["sent"])
                    if number:  # the first one warms up
                        this.append(one)
                        twin.append(other)
                        ratios.append(one / other)
                        busy, late = max(busy, done["busy"]), late + int(done["late"])

                async def counted(total: int = sent) -> bool:
                    return (await ours.counters())["samples"] == total

                await until(counted)  # every one of them was taken
                figures.append(
                    Figure(
                        what=f"classic event, socket to durable, {rate:,}/s over {_SOCKETS} sockets",
                        this=spread(this)[1],
                        bare=spread(twin)[1],
                        unit="µs",
                        target=at_most(1.6, of_ratio=True),
                        about={"this": spread(this), "bare": spread(twin), "ratio": spread(ratios), "load_busy": busy, "sent_late": late},
                    )
                )
    return figures

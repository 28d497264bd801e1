"""From a mouse event at the server to the viewer's frame, while the server is at half of what one core can take.

First the load is found: what a classic event takes of the CPU, and so how many a second take half a core. Then, at times that have
nothing to do with the hop, one event is sent on a page that is watched, each on another tile, and its viewer waits for the frame in which
this tile is warm. The event's way over loopback, its tick, its commit and the wait for the hop are all in it.
"""

from __future__ import annotations

from bench.figures import Figure, at_most
from bench.processes import TOKEN, child, served, until
from bench.progress import Progress

__all__ = ["run"]

_HOP_MS = 250
_HALF = 0.5
_FIRST_RATE = 3_000
_TRIES = 3  #: an event costs less where more come, so what it costs is asked again at the rate that was found
_TRY_S = 2.0
_PROBES = 180
_APART_S = 0.11
_SOCKETS, _PAGES = 500, 50


async def run(progress: Progress) -> list[Figure]:
    async with (
        served("--trust-senders") as server,
        child("bench.loads.paced", port=server.port, sockets=_SOCKETS, pages=_PAGES) as load,
    ):
        await load.hear()
        rate, sent = _FIRST_RATE, 0
        for _ in range(_TRIES):
            progress.tell(f"{rate:,} events a second")
            before_s = server.cpu_s()
            load.say(rate=rate, seconds=_TRY_S)
            done = await load.hear()
            sent += done["sent"]

            async def counted(total: int = sent) -> bool:
                return (await server.counters())["samples"] == total

            await until(counted)  # also what a busy machine let wait
            rate = round(_HALF * done["sent"] / (server.cpu_s() - before_s))
        progress.tell(f"latency at {rate:,} events a second")
        async with child("bench.loads.probe", port=server.port, path=f"/live?page=/probe&token={TOKEN}") as probe:
            await probe.hear()
            before_s = server.cpu_s()
            load.say(rate=rate, seconds=_PROBES * _APART_S)
            probe.say(probes=_PROBES, apart_s=_APART_S)
            heard = await probe.hear()
            done = await load.hear()
            cpu = (server.cpu_s() - before_s) / done["wall_s"]
    came = heard["latencies_ms"]
    lost = _PROBES - len(came)
    latencies = sorted([*came, *[heard["waited_ms"]] * lost])  # what did not come took longer than that
    shares = list(range(0, 101))
    curve = {
        "name": "latency",
        "title": f"From event to viewer's frame, at {rate:,} events a second",
        "x_label": "% of the events had come by then",
        "y_label": "ms",
        "x": shares,
        "lines": {"Isotherm": [latencies[min(len(latencies) - 1, len(latencies) * share // 100)] for share in shares]},
    }
    about = {
        "events_a_second": rate,
        "server_cpu": cpu,
        "probes": _PROBES,
        "lost": lost,
        "load_busy": done["busy"],
        "curve": curve,
    }
    return [
        Figure(
            "event to viewer's frame at half load, p50", latencies[len(latencies) // 2], "ms", target=at_most(_HOP_MS / 2 + 15), about=about
        ),
        Figure("event to viewer's frame at half load, p99", latencies[int(len(latencies) * 0.99)], "ms", target=at_most(_HOP_MS + 60)),
    ]

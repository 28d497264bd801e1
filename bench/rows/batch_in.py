"""Our tracker's batches, 125 samples a frame and queued, from the socket until they are counted and durable.

Every batch is acknowledged, so every one is in the log. All that the server does meanwhile is in it: hops, history, digests.
"""

from __future__ import annotations

from bench.figures import Figure, at_least, at_most, spread
from bench.processes import child, served
from bench.progress import Progress

__all__ = ["run"]

_SOCKETS, _PAGES, _SAMPLES, _ROUNDS_EACH, _ROUNDS = 200, 50, 125, 60, 3


async def run(progress: Progress) -> list[Figure]:
    spent_us, abouts = [], []
    for number in range(_ROUNDS):
        progress.tell(f"round {number + 1} of {_ROUNDS}")
        given = {"sockets": _SOCKETS, "pages": _PAGES, "samples": _SAMPLES, "rounds": _ROUNDS_EACH}
        async with served("--trust-senders") as server, child("bench.loads.queued", port=server.port, **given) as load:
            frame_bytes = (await load.hear())["bytes_a_frame"]
            before_s = server.cpu_s()
            load.say(go=True)
            done = await load.hear()
            spent_us.append((server.cpu_s() - before_s) / done["sent"] * 1e6)
            counted = (await server.counters())["samples"]
            assert counted == done["sent"] * _SAMPLES, (counted, done)
            abouts.append(done | {"bytes_a_frame": frame_bytes})
    frame_us = spread(spent_us)[1]
    about = {"frame_us": spread(spent_us), "loads": abouts}
    what = f"our batches, {_SAMPLES} samples a frame, queued on {_SOCKETS} sockets"
    return [
        Figure(f"{what}: a frame", frame_us, "µs", target=at_most(6), about=about),
        Figure(f"{what}: into durable panes", _SAMPLES / frame_us, "M samples a CPU s", target=at_least(20), about=about),
    ]

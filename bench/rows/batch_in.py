"""Our tracker's batches, 125 samples a frame and queued, from the socket until they are counted and durable.

Every batch is acknowledged, so every one is in the log. All that the server does meanwhile is in it: hops, history, digests. Beside it, by
turns, a bare socket server that decodes the same frames, writes their columns to the disk and acknowledges them; one that places their
samples in panes as well, in numpy; and the server without a history, which is as much as is counted live.
"""

from __future__ import annotations

from typing import Any

from bench.figures import Figure, at_least, at_most, spread
from bench.processes import Child, child, served
from bench.progress import Progress

__all__ = ["run"]

_SOCKETS, _PAGES, _SAMPLES, _ROUNDS_EACH, _ROUNDS = 200, 50, 125, 60, 3


async def _load(server: Child, port: int) -> tuple[float, dict[str, Any]]:
    """µs of CPU a frame, and what the load tells."""
    given = {"sockets": _SOCKETS, "pages": _PAGES, "samples": _SAMPLES, "rounds": _ROUNDS_EACH}
    async with child("bench.loads.queued", port=port, **given) as load:
        frame_bytes = (await load.hear())["bytes_a_frame"]
        before_s = server.cpu_s()
        load.say(go=True)
        done = await load.hear()
        return (server.cpu_s() - before_s) / done["sent"] * 1e6, done | {"bytes_a_frame": frame_bytes}


async def _served(*options: str) -> tuple[float, dict[str, Any]]:
    """µs of CPU a frame of the server, which counted every sample, and what the load tells."""
    async with served("--trust-senders", *options) as server:
        spent, done = await _load(server, server.port)
        counted = (await server.counters())["samples"]
        assert counted == done["sent"] * _SAMPLES, (counted, done)
    return spent, done


async def _twin(**given: Any) -> float:
    async with child("bench.twins.batch_in", **given) as bare:
        return (await _load(bare, (await bare.hear())["port"]))[0]


async def run(progress: Progress) -> list[Figure]:
    spent_us, live_us, bare_us, placed_us, abouts = [], [], [], [], []
    for number in range(_ROUNDS):
        progress.tell(f"round {number + 1} of {_ROUNDS}")
        this, done = await _served()
        spent_us.append(this)
        abouts.append(done)
        bare_us.append(await _twin())
        live_us.append((await _served("--no-history"))[0])
        placed_us.append(await _twin(panes=True))
    frame_us, twin_us, alone_us, least_us = (spread(each)[1] for each in (spent_us, bare_us, live_us, placed_us))
    about = {"frame_us": spread(spent_us), "bare_us": spread(bare_us), "loads": abouts}
    live = {"frame_us": spread(live_us), "bare_us": spread(placed_us)}
    what = f"our batches, {_SAMPLES} samples a frame, queued on {_SOCKETS} sockets"
    unit = "M samples a CPU s"
    return [
        Figure(f"{what}: a frame", frame_us, "µs", bare=twin_us, target=at_most(6), about=about),
        Figure(f"{what}: into durable panes", _SAMPLES / frame_us, unit, bare=_SAMPLES / twin_us, target=at_least(20), about=about),
        Figure(f"{what}, no history: a frame; bare: placed in panes", alone_us, "µs", bare=least_us, about=live),
    ]

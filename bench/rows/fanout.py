"""Fan-out: 2,000 and 20,000 viewers on 1 and on 100 pages at 4 frames a second, beside the bare broadcast of the same bytes.

What a frame costs is what the server takes with viewers, less what it takes for the same events without (so: the changes, their encoding
and all writes), over the frames that arrived. The twin then writes the very frames that came to as many viewers. Meanwhile trackers send,
and look how long their acknowledgements take: with the viewers, without, and without but beside the twin. The last is what the machine
allows, whoever broadcasts: a server that has no viewer at all, on cores that a bare broadcast and its viewers use as well. Then the twin
has the trackers as well, and makes what they send durable before it acknowledges it: what one process allows, whatever it counts.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure, at_most
from bench.machine import files_max
from bench.processes import TOKEN, Child, Served, child, served
from bench.progress import Progress

__all__ = ["run"]

_CASES = ((2_000, 1), (2_000, 100), (20_000, 1), (20_000, 100))
_BATCHES_A_SECOND = 600  #: 100 pages change at every hop, 1 page by some hundred tiles
_TRACKERS = 200
_SECONDS = 8.0
_WARM_S = 2.0
_ALONE_S = 4.0  #: the twin with trackers and no viewers
_FILES_KEPT = 400  #: of what the system lets a process have: the trackers and the server's own
_LOADS = 2  #: processes that view


@dataclass
class _Viewing:
    """What several viewing processes saw together."""

    frames: int
    bytes: int
    lost: int
    busy: float
    lags_ms: list[float]  #: of each window: from the first viewer that had it to the last
    kept: dict[str, list[str]]


def _together(heard: list[dict[str, Any]], viewers: int) -> _Viewing:
    ends: dict[float, list[float]] = {}
    for one in heard:
        for end_ms, frames, first_s, last_s in one["seen"]:
            entry = ends.setdefault(end_ms, [0, first_s, last_s])
            entry[0] += frames
            entry[1], entry[2] = min(entry[1], first_s), max(entry[2], last_s)
    whole = sorted((last_s - first_s) * 1000 for frames, first_s, last_s in ends.values() if frames >= 0.95 * viewers)
    return _Viewing(
        frames=sum(one["frames"] for one in heard),
        bytes=sum(one["bytes"] for one in heard),
        lost=sum(one["lost"] for one in heard),
        busy=max(one["busy"] for one in heard),
        lags_ms=whole,
        kept=heard[0]["kept"],
    )


async def _watch(loads: list[Child], viewers: int, *, keep: bool = False) -> _Viewing:
    for at, load in enumerate(loads):
        load.say(seconds=_SECONDS, keep=keep and at == 0)
    return _together([await load.hear() for load in loads], viewers)


async def _acks(trackers: Child, seconds: float) -> dict[str, Any]:
    trackers.say(rate=_BATCHES_A_SECOND, seconds=seconds)
    return await trackers.hear()


def _p99(values: list[float]) -> float | None:
    """None: nothing was acknowledged."""
    return sorted(values)[int(len(values) * 0.99)] if values else None


def _frame_us(spent_s: float, seen: _Viewing) -> float | None:
    """CPU µs a frame; None: none came."""
    return spent_s / seen.frames * 1e6 if seen.frames else None


async def _ours(server: Served, trackers: Child, viewers: int, pages: int) -> tuple[float | None, _Viewing, dict[str, Any]]:
    """µs a frame; what was seen; more."""
    await _acks(trackers, _WARM_S)
    before_s = server.cpu_s()
    quiet = await _acks(trackers, _SECONDS)
    without_s = (server.cpu_s() - before_s) / quiet["wall_s"]
    path = f"/live?page=/p/{{page}}&token={TOKEN}"
    each = viewers // _LOADS
    async with (
        child("bench.loads.viewers", port=server.port, viewers=each, pages=pages, first=1000, path=path) as one,
        child("bench.loads.viewers", port=server.port, viewers=viewers - each, pages=pages, first=1000 + each, path=path) as other,
    ):
        await one.hear()
        await other.hear()
        trackers.say(rate=_BATCHES_A_SECOND, seconds=_WARM_S + _SECONDS + 1)
        for load in (one, other):
            load.say(seconds=_WARM_S)
        for load in (one, other):
            await load.hear()
        skipped = (await server.counters())["frames_skipped"]
        before_s = server.cpu_s()
        viewing = await _watch([one, other], viewers, keep=True)
        spent_s = server.cpu_s() - before_s
        skipped = (await server.counters())["frames_skipped"] - skipped
        busy = await trackers.hear()
    more = {
        "ack_p99_ms_before": _p99(quiet["acks_ms"]),
        "ack_p99_ms_meanwhile": _p99(busy["acks_ms"]),
        "server_cpu_before": without_s,
        "server_cpu_meanwhile": spent_s / _SECONDS,
        "frames_skipped": skipped,
        "trackers_busy": busy["busy"],
        "trackers_late_p99_ms": _p99(busy["lates_ms"]),
        "unacknowledged": busy["sent"] - busy["acked"],
    }
    return _frame_us(spent_s - without_s * _SECONDS, viewing), viewing, more


@dataclass
class _Twin:
    """The bare broadcast beside a server that has no viewers; then taking the batches itself."""

    frame_us: float | None
    seen: _Viewing
    beside: dict[str, Any]  #: acknowledgements of the server beside it
    both_frame_us: float | None
    both_seen: _Viewing
    both: dict[str, Any]  #: its own acknowledgements


async def _bare(kept: dict[str, list[str]], viewers: int, pages: int, trackers: Child) -> _Twin:
    async with child("bench.twins.fanout") as twin:
        port = (await twin.hear())["port"]
        each = viewers // _LOADS
        async with (
            child("bench.loads.trackers", port=port, trackers=_TRACKERS, pages=pages) as own,
            child("bench.loads.viewers", port=port, viewers=each, pages=pages, first=1000, path="/live/{page}") as one,
            child("bench.loads.viewers", port=port, viewers=viewers - each, pages=pages, first=1000 + each, path="/live/{page}") as other,
        ):
            for load in (own, one, other):
                await load.hear()
            before_s = twin.cpu_s()
            alone = await _acks(own, _ALONE_S)
            without_s = (twin.cpu_s() - before_s) / alone["wall_s"]
            twin.say(frames={str((1000 + int(at)) % pages): frames for at, frames in kept.items()})
            await twin.hear()
            spent_s, seen, beside = await _broadcasting(twin, [one, other], viewers, trackers)
            both_s, both_seen, both = await _broadcasting(twin, [one, other], viewers, own)
    both_s -= without_s * _SECONDS
    return _Twin(_frame_us(spent_s, seen), seen, beside, _frame_us(both_s, both_seen), both_seen, both)


async def _broadcasting(twin: Child, loads: list[Child], viewers: int, trackers: Child) -> tuple[float, _Viewing, dict[str, Any]]:
    """CPU s of the twin; what was seen; acknowledgements meanwhile."""
    trackers.say(rate=_BATCHES_A_SECOND, seconds=_WARM_S + _SECONDS + 1)
    for load in loads:
        load.say(seconds=_WARM_S)
    for load in loads:
        await load.hear()
    before_s = twin.cpu_s()
    viewing = await _watch(loads, viewers)
    return twin.cpu_s() - before_s, viewing, await trackers.hear()


async def run(progress: Progress) -> list[Figure]:
    figures = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max(), files_max()))
    for wanted, pages in _CASES:
        viewers = min(wanted, files_max() - _FILES_KEPT)
        name = f"{viewers:,} viewers on {pages} page{'s' if pages > 1 else ''}"
        progress.tell(name)
        async with (
            served("--trust-senders", "--max-viewers", "30000") as server,
            child("bench.loads.trackers", port=server.port, trackers=_TRACKERS, pages=pages) as trackers,
        ):
            await trackers.hear()
            this, seen, more = await _ours(server, trackers, viewers, pages)
            progress.tell(f"{name}, the bare broadcast")
            bare = await _bare(seen.kept, viewers, pages, trackers)
        about = more | {
            "bytes_a_frame": seen.bytes / max(1, seen.frames),
            "frames_a_second": seen.frames / _SECONDS,
            "bare_frames_a_second": bare.seen.frames / _SECONDS,
            "bare_bytes_a_frame": bare.seen.bytes / max(1, bare.seen.frames),
            "lost": seen.lost,
            "viewers_busy": seen.busy,
        }
        figures += _figures(f"fan-out, {name}", this, seen, about, bare)
    return figures


def _figures(name: str, this: float | None, seen: _Viewing, about: dict[str, Any], bare: _Twin) -> list[Figure]:
    last, lags = _middle(seen.lags_ms), {"all": seen.lags_ms}
    before, meanwhile = about["ack_p99_ms_before"], about["ack_p99_ms_meanwhile"]
    both = "bare: takes the batches too"
    beside = f"{name}: ack p99 without viewers, beside the bare broadcast"
    return [
        Figure(f"{name}: a frame", this, "µs", bare.frame_us, at_most(1.3, of_ratio=True), about),
        Figure(f"{name}: a frame; {both}", this, "µs", bare.both_frame_us),
        Figure(f"{name}: last viewer after first", last, "ms", _middle(bare.seen.lags_ms), at_most(200), lags),
        Figure(f"{name}: last viewer after first; {both}", last, "ms", _middle(bare.both_seen.lags_ms)),
        Figure(f"{name}: ack p99; bare: no viewers", meanwhile, "ms", before, at_most(2, of_ratio=True)),
        Figure(f"{name}: ack p99; {both}", meanwhile, "ms", _p99(bare.both["acks_ms"])),
        Figure(beside, _p99(bare.beside["acks_ms"]), "ms", before, about={"trackers_late_p99_ms": _p99(bare.beside["lates_ms"])}),
    ]


def _middle(values: list[float]) -> float | None:
    """None: no window reached nearly all viewers."""
    return values[len(values) // 2] if values else None

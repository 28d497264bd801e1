"""`make soak`: half an hour under constant load; memory stays flat and no delay grows.

Prints a line a minute, then the table; exit code 1: it did not hold.

Visitors come and go (`isotherm simulate`), trackers send batches and look at their acknowledgements, viewers take every frame, and a
probe warms a tile a second and waits for the frame that says so; all limits are an operator's. The first third fills the window, the ten
minutes of repeats and the history; the last third is then held against the middle one, by medians of minutes, so that another program's
minute does not decide. The curves go to docs/benchmarks/ (`soak-memory.svg`, `soak-delay.svg`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import statistics
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench.figures import Figure, at_most
from bench.machine import about
from bench.plots import draw_all
from bench.processes import TOKEN, Served, child, served
from bench.table import HEAD, line

_RESULT = Path(__file__).parent / "results" / "soak.json"
_VISITORS = 100
_TRACKERS, _BATCHES_A_SECOND = 200, 50
_VIEWERS, _PAGES = 200, 20
_MINUTE_S = 60
_APART_S = 0.97  #: nothing to do with the hop
_MEMORY_BOUND = 1.05  #: what the allocator may add between the thirds
_DELAY_BOUND = 1.25


@dataclass(slots=True, frozen=True)
class Minute:
    """What one minute was like."""

    resident_mb: float
    files: int
    cpu: float  #: of one core
    ack_p50_ms: float
    ack_p99_ms: float
    frame_p50_ms: float  #: from an event to the viewer's frame that has it
    frame_p99_ms: float
    log_mb: float
    samples: float


def _share(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@contextlib.asynccontextmanager
async def _crowd(server: Served, seconds: int) -> AsyncIterator[None]:
    """People who come, look around and leave, so that sessions and sockets are never the same for long."""
    pages = [word for page in range(_PAGES) for word in ("--page", f"/p/{page}")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isotherm", "simulate", "--url", f"http://127.0.0.1:{server.port}",
        "--visitors", str(_VISITORS), "--seconds", str(seconds), *pages,
    )  # fmt: skip
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _minutes(minutes: int) -> list[Minute]:
    found = []
    frames = f"/live?page=/p/{{page}}&token={TOKEN}"
    async with (
        served() as server,
        child("bench.loads.trackers", port=server.port, trackers=_TRACKERS, pages=_PAGES) as trackers,
        child("bench.loads.viewers", port=server.port, viewers=_VIEWERS, pages=_PAGES, first=0, path=frames) as viewers,
        child("bench.loads.probe", port=server.port, path=f"/live?page=/probe&token={TOKEN}") as probe,
        _crowd(server, (minutes + 1) * _MINUTE_S),
    ):
        for one in (trackers, viewers, probe):
            await one.hear()
        for number in range(1, minutes + 1):
            cpu_s = server.cpu_s()
            trackers.say(rate=_BATCHES_A_SECOND, seconds=_MINUTE_S)
            viewers.say(seconds=_MINUTE_S)
            probe.say(probes=_MINUTE_S, apart_s=_APART_S)
            sent, heard, probed = [await one.hear() for one in (trackers, viewers, probe)]
            assert sent["acked"] == sent["sent"], f"{sent['sent'] - sent['acked']} batches were not acknowledged"
            assert not heard["lost"], f"{heard['lost']} viewers were dropped"
            counters = await server.counters()
            minute = Minute(
                resident_mb=server.rss_bytes() / 1e6,
                files=len(os.listdir(f"/proc/{server.pid}/fd")),
                cpu=(server.cpu_s() - cpu_s) / sent["wall_s"],
                ack_p50_ms=_share(sent["acks_ms"], 0.5),
                ack_p99_ms=_share(sent["acks_ms"], 0.99),
                frame_p50_ms=_share(probed["latencies_ms"], 0.5),
                frame_p99_ms=_share(probed["latencies_ms"], 0.99),
                log_mb=server.kept_bytes() / 1e6,
                samples=counters["samples"],
            )
            found.append(minute)
            click.echo(
                f"minute {number:2}: {minute.resident_mb:.0f} MB, {minute.files} files, {minute.cpu:.0%} of a core, "
                f"ack {minute.ack_p50_ms:.0f}/{minute.ack_p99_ms:.0f} ms, frame {minute.frame_p50_ms:.0f}/{minute.frame_p99_ms:.0f} ms, "
                f"{minute.log_mb:.0f} MB kept, {minute.samples:,.0f} samples"
            )
    return found


def _last_over_middle(values: list[float]) -> float:
    third = max(1, len(values) // 3)
    return statistics.median(values[-third:]) / statistics.median(values[-2 * third : -third] or values)


def _curve(name: str, title: str, unit: str, lines: dict[str, list[float]]) -> dict[str, Any]:
    minutes = list(range(1, len(next(iter(lines.values()))) + 1))
    return {"name": name, "title": title, "x_label": "minutes", "y_label": unit, "x": minutes, "lines": lines}


def _figures(minutes: list[Minute]) -> list[Figure]:
    memory = [one.resident_mb for one in minutes]
    acks, frames = [one.ack_p50_ms for one in minutes], [one.frame_p50_ms for one in minutes]
    delays = {
        "event to viewer's frame, p50": frames,
        "event to viewer's frame, p99": [one.frame_p99_ms for one in minutes],
        "batch to ack, p50": acks,
        "batch to ack, p99": [one.ack_p99_ms for one in minutes],
    }
    held = "last third ÷ middle third"
    return [
        Figure(f"soak, resident memory: {held}", _last_over_middle(memory), "×", target=at_most(_MEMORY_BOUND),
               about={"curve": _curve("soak-memory", "The server's resident memory under constant load", "MB", {"Isotherm": memory})}),
        Figure(f"soak, event to viewer's frame, p50: {held}", _last_over_middle(frames), "×", target=at_most(_DELAY_BOUND),
               about={"curve": _curve("soak-delay", "Delays under constant load", "ms", delays)}),
        Figure(f"soak, batch to ack, p50: {held}", _last_over_middle(acks), "×", target=at_most(_DELAY_BOUND)),
        Figure(f"soak, open files: {held}", _last_over_middle([float(one.files) for one in minutes]), "×", target=at_most(_MEMORY_BOUND)),
    ]  # fmt: skip


@click.command()
@click.option("--minutes", type=click.IntRange(min=3), default=30, help="How long.")
def main(minutes: int) -> None:
    """Run the soak."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: servers and folders go with us
    machine = about()
    figures = _figures(asyncio.run(_minutes(minutes)))
    click.echo(HEAD)
    for figure in figures:
        click.echo(line(figure))
    _RESULT.parent.mkdir(exist_ok=True)
    result = {"row": "soak", "minutes": minutes, "about": machine, "figures": [figure.as_json() for figure in figures]}
    _RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    draw_all([_RESULT])
    sys.exit(0 if all(figure.met for figure in figures) else 1)


if __name__ == "__main__":
    main()

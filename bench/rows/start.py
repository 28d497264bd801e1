"""A start with a full window of 10,000 visitors on 100 pages: until the process listens, and its heat is back.

The past is written by the parts of the server that write it (`bench.loads.past`), then `isotherm serve` is started on it, as an operator
would: its modules compiled, as those of an installed package are. Beside it the same start without the digests, which reads all records.
The history has all but the newest minute of that past.
"""

from __future__ import annotations

import asyncio
import compileall
import shutil
import tempfile
import time
from pathlib import Path

import isotherm
from bench.figures import Figure, at_most
from bench.processes import child, served
from bench.progress import Progress

__all__ = ["run"]

_VISITORS, _PAGES = 10_000, 100
_AHEAD_MS = 50_000  #: that the past ends after it was begun to be written
_PATIENCE_S = 120


async def _start(data: Path) -> tuple[float, float, int]:
    """CPU and wall seconds until the heat is back, and samples of the first page's."""
    began_s = time.monotonic()
    async with served(data=data) as server:
        spent_s = server.cpu_s(), time.monotonic() - began_s  # it listens once all is back; what is tended behind that comes afterwards
        heat = await server.get("/api/heatmap?page=/p/1")
        return *spent_s, sum(count for column in heat["value"].values() for count in column.values())


async def run(progress: Progress) -> list[Figure]:
    compileall.compile_dir(Path(isotherm.__file__).parent, quiet=1)  # where the environment forbids Python to keep what it compiles
    with tempfile.TemporaryDirectory(prefix="isotherm-bench-") as folder:
        data = Path(folder, "data")
        progress.tell("writing ten minutes of a past")
        ends_s = time.monotonic() + _AHEAD_MS / 1000
        async with child(
            "bench.loads.past", data=str(data), visitors=_VISITORS, pages=_PAGES, zones=0, digests=True, ahead_ms=_AHEAD_MS
        ) as load:
            await load.hear()
        await asyncio.sleep(max(0.0, ends_s - time.monotonic()))
        progress.tell("a start")
        (cpu_s, wall_s, samples) = await _start(data)
        progress.tell("a start without digests")
        shutil.rmtree(data / "digest")
        (plain_cpu_s, plain_wall_s, plain_samples) = await _start(data)
    assert 0 < plain_samples <= samples, (samples, plain_samples)  # the window goes on meanwhile
    return [
        Figure("start, 10,000 visitors on 100 pages, CPU until heat is back; bare: no digests", cpu_s, "s", plain_cpu_s, at_most(2)),
        Figure("start, the same, wall", wall_s, "s", plain_wall_s, at_most(2)),
    ]

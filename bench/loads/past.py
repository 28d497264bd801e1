"""A data folder with a past: ten minutes of visitors who send twenty samples at a time, as a running server leaves it.

Settings: `data`, `visitors`, `pages`, `zones`. The log's records and their digests are written by the very parts of the server that write
them; only the clock is ours. It ends now, and tells how many samples and bytes that were.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.processes import settings, tell
from isotherm.core.group_by import GroupBy
from isotherm.core.pages import Page
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.samples import Anchored, Runs, Samples
from isotherm.history import Retention
from isotherm.history.store import Store
from isotherm.log import Log
from isotherm.runtimes.digesting import Digesting
from isotherm.runtimes.pipeline import PipelineSettings

_MINUTES = 10
_STEP_MS = 250  #: between a visitor's samples
_BATCH = 20
_TICK_MS = 20
_W, _H = 1280, 8000


def _columns(length: int, arrived_ms: int, chance: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
    ages_ms = np.tile(np.arange(_BATCH - 1, -1, -1) * _STEP_MS, length // _BATCH)
    return {
        "time_ms": arrived_ms - ages_ms,
        "x": chance.integers(0, _W, length).astype(np.float64),
        "y": chance.integers(0, _H, length).astype(np.float64),
        "kind": np.zeros(length, np.uint8),
    }


def _samples(first: int, end: int, seq: int, arrived_ms: int, given: dict[str, Any], chance: np.random.Generator) -> Samples:
    """A batch of each of these visitors."""
    number = end - first
    page, who, whole = np.arange(first, end) % given["pages"], np.arange(number), np.ones(number)
    used, place = np.unique(page, return_inverse=True)
    anchor = chance.integers(0, given["zones"], number * _BATCH) if given["zones"] else None
    nowhere: npt.NDArray[np.int32] = np.zeros(number * _BATCH, np.int32)
    return Samples(
        arrived_ms=arrived_ms, pages=[Page("default", f"/p/{at}") for at in used.tolist()], origins=[None] * len(used),
        sessions=[f"visitor-{at:020}" for at in range(first, end)], loads=[f"load-{at:08}" for at in range(first, end)],
        runs=Runs(place, who, np.full(number, 2), who, np.full(number, seq), _W * whole, _H * whole, np.full(number, _BATCH)),
        kinds=["move", "click"], anchors=[f"zone-{at}" for at in range(given["zones"])],
        anchored=Anchored(anchor, nowhere, nowhere) if anchor is not None else None,
        **_columns(number * _BATCH, arrived_ms, chance),
    )  # fmt: skip


async def _write(given: dict[str, Any]) -> int:
    data, chance, thread = Path(given["data"]), np.random.default_rng(5), ThreadPoolExecutor(1)
    log = Log(data / "log.sqlite")
    log._database.execute("PRAGMA synchronous=OFF")  # only here: to make a past is not what is measured
    group_by = GroupBy(grid_size=50, hop_ms=250, people=True)
    digesting = Digesting(PipelineSettings(data, retention=Retention()), log, group_by, lambda: None)
    round_ms, span_ms, visitors = _BATCH * _STEP_MS, _MINUTES * 60_000, given["visitors"]
    ticks, samples = round_ms // _TICK_MS, 0
    begin_ms = int(time.time() * 1000) - span_ms + given.get("ahead_ms", 60_000)  # it takes some time to write it
    for seq in range(span_ms // round_ms):
        for tick in range(ticks):
            first, end = tick * visitors // ticks, (tick + 1) * visitors // ticks
            now_ms = begin_ms + seq * round_ms + tick * _TICK_MS
            part = _samples(first, end, seq, now_ms, given, chance)
            offset = log.append(now_ms, encode(samples_to_record(part)))
            samples += len(part)
            if given["digests"]:
                counts = group_by.group(part)
                digesting.add(group_by.newest, counts, offset, offset, now_ms, log.newest_checksum)
                if digesting.due(now_ms):
                    await digesting.cut(thread)
    digesting.close()
    store = Store(data / "history.sqlite", 50)
    store.add([], {}, {"log": log.newest_offset - 60_000 // _TICK_MS})  # as if it had stored all but the newest minute
    store.close()
    log.close()
    thread.shutdown()
    return samples


def main() -> None:
    given = settings()
    Path(given["data"]).mkdir(exist_ok=True)
    samples = asyncio.run(_write(given))
    tell(samples=samples, bytes=sum(file.stat().st_size for file in Path(given["data"]).rglob("*") if file.is_file()))


if __name__ == "__main__":
    main()

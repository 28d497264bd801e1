"""What a start reads back from the log: the window's heat, and the repeats of ten minutes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from isotherm.core.heat import View
from isotherm.core.pages import Page
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.sites import Sites
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Batch
from isotherm.history import Retention
from isotherm.log import Log
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import PipelineSettings

NOW_S = 1_700_000_000
WINDOW_MS, SPAN_MS, SKEW_MS, GRID = 60_000, 590_000, 10_000, 8


def record(seq: int, taken_ms: int, time_ms: int, cell: int) -> bytes:
    """One batch of one sample, as the gateway logs it."""
    intake = Intake()
    intake.add_batch(
        Batch(
            session="s", load="l", seq=seq, path="", width=float(GRID), height=float(GRID), viewport_width=1280.0,
            kind=np.zeros(1, np.uint8), x=np.array([cell % GRID + 0.5]), y=np.array([cell // GRID + 0.5]),
            age_ms=np.array([taken_ms - time_ms], np.float64), ignored=0,
        ),
        Page("default", "/"), None, taken_ms, None,
    )  # fmt: skip
    drained = intake.drain(taken_ms)
    assert drained is not None
    return encode(samples_to_record(drained.samples))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("retention", [None, Retention()])
async def test_the_heat_that_is_read_back_is_a_childs_count(tmp_path: Path, seed: int, retention: Retention | None) -> None:
    """Ten minutes of a log with repeats, late samples and some ahead of their arrival: of each batch, what it had when it was first taken
    counts, if it lies in the window; also where the history has it all. A start after that start finds the same."""
    chance = random.Random(seed)
    now_ms, next_seq = NOW_S * 1000, 0
    log = Log(tmp_path / "log.sqlite")
    first: dict[int, tuple[int, int]] = {}
    for taken_ms in sorted(now_ms - chance.randrange(SPAN_MS) for _ in range(250)):
        if first and chance.random() < 0.2:
            seq = chance.choice(list(first))
        else:
            seq, next_seq = next_seq, next_seq + 1
        time_ms, cell = taken_ms - chance.randrange(-SKEW_MS, WINDOW_MS // 2), chance.randrange(GRID * GRID)
        log.append(taken_ms, record(seq, taken_ms, time_ms, cell))
        first.setdefault(seq, (time_ms, cell))
    log.close()
    expected = np.bincount([cell for time_ms, cell in first.values() if now_ms - WINDOW_MS <= time_ms < now_ms], minlength=GRID * GRID)
    for _ in range(2):
        settings = PipelineSettings(tmp_path, window_ms=WINDOW_MS, grid_size=GRID, skew_ms=SKEW_MS, retention=retention)
        embedded = Embedded(settings, Sites())
        embedded.clock = Clock(SKEW_MS, wall_s=lambda: NOW_S, monotonic_s=lambda: 0.0)
        await embedded.start()
        heat = embedded.source.whole(View("default/", "move", "all"))
        found = np.zeros(GRID * GRID, np.int64)
        found[heat.cells] = heat.counts
        await embedded.stop()
        assert found.tolist() == expected.tolist()
        assert expected.sum() > 0

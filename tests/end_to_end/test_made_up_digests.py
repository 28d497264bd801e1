"""Digests with right checksums and made-up contents: a start takes only what holds together, and reads the records for the rest."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from isotherm.core.digest_bytes import Setting
from tests.core.made_up import made_up_digest, made_up_memory
from tests.end_to_end.test_digests import GRID, Time, Visitors, life, many_lives, said, send

FUZZ_S = float(os.environ.get("FUZZ_S", "3600"))
SETTING = Setting(GRID, 250, people=True)


async def start_on_made_up(tmp_path: Path, whole: Path, now_s: float, chance: random.Random) -> None:
    """Some of the files are made up, and the history is perhaps lost; then visitors go on, and the clock."""
    folder, now = tmp_path / "made-up", Time()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    for path in sorted((folder / "digest").iterdir()):
        if chance.random() < 0.7:
            content = path.read_bytes()
            path.write_bytes(made_up_memory(content, chance) if path.suffix == ".memory" else made_up_digest(content, SETTING, chance))
    for path in list(folder.glob("history.sqlite*")) if chance.random() < 0.5 else []:
        path.unlink()
    visitors, now.now_s = Visitors(chance.randrange(100)), now_s + chance.choice([0, 1, 30])
    async with life(folder, now) as embedded:
        await said(embedded)
        for wait_s in (0.25, 20, 70):
            await send(embedded, visitors.body())
            now.now_s += wait_s
            await embedded._hop()
        assert embedded.history is not None
        await embedded.history.tend(embedded.clock.now_ms())
        await said(embedded)


async def starts(tmp_path: Path, seeds: Callable[[], int | None]) -> None:
    now = Time()
    await many_lives(tmp_path / "whole", now, Visitors(7), 3)
    while (seed := seeds()) is not None:
        try:
            await start_on_made_up(tmp_path, tmp_path / "whole", now.now_s, random.Random(seed))
        except Exception as error:
            raise AssertionError(f"a start on digests made up by seed {seed} failed") from error


async def test_a_start_goes_on_whatever_digests_say(tmp_path: Path) -> None:
    """It starts, counts and answers."""
    seeds = iter(range(8))
    await starts(tmp_path, lambda: next(seeds, None))


@pytest.mark.nightly
@pytest.mark.timeout(0)
async def test_a_start_goes_on_whatever_digests_say_for_long(tmp_path: Path) -> None:
    """As above, until the time is over."""
    until_s, chance = time.monotonic() + FUZZ_S, random.Random()
    await starts(tmp_path, lambda: chance.randrange(2**63) if time.monotonic() < until_s else None)

"""The keeper: what is fed is there at once and once, stored or not."""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from isotherm.core.counts import Counts
from isotherm.core.layers import layers_of
from isotherm.core.people import Documents, Sightings, hash_of
from isotherm.core.tiers import DAY_MS, HOUR_MS, MINUTE_MS
from isotherm.history import History, Retention
from isotherm.history.keeper import PagePast

NOW_MS = 1_700_000_000_000
MOVES = layers_of("move", "all")
HOP_MS = 250


def counts(*rows: tuple[int, int, int], who: str = "s", page: str = "a/") -> Counts:
    """Rows of (time, tile, count)."""
    time_ms, tile, count = zip(*rows, strict=True)
    length = len(rows)
    return Counts(
        [page], [None], [1], [NOW_MS],
        np.zeros(length, np.int64), np.zeros(length, np.int64), np.array(time_ms, np.int64) // HOP_MS,
        np.array(tile, np.int32), np.array(count, np.int32),
        Sightings(np.arange(length), np.full(length, hash_of(who), np.uint32)),
        Documents(np.array([0]), np.array([1000.0]), np.array([3000.0])),
    )  # fmt: skip


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[History]:
    kept = open_history(tmp_path)
    yield kept
    await kept.close()


def open_history(folder: Path) -> History:
    history = History(folder / "history.sqlite", grid_size=2, hop_ms=HOP_MS, window_ms=300_000, retention=Retention())
    history.open()
    return history


async def picture(history: History, from_ms: int | None, to_ms: int, page: str = "a/") -> tuple[int, int, list[int], int]:
    past = await history.range(page, from_ms, to_ms)
    return past.start_ms, past.end_ms, past.contents.by_tile(MOVES, 4).tolist(), past.contents.marks.within(MOVES, 4)


async def test_what_waits_is_there_as_well_as_what_is_stored(history: History) -> None:
    """A question is answered from both, each sample once, people each once; the range is widened to whole minutes."""
    start_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    history.add(counts((NOW_MS, 1, 2)), 1, NOW_MS)
    assert await picture(history, NOW_MS, NOW_MS + 1) == (start_ms, start_ms + MINUTE_MS, [0, 2, 0, 0], 1)
    await history.tend(NOW_MS + MINUTE_MS)
    assert history.oldest_ms is None
    history.add(counts((NOW_MS, 1, 3), (NOW_MS + 1, 2, 1)), 2, NOW_MS)
    history.add(counts((NOW_MS, 0, 1), who="t"), 3, NOW_MS)
    history.add(counts((NOW_MS, 3, 9), page="b/"), 4, NOW_MS)
    assert await picture(history, NOW_MS, NOW_MS + 1) == (start_ms, start_ms + MINUTE_MS, [1, 5, 1, 0], 2)
    assert history.oldest_ms == NOW_MS


async def test_all_there_is(history: History) -> None:
    """Without a beginning, a range begins with the page's oldest bucket of the finest tier that has it; of a page that is not known it is
    one empty minute."""
    await history.tend(NOW_MS)  # minutes are kept for two days
    history.add(counts((NOW_MS - 10 * DAY_MS, 1, 2), (NOW_MS, 1, 1)), 1, NOW_MS)
    start_ms, _, found, _ = await picture(history, None, NOW_MS + 1)
    assert (start_ms, found) == ((NOW_MS - 10 * DAY_MS) // HOUR_MS * HOUR_MS, [0, 3, 0, 0])
    assert (await picture(history, None, NOW_MS + 1, "b/"))[2] == [0, 0, 0, 0]


async def test_it_is_all_there_after_a_start(tmp_path: Path) -> None:
    """What was closed is stored; the log is read on from the record after the newest that is in here, unless the log began anew."""
    history = open_history(tmp_path)
    history.add(counts((NOW_MS, 1, 2)), 41, NOW_MS)
    await history.close()
    history = open_history(tmp_path)
    assert (await picture(history, NOW_MS, NOW_MS + 1))[2:] == ([0, 2, 0, 0], 1)
    assert history.next_offset(50) == 42
    assert history.next_offset(7) == 0
    await history.close()


async def test_what_can_t_be_stored_waits(history: History, tmp_path: Path) -> None:
    """It says why, answers all the same, holds the log, and stores it once that is possible."""
    with sqlite3.connect(tmp_path / "history.sqlite") as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON buckets BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    history.add(counts((NOW_MS, 1, 2)), 1, NOW_MS)
    await history.tend(NOW_MS + MINUTE_MS)
    assert history.why_failed == "disk full"
    assert history.oldest_ms == NOW_MS
    assert (await picture(history, NOW_MS, NOW_MS + 1))[2] == [0, 2, 0, 0]
    with sqlite3.connect(tmp_path / "history.sqlite") as db:
        db.execute("DROP TRIGGER full")
    await history.tend(NOW_MS + 2 * MINUTE_MS)
    assert (history.why_failed, history.oldest_ms) == (None, None)
    assert (await picture(history, NOW_MS, NOW_MS + 1))[2] == [0, 2, 0, 0]


async def test_steps(history: History) -> None:
    """A range in equal parts, from what is stored and what waits."""
    start_ms = NOW_MS // HOUR_MS * HOUR_MS
    history.add(counts((start_ms + 1000, 1, 2), (start_ms + 6 * MINUTE_MS, 1, 3)), 1, NOW_MS)
    await history.tend(NOW_MS)
    history.add(counts((start_ms + 11 * MINUTE_MS, 2, 1), (start_ms + 16 * MINUTE_MS, 2, 1)), 2, NOW_MS)
    steps = await history.steps("a/", MOVES, start_ms, start_ms + 15 * MINUTE_MS, 5 * MINUTE_MS)
    assert [(step.end_ms, step.tiles.tolist(), step.counts.tolist()) for step in steps] == [
        (start_ms + 5 * MINUTE_MS, [1], [2]),
        (start_ms + 10 * MINUTE_MS, [1], [3]),
        (start_ms + 15 * MINUTE_MS, [2], [1]),
    ]


async def test_a_page_s_contents_go_before_the_next_ones_come(history: History) -> None:
    """However many pages of a range are asked for, one at a time is in memory."""
    for offset, page in enumerate("abcdef"):
        history.add(counts((NOW_MS, 1, 1), page=f"{page}/"), offset, NOW_MS)
    await history.tend(NOW_MS + MINUTE_MS)
    seen: list[weakref.ref[object]] = []

    def tell(page: PagePast) -> tuple[str, int]:
        held = sum(one() is not None for one in seen)
        seen.append(weakref.ref(page.contents.marks.marks))
        return page.key, held

    past = await history.pages(NOW_MS, NOW_MS + 1, lambda _: True, 100, tell)
    assert past.pages == [(f"{page}/", 0) for page in "abcdef"]


async def test_questions_while_it_is_stored(history: History) -> None:
    """Whatever the moment, all samples are there, each once."""
    fed = 0
    for round_ in range(30):
        for _ in range(20):
            history.add(counts((NOW_MS + fed % 7 * MINUTE_MS, 1, 1)), fed, NOW_MS)
            fed += 1
        storing = asyncio.create_task(history.tend(NOW_MS + round_ * MINUTE_MS))
        answers = await asyncio.gather(*(picture(history, NOW_MS, NOW_MS + HOUR_MS) for _ in range(3)))
        assert [found[1] for _, _, found, _ in answers] == [fed] * 3
        await storing

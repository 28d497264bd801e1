"""The store: what is in it, what is let go, and that nothing is added twice or in half."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from isotherm.core.erase import Erasure
from isotherm.core.people import Marks, hash_of
from isotherm.core.rollup import Bucket, Contents
from isotherm.core.tiers import DAY_MS, HOUR_MS, MINUTE_MS, Floors, Run
from isotherm.core.zone_rollup import ZoneBucket, ZoneContents
from isotherm.history.store import HistoryError, Reader, Retention, Store

NOW_MS = 1_700_000_000_000
EVERYTHING = [Run(tier, 0, 1 << 40) for tier in range(3)]


def contents(cells: dict[int, int], *who: tuple[int, int]) -> Contents:
    marks = Marks.of(np.array([one for one, _ in who], np.uint64), np.array([cell for _, cell in who], np.int64))
    return Contents(np.array(sorted(cells), np.int64), np.array([cells[cell] for cell in sorted(cells)], np.int64), marks)


def found(path: Path, page: str = "a/", grid: int = 4) -> dict[tuple[int, int], dict[int, int]]:
    reader = Reader(path, grid)
    rows = {
        (row.tier, row.number): dict(zip(row.contents.cells.tolist(), row.contents.counts.tolist(), strict=True))
        for row in reader.rows(page, EVERYTHING)
    }
    reader.close()
    return rows


def test_what_is_added_adds_up(tmp_path: Path) -> None:
    """To the bucket that is there, its people joined; with the newest size that was told, and how far the source was read."""
    path = tmp_path / "history.sqlite"
    store = Store(path, 4)
    store.add([Bucket("a/", 0, 5, contents({1: 2, 3: 1}, (7, 1)))], {"a/": (800, 600)}, {"log": 41})
    store.add([Bucket("a/", 0, 5, contents({1: 3}, (7, 1), (8, 1))), Bucket("b/", 2, 1, contents({0: 1}))], {}, {"log": 42})
    store.close()
    assert found(path) == {(0, 5): {1: 5, 3: 1}}
    assert found(path, "b/") == {(2, 1): {0: 1}}
    reader = Reader(path, 4)
    (row,) = reader.rows("a/", EVERYTHING)
    assert row.contents.marks.marks.tolist() == [7 << 32 | 1, 8 << 32 | 1]
    assert (reader.size_of("a/"), reader.size_of("b/"), reader.size_of("c/")) == ((800, 600), None, None)
    assert (reader.oldest("a/"), reader.oldest("c/")) == ({0: 5}, {})
    reader.close()
    store = Store(path, 4)
    assert (store.next_offset("log"), store.next_offset("other")) == (43, 0)
    store.close()


def test_grids_stand_beside_each_other(tmp_path: Path) -> None:
    """After --grid-size was changed, what was counted on another grid is kept, and not mixed in."""
    path = tmp_path / "history.sqlite"
    for grid in (4, 5):
        store = Store(path, grid)
        store.add([Bucket("a/", 0, 5, contents({1: grid}))], {}, {})
        store.close()
    assert (found(path, grid=4), found(path, grid=5)) == ({(0, 5): {1: 4}}, {(0, 5): {1: 5}})


def test_a_sessions_marks_are_taken_out(tmp_path: Path) -> None:
    """Of every page, tier and grid, beside a server that writes; counts and other sessions stay. Narrower with a page or a time."""
    path = tmp_path / "history.sqlite"
    gone, stays = hash_of("gone"), hash_of("stays")
    for grid in (4, 5):
        store = Store(path, grid)
        both = contents({1: 2}, (gone, 1), (stays, 1))
        pages = [Bucket(page, tier, 5, both) for page in ("a/", "b/") for tier in range(3)]
        store.add([*pages, *(Bucket("c/", 0, number, contents({1: 1}, (stays, 1))) for number in range(250))], {}, {})
        store.close()
    writer, eraser = Store(path, 4), Store(path, 0)
    early = Erasure(session="gone", page="a/", before_ms=6 * MINUTE_MS)
    assert eraser.rewrite_marks(early.without_marks) == 2, "the fifth minute on each grid, and no later one"
    assert eraser.rewrite_marks(Erasure(page="a/").without_marks) == 0
    writer.add([Bucket("a/", 0, 6, contents({1: 1}, (stays, 2)))], {}, {})
    assert eraser.rewrite_marks(Erasure(session="gone").without_marks) == 10
    writer.add([Bucket("a/", 0, 7, contents({1: 1}, (stays, 2)))], {}, {})
    writer.close()
    eraser.close()
    assert found(path)[0, 5] == {1: 2}
    for grid in (4, 5):
        reader = Reader(path, grid)
        marks = Marks.joined(row.contents.marks for page in ("a/", "b/", "c/") for row in reader.rows(page, EVERYTHING))
        assert set((marks.marks >> np.uint64(32)).tolist()) == {stays}
        reader.close()


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """All buckets and the offset are written together, or none of them."""
    path = tmp_path / "history.sqlite"
    store = Store(path, 4)
    store.add([Bucket("a/", 0, 1, contents({1: 1}))], {}, {"log": 1})
    broken = Contents(np.array([1]), np.array([1.5]), Marks())  # type: ignore[arg-type]
    buckets = [Bucket("a/", 0, 1, contents({1: 1})), Bucket("a/", 9, None, broken)]  # type: ignore[arg-type]
    with pytest.raises(HistoryError):
        store.add(buckets, {}, {"log": 2})
    assert store.next_offset("log") == 2
    store.close()
    assert found(path) == {(0, 1): {1: 1}}


def test_what_is_old_is_let_go(tmp_path: Path) -> None:
    """Each tier by its own age, on whole hours and days; the floors tell from where on it is whole, and never sink."""
    path = tmp_path / "history.sqlite"
    store = Store(path, 4)
    for days in range(4):
        at_ms = NOW_MS - days * DAY_MS
        store.add([Bucket("a/", tier, at_ms // span, contents({1: 1})) for tier, span in enumerate((MINUTE_MS, HOUR_MS, DAY_MS))], {}, {})
    retention = Retention(minutes_ms=DAY_MS // 2, hours_ms=DAY_MS, days_ms=2 * DAY_MS)
    store.trim(retention.floors(NOW_MS), 1 << 30)
    floors = store.floors()
    assert floors == Floors(
        NOW_MS // HOUR_MS * HOUR_MS - DAY_MS // 2, NOW_MS // DAY_MS * DAY_MS - DAY_MS, NOW_MS // DAY_MS * DAY_MS - 2 * DAY_MS
    )
    kept = [tier for tier, _ in found(path)]
    assert [kept.count(tier) for tier in range(3)] == [1, 2, 3]
    store.trim(retention.floors(NOW_MS - 5 * DAY_MS), 1 << 30)
    assert store.floors() == floors
    store.close()


def test_a_full_history_lets_the_oldest_minutes_go_first(tmp_path: Path) -> None:
    """Then hours, then days, until it is as small as it was told to be; and a page of which nothing is left is forgotten."""
    path = tmp_path / "history.sqlite"
    store = Store(path, 4)
    chance = np.random.default_rng(3)
    for minute in range(0, 600, 10):
        many = contents({cell: int(chance.integers(1, 1 << 30)) for cell in range(600)})
        number = NOW_MS // MINUTE_MS - minute
        store.add([Bucket("a/", 0, number, many), Bucket("a/", 1, number // 60, many)], {}, {})
    half = store.size_bytes() // 2
    store.trim(Floors(), half)
    assert store.size_bytes() <= half
    tiers = [tier for tier, _ in found(path)]
    assert tiers.count(1) == len({(NOW_MS // MINUTE_MS - minute) // 60 for minute in range(0, 600, 10)})
    oldest = min(number for tier, number in found(path) if tier == 0)
    assert store.floors().minutes_ms <= oldest * MINUTE_MS
    store.trim(Floors(), 1)
    store.close()
    assert found(path) == {}


def test_a_damaged_bucket_can_not_be_read(tmp_path: Path) -> None:
    """Whatever reads it says so; who did holds no old state of the file, nor what was written since in its write-ahead log."""
    path = tmp_path / "history.sqlite"
    store = Store(path, 4)
    store.add([Bucket("a/", 0, 5, contents({1: 2}, (7, 1)))], {}, {"log": 1})
    with sqlite3.connect(path) as db:
        db.execute("UPDATE buckets SET counts = zeroblob(9), samples = NULL")
    reader = Reader(path, 4)
    with pytest.raises(HistoryError, match="damaged") as failed:
        reader.page_samples(EVERYTHING)
    with pytest.raises(HistoryError, match="damaged"):
        list(reader.rows("a/", EVERYTHING))
    db.execute("UPDATE buckets SET samples = 3")
    db.commit()
    assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, failed
    db.close()
    assert reader.page_samples(EVERYTHING) == {"a/": 3}
    reader.close()
    store.close()


def test_damage_holds_up_nothing_that_comes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is added to a damaged bucket, and to those beside it, is stored; the damaged one begins anew, and its counts stay where only
    its people can't be read."""
    path = tmp_path / "history.sqlite"
    store = Store(path, 4)
    several = [Bucket("a/", 0, 5, contents({1: 2}, (7, 1))), Bucket("b/", 1, 5, contents({1: 2}, (7, 1)))]
    zones = ZoneBucket("a/", 0, 5, ZoneContents(("buy",), np.array([0]), np.array([2])))
    store.add([*several, zones], {}, {"log": 1})
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE buckets SET counts = zeroblob(9) WHERE tier = 0")
        db.execute("UPDATE buckets SET marks = zeroblob(9) WHERE tier = 1")
    store.add([*several, zones], {}, {"log": 2})
    assert store.next_offset("log") == 3
    store.close()
    assert found(path) == {(0, 5): {1: 2}}
    assert found(path, "b/") == {(1, 5): {1: 4}}
    reader = Reader(path, 4)
    (read,) = reader.zone_rows("a/", EVERYTHING)
    assert read.contents.counts.tolist() == [2]
    (row,) = reader.rows("b/", EVERYTHING)
    assert len(row.contents.marks.marks) == 1
    reader.close()
    assert "minute 5 of a/ is counted anew: a bucket of the history is damaged" in caplog.text
    assert "the people of hour 5 of b/ are counted anew: a bucket of the history is damaged" in caplog.text


def test_who_is_in_damaged_marks_is_let_go_when_somebody_is_erased(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The others are still rewritten."""
    path = tmp_path / "history.sqlite"
    store = Store(path, 4)
    store.add([Bucket("a/", 0, number, contents({1: 2}, (7, 1))) for number in (5, 6)], {}, {"log": 1})
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE buckets SET marks = zeroblob(9) WHERE number = 5")
    assert store.rewrite_marks(lambda page, start_ms, marks: Marks()) == 2
    store.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT marks FROM buckets").fetchall() == [(None,), (None,)]
    assert "the people of a/ from 300000 on are let go: a bucket of the history is damaged" in caplog.text


def test_a_newer_release_s_history_is_left_alone(tmp_path: Path) -> None:
    """It says so, in words that tell what to do."""
    path = tmp_path / "history.sqlite"
    Store(path, 4).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(HistoryError, match="newer release"):
        Store(path, 4)

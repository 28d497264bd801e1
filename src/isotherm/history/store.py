"""The store: a table of buckets in SQLite. What is added, and how far the sources were read, are written in one transaction.

So whatever is cut off in the midst is added again from the log, whole, and nothing is added twice. WAL, so that readers never wait for the
writer; one thread at a time may add, another, or another process, may read through a `Reader` or erase. All block: keep them off the event
loop.

    pages     id, key, width, height           newest document size
    buckets   page, tier, number, grid, samples, counts, marks      number: time // span of the tier; the blobs: `packing`
                                                                    grid: tiles a side; 0: the page's zones; below 0: its exposure
                                                                    samples: moves and clicks; null where format 1 left it
    sources   name, next_offset                what is below it is in the buckets
    floors    minutes_ms, hours_ms, days_ms    what is older was let go

Whoever writes brings the history to the newest format before the first blob, and looks at the format again in each transaction: what one
release packs, one before it would take for damaged, and count anew (`formats`).
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from isotherm.core.people import Marks
from isotherm.core.rollup import Contents
from isotherm.core.tiers import DAY_MS, HOUR_MS, TIERS_MS, Floors, Run
from isotherm.core.zone_rollup import ZoneContents
from isotherm.history.errors import HistoryError, NewerError, OvertakenError
from isotherm.history.formats import FILLING, FORMAT, check_known, format_after
from isotherm.history.merging import ZONE_GRID, AnyBucket, added, changed_marks, filled_in, grid_of, samples_in
from isotherm.history.packing import unpack_contents, unpack_zones

__all__ = [
    "FILLED_ROWS",
    "HistoryError",
    "NewerError",
    "OvertakenError",
    "PageSize",
    "Reader",
    "Retention",
    "Store",
    "StoredRow",
    "StoredZones",
    "check_not_overtaken",
    "fill_later",
    "let_go",
]

_BY_TIME: Final = "CREATE INDEX by_time_with_samples ON buckets (tier, number, grid, page, samples)"
_FROM_FORMAT_1: Final = ("ALTER TABLE buckets ADD COLUMN samples INTEGER", "DROP INDEX by_time", _BY_TIME)
_TABLES: Final = (
    "CREATE TABLE pages (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, width REAL, height REAL)",
    "CREATE TABLE buckets (page INTEGER NOT NULL, tier INTEGER NOT NULL, number INTEGER NOT NULL, grid INTEGER NOT NULL, "
    "samples INTEGER, counts BLOB NOT NULL, marks BLOB)",
    "CREATE UNIQUE INDEX by_page ON buckets (page, tier, number, grid)",
    _BY_TIME,
    "CREATE TABLE sources (name TEXT PRIMARY KEY, next_offset INTEGER NOT NULL)",
    "CREATE TABLE floors (id INTEGER PRIMARY KEY CHECK (id = 1), "
    "minutes_ms INTEGER NOT NULL, hours_ms INTEGER NOT NULL, days_ms INTEGER NOT NULL)",
    "INSERT INTO floors VALUES (1, 0, 0, 0)",
)
_BUSY_S: Final = 5.0
FILLED_ROWS: Final = 2_000  #: whenever something is added: some 50 ms
_MARKED: Final = (
    "SELECT buckets.rowid, key, tier, number, marks FROM buckets JOIN pages ON pages.id = buckets.page "
    "WHERE buckets.rowid > ? AND marks IS NOT NULL ORDER BY buckets.rowid LIMIT ?"
)
_REWRITTEN_ROWS: Final = 100  #: read and written again in one go, so that the writer beside it never waits long

logger = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True)
class Retention:
    """How far each tier reaches back, and how large the whole may be. Where that is too little, minutes go first, then hours, then days."""

    minutes_ms: int = 2 * DAY_MS
    hours_ms: int = 31 * DAY_MS
    days_ms: int = 400 * DAY_MS  #: a year can be held against the year before it
    bytes_max: int = 4 * 1024**3

    def floors(self, now_ms: int) -> Floors:
        return Floors.keeping(now_ms, self.minutes_ms, self.hours_ms, self.days_ms)


class PageSize(NamedTuple):
    """A document's size in CSS pixels."""

    width: float
    height: float


class StoredRow(NamedTuple):
    """One bucket as it was read."""

    tier: int
    number: int
    contents: Contents


class StoredZones(NamedTuple):
    """One bucket of zones as it was read."""

    tier: int
    number: int
    contents: ZoneContents


def fill_later(error: Exception) -> None:
    """Logs why none were filled in. It is no failure: what was to be added is in there, and who reads counts what has no number."""
    logger.warning("buckets of an older history get their number of samples later: %s", error)


class Store:
    """The one who writes. Raises `HistoryError`."""

    def __init__(self, path: Path, grid_size: int) -> None:
        self.path = path
        self._grid = grid_size
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # the log is trimmed by what is in here
            if _format_of(self._db) not in (FORMAT, FILLING):
                with self._turn():
                    pass  # else who only looks around waits for nobody
        except sqlite3.Error as error:
            raise HistoryError(f"can't open the history {path}: {error}") from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A transaction, in turn with those of others. Raises `NewerError`."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._take_over()
            yield

    def _take_over(self) -> None:
        """Brings what others left to the newest format, which holds as long as the transaction."""
        found = _format_of(self._db)
        check_known(found, str(self.path))
        for statement in _TABLES if found == 0 else _FROM_FORMAT_1 if found == 1 else ():
            self._db.execute(statement)
        newest = format_after(found)
        if found != newest:
            self._db.execute(f"PRAGMA user_version={newest}")
        self._filling = newest == FILLING

    def next_offset(self, source: str) -> int:
        """Records of the source below it are in the buckets."""
        try:
            found = self._db.execute("SELECT next_offset FROM sources WHERE name = ?", (source,)).fetchone()
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error
        return found[0] if found else 0

    def forget_source(self, source: str) -> None:
        """The source began anew: its offsets have nothing to do with those that were read before."""
        try:
            with self._turn():
                self._db.execute("DELETE FROM sources WHERE name = ?", (source,))
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error

    def floors(self) -> Floors:
        try:
            return Floors(*self._db.execute("SELECT minutes_ms, hours_ms, days_ms FROM floors").fetchone())
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error

    def add(
        self,
        buckets: Iterable[AnyBucket],
        sizes: dict[str, tuple[float, float]],
        offsets: Mapping[str, int],
        since: Mapping[str, int] | None = None,
    ) -> None:
        """Adds to the buckets, and notes the newest offset of each source that is in there; all or nothing. Raises `HistoryError`.

        `since`: where what is added begins, a source. Where several write, one that another has overtaken adds nothing: `OvertakenError`.
        """
        try:
            with self._turn():
                for name, expected in (since or {}).items():
                    check_not_overtaken(name, expected, self.next_offset(name))
                ids: dict[str, int] = {}
                for bucket in buckets:
                    page = ids.get(bucket.page)
                    if page is None:
                        page = ids[bucket.page] = self._page(bucket.page, sizes.get(bucket.page))
                    self._merge(page, bucket)
                    time.sleep(0)  # the event loop goes first: a row at most lies between it and its turn
                for name, offset in offsets.items():
                    self._db.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (name, offset + 1))
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error
        if self._filling:
            try:
                self._fill()
            except (sqlite3.Error, NewerError) as error:
                fill_later(error)

    def _fill(self) -> None:
        """Gives some of the buckets that have none their number of samples, the newest first."""
        with self._turn():
            rows = self._db.execute(
                "SELECT rowid, grid, counts FROM buckets WHERE samples IS NULL ORDER BY rowid DESC LIMIT ?", (FILLED_ROWS,)
            ).fetchall()
            told = [(filled_in(counts, grid), row) for row, grid, counts in rows]
            self._db.executemany("UPDATE buckets SET samples = ? WHERE rowid = ?", told)
            if len(rows) < FILLED_ROWS:
                self._db.execute(f"PRAGMA user_version={FORMAT}")

    def _page(self, key: str, size: tuple[float, float] | None) -> int:
        width, height = size if size is not None else (None, None)
        (page,) = self._db.execute(
            "INSERT INTO pages (key, width, height) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
            "width = coalesce(excluded.width, width), height = coalesce(excluded.height, height) RETURNING id",
            (key, width, height),
        ).fetchone()
        return int(page)

    def _merge(self, page: int, bucket: AnyBucket) -> None:
        place = (page, bucket.tier, bucket.number, grid_of(bucket, self._grid))
        found = self._db.execute(
            "SELECT counts, marks FROM buckets WHERE page = ? AND tier = ? AND number = ? AND grid = ?", place
        ).fetchone()
        self._db.execute(
            "INSERT INTO buckets (page, tier, number, grid, samples, counts, marks) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (page, tier, number, grid) DO UPDATE SET "
            "samples = excluded.samples, counts = excluded.counts, marks = excluded.marks",
            (*place, *added(bucket, self._grid, found)),
        )

    def rewrite_marks(self, change: Callable[[str, int, Marks], Marks]) -> int:
        """Gives each bucket's marks to `change`, with page key and begin in ms, and keeps what it returns; returns how many changed.

        May run beside the server, and for every grid. Raises `HistoryError`, also where others read for so long that what stood there can't
        be overwritten on the disk, in the write-ahead log too.
        """
        changed = 0
        at: int | None = 0
        try:
            self._db.execute("PRAGMA secure_delete=ON")
            while at is not None:
                with self._turn():
                    rows = self._db.execute(_MARKED, (at, _REWRITTEN_ROWS)).fetchall()
                    at = rows[-1][0] if rows else None
                    for row, key, tier, number, blob in rows:
                        differs, new = changed_marks(blob, key, number * TIERS_MS[tier], change)
                        if differs:
                            changed += 1
                            self._db.execute("UPDATE buckets SET marks = ? WHERE rowid = ?", (new, row))
            # the old pages stand in the write-ahead log until then
            (busy, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise HistoryError(f"can't rewrite the history {self.path}: {error}") from error
        if busy:
            raise HistoryError(f"what was rewritten in {self.path} still stands in its write-ahead log, since others read it: try again")
        return changed

    def trim(self, floors: Floors, bytes_max: int) -> None:
        """Lets go what is older than the floors, and more where the whole is still too large. Raises `HistoryError`."""
        try:
            let_go(self, floors, bytes_max)
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error

    def lower_than(self, floors: Floors) -> Floors:
        """Lets go what is older than the floors."""
        with self._turn():
            self._db.execute("UPDATE floors SET minutes_ms = ?, hours_ms = ?, days_ms = ?", floors.by_tier)
            for tier, floor_ms in enumerate(floors.by_tier):
                self._db.execute("DELETE FROM buckets WHERE tier = ? AND number < ?", (tier, floor_ms // TIERS_MS[tier]))
            self._db.execute("DELETE FROM pages WHERE id NOT IN (SELECT page FROM buckets)")
        return floors

    def oldest(self) -> dict[int, int]:
        """The number of the oldest bucket, a tier."""
        return dict(self._db.execute("SELECT tier, min(number) FROM buckets GROUP BY tier").fetchall())

    def size_bytes(self) -> int:
        """Bytes in use; the file keeps what was freed, to use it again."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (int(self._db.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
        return (pages - free) * size

    def close(self) -> None:
        self._db.close()


class Trimmed(Protocol):
    """What can be made smaller by raising its floors."""

    def floors(self) -> Floors: ...
    def lower_than(self, floors: Floors) -> Floors: ...
    def oldest(self) -> dict[int, int]: ...
    def size_bytes(self) -> int: ...


def let_go(store: Trimmed, floors: Floors, bytes_max: int) -> None:
    """Raises the store's floors to these, and on, hour by hour and day by day, while it is larger than it may be."""
    kept = store.lower_than(store.floors().raised(floors))
    while store.size_bytes() > bytes_max:
        higher = _raised_by_one(kept, store.oldest())
        if higher == kept:
            break
        kept = store.lower_than(higher)


def _raised_by_one(floors: Floors, oldest: dict[int, int]) -> Floors:
    """The next hour of minutes, day of hours or day of days goes: the first of these that is there. `oldest`: bucket's number, a tier."""
    by_tier = list(floors.by_tier)
    for tier, step_ms in ((0, HOUR_MS), (1, DAY_MS), (2, DAY_MS)):
        if tier in oldest:
            by_tier[tier] = max(by_tier[tier], (oldest[tier] * TIERS_MS[tier] // step_ms + 1) * step_ms)
            return floors.raised(Floors(*by_tier))
    return floors


def check_not_overtaken(source: str, expected: int, found: int) -> None:
    """Raises `OvertakenError`."""
    if found != expected:
        raise OvertakenError(f"{source} was stored up to {found} by another, expected {expected}")


def _format_of(db: sqlite3.Connection) -> int:
    """0: the file is a new one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


class Reader:
    """One who reads, beside the writer. Raises `HistoryError`."""

    def __init__(self, path: Path, grid_size: int) -> None:
        self._path = path
        self._grid = grid_size
        try:
            self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        except sqlite3.Error as error:
            raise HistoryError(f"can't open the history {path}: {error}") from error

    def floors(self) -> Floors:
        """From when on each tier is whole; asked before all else. Raises `NewerError`."""
        try:
            check_known(_format_of(self._db), str(self._path))
            return Floors(*self._db.execute("SELECT minutes_ms, hours_ms, days_ms FROM floors").fetchone())
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error

    def oldest(self, page: str) -> dict[int, int]:
        """The number of a page's oldest bucket, a tier."""
        try:
            return dict(
                self._db.execute(
                    "SELECT tier, min(number) FROM buckets WHERE page = (SELECT id FROM pages WHERE key = ?) AND grid = ? GROUP BY tier",
                    (page, self._grid),
                ).fetchall()
            )
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error

    def size_of(self, page: str) -> PageSize | None:
        """The newest document size of a page; None: not known."""
        try:
            found = self._db.execute("SELECT width, height FROM pages WHERE key = ?", (page,)).fetchone()
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error
        return PageSize(*found) if found and found[0] else None

    def page_samples(self, runs: Iterable[Run]) -> dict[str, int]:
        """Moves and clicks of each page within the runs, on this grid size."""
        samples: dict[int, int] = {}
        within = "FROM buckets WHERE tier = ? AND number >= ? AND number < ? AND grid = ?"
        try:
            with self._db:
                self._db.execute("BEGIN")  # all of one moment: another may be filling numbers in
                for run in runs:
                    place = (*run, self._grid)
                    for page, number in self._db.execute(f"SELECT page, total(samples) {within} GROUP BY page", place).fetchall():
                        samples[page] = samples.get(page, 0) + int(number)
                    # closed whatever happens: as long as one is open, so is what it sees of the file
                    with closing(self._db.execute(f"SELECT page, counts {within} AND samples IS NULL", place)) as unfilled:
                        for page, counts in unfilled:
                            samples[page] += samples_in(counts, self._grid)
                names = self._db.execute("SELECT id, key FROM pages").fetchall()
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error
        return {key: samples[page] for page, key in names if page in samples}

    def rows(self, page: str, runs: Iterable[Run]) -> Iterator[StoredRow]:
        """The buckets of a page within the runs, of this grid size."""
        for tier, number, counts, marks in self._blobs(page, runs, self._grid):
            yield StoredRow(tier, number, unpack_contents(counts, marks))

    def exposure_rows(self, page: str, runs: Iterable[Run]) -> Iterator[StoredRow]:
        """The buckets of a page's exposure within the runs, of this grid size."""
        for tier, number, counts, marks in self._blobs(page, runs, -self._grid):
            yield StoredRow(tier, number, unpack_contents(counts, marks))

    def zone_rows(self, page: str, runs: Iterable[Run]) -> Iterator[StoredZones]:
        """The buckets of a page's zones within the runs."""
        for tier, number, counts, marks in self._blobs(page, runs, ZONE_GRID):
            yield StoredZones(tier, number, unpack_zones(counts, marks))

    def _blobs(self, page: str, runs: Iterable[Run], grid: int) -> Iterator[tuple[int, int, bytes, bytes | None]]:
        try:
            for run in runs:
                for number, counts, marks in self._db.execute(
                    "SELECT number, counts, marks FROM buckets WHERE page = (SELECT id FROM pages WHERE key = ?) "
                    "AND tier = ? AND number >= ? AND number < ? AND grid = ? ORDER BY number",
                    (page, run.tier, run.first, run.last, grid),
                ):
                    yield run.tier, number, counts, marks
        except sqlite3.Error as error:
            raise HistoryError(str(error)) from error

    def close(self) -> None:
        self._db.close()

"""The local log: an append-only table of records in SQLite, one commit a tick.

WAL with ``synchronous=FULL``: a commit returns when its pages are on the disk, so that an ack may follow. Measured, that is as quick as a
file of one's own with ``fdatasync`` (docs/decisions.md), and atomic commits are SQLite's. What SQLite does not tell is told here: each
record has a checksum of its own; at the start the file is checked whole, and the end of its write-ahead log too. What is damaged is set
aside, and every sound record of it is kept (`salvage`). Offsets are given without gaps, so a gap is a record that is lost.

Formats (``PRAGMA user_version``): 1 had no checksums, and is brought to 2 when it is opened; a newer one is refused. One thread at a time
may use a `Log`; it blocks, so keep it off the event loop.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from secrets import randbelow
from typing import Final

from isotherm.log.salvage import Row, aside_name, checksum, sound_records
from isotherm.log.wal import PAGE_BYTES, WriteAheadLog, read_wal, wal_of

__all__ = ["Log", "LogError"]

_FORMAT: Final = 2
_OFFSET_MAX: Final = (1 << 63) - 1
_GENERATIONS: Final = (1 << 31) - 1
_FORMAT_MAX: Final = 1000  #: no release will come so far: a number above is damage
_REWRITTEN_ROWS: Final = 100  #: read and written again in one go, so that a commit never waits long behind it
_TRIM_ROWS: Final = 2000  #: rows removed in one go, so that a commit never waits long behind a trim

#: What a sound log answers on a disk that is full, read-only or away, or while another process writes. Whatever else
#: our own statements are answered with when it is opened is damage.
_NO_DAMAGE: Final = frozenset({
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_INTERRUPT,
})  # fmt: skip
_SHORT_READ: Final = 522  #: SQLITE_IOERR_SHORT_READ: the file is shorter than it says
_HEADERS: Final = tuple(  #: the first bytes of any of our files: magic, page size, format versions, no reserved bytes, fractions
    b"SQLite format 3\0" + PAGE_BYTES.to_bytes(2, "big") + bytes((version, version, 0, 64, 32, 32)) for version in (1, 2)
)


class LogError(Exception):
    """The log can't be opened, read or written; the message says why and what to do."""


class Log:
    """Records by offset, with the time (ms since the epoch) at which they were taken."""

    def __init__(self, path: Path, *, repair: bool = True) -> None:
        """Opens the log, or makes it. Raises `LogError`.

        `repair`: a damaged log is set aside and what is sound of it kept; only for the one process that owns the folder.
        """
        self.path = path
        self.damage: list[str] = []  #: what was not sound when it was opened, in words for the operator
        self.damaged = 0  #: records that were found damaged or missing, so far as was read
        self.newest_checksum = 0  #: of the record that was appended last
        self._db: sqlite3.Connection | None = None
        try:
            if repair:
                self._finish_salvage()
            wal = read_wal(path) if repair else None
            try:
                self._open()
                if wal is not None:
                    self._check_whole(wal)
            except sqlite3.DatabaseError as error:
                if wal is None or not _is_damage(error):
                    raise
                self._salvage(str(error))
            self._next = self._next_offset()
        except LogError:
            self.close()
            raise
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise LogError(f"can't open the log {path}: {error}") from error

    # -- opening

    def _open(self) -> None:
        try:
            with self.path.open("rb") as file:
                header = file.read(len(_HEADERS[0]))
        except FileNotFoundError:
            header = b""
        self._db = self._connect(self.path)
        if header and header not in _HEADERS:
            raise sqlite3.DatabaseError("its header is damaged")
        self._check_format(self._db)

    def _connect(self, path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        if path.stat().st_size == 0:
            db.execute(f"PRAGMA page_size={PAGE_BYTES}")
        return db

    def _check_format(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        (found,) = db.execute("PRAGMA user_version").fetchone()
        if _FORMAT < found < _FORMAT_MAX:
            raise LogError(f"{self.path} was written by a newer release (format {found}, this one knows {_FORMAT}): update Isotherm")
        if not 0 <= found <= _FORMAT:
            raise sqlite3.DatabaseError(f"no format has the number {found}")
        if found == _FORMAT:
            db.execute("SELECT offset, time_ms, value, crc FROM records LIMIT 0")
            if not self._generation(db):  # an older release made it
                with suppress(sqlite3.OperationalError):  # a full disk: without a number nothing is made from it
                    self._begin_generation(db)
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            if found == 0:
                # AUTOINCREMENT: an offset is never given twice, also when all records have been trimmed
                db.execute(
                    "CREATE TABLE records"
                    " (offset INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, value BLOB NOT NULL, crc INTEGER)"
                )
                db.execute("CREATE TABLE probe (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL)")
            else:
                db.execute("ALTER TABLE records ADD COLUMN crc INTEGER")
            db.execute(f"PRAGMA user_version={_FORMAT}")
            self._begin_generation(db)
        except sqlite3.Error:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _begin_generation(self, db: sqlite3.Connection) -> None:
        db.execute(f"PRAGMA application_id={1 + randbelow(_GENERATIONS)}")

    def _generation(self, db: sqlite3.Connection) -> int:
        return int(db.execute("PRAGMA application_id").fetchone()[0])

    def _check_whole(self, wal: WriteAheadLog) -> None:
        """Raises `sqlite3.DatabaseError` where the log is not whole."""
        if wal.torn:
            self.damage.append("the log's end is torn: its newest commit was not finished")
        taken = self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]  # frames that SQLite found sound
        if wal.last_commit > taken:
            raise sqlite3.DatabaseError("commits at its end are damaged")
        found = self._database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(str(found).replace("\n", " "))

    def _salvage(self, why: str) -> None:
        """Keeps the damaged log under another name, and puts in its place a new one with all that is sound. May be cut short anywhere."""
        aside = aside_name(self.path)
        if wal_of(self.path).exists():
            shutil.copyfile(wal_of(self.path), wal_of(aside))  # closing the last connection may remove it
        self.close()
        shutil.copyfile(self.path, aside)
        draft = self.path.with_name(f"{self.path.stem}.draft{self.path.suffix}")
        _remove(draft, wal_of(draft))
        kept = self._fill(draft, sound_records(aside))
        draft.rename(self._salvaged)
        self._finish_salvage()
        self._open()
        self.damage.append(f"the log is damaged ({why}): {kept} records of it are sound and were kept, the damaged file is {aside.name}")

    def _fill(self, draft: Path, rows: Iterable[Row]) -> int:
        with closing(self._connect(draft)) as db:
            self._check_format(db)
            db.execute("BEGIN")
            for row in rows:
                db.execute("INSERT OR IGNORE INTO records (offset, time_ms, value, crc) VALUES (?, ?, ?, ?)", row)
            (kept,) = db.execute("SELECT count(*) FROM records").fetchone()
            db.execute("COMMIT")
        return int(kept)

    @property
    def _salvaged(self) -> Path:
        """A new log that is complete, and not yet in its place."""
        return self.path.with_name(f"{self.path.stem}.salvaged{self.path.suffix}")

    def _finish_salvage(self) -> None:
        if self._salvaged.exists():
            _remove(wal_of(self.path), self.path.with_name(self.path.name + "-shm"))
            self._salvaged.replace(self.path)

    def _next_offset(self) -> int:
        (newest,) = self._database.execute("SELECT coalesce(max(offset), 0) FROM records").fetchone()
        given = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
        return int(max(newest, given[0] if given and isinstance(given[0], int) else 0)) + 1

    @property
    def _database(self) -> sqlite3.Connection:
        assert self._db is not None
        return self._db

    # -- records

    def append(self, time_ms: int, value: bytes) -> int:
        """Adds one record and returns its offset, once it is on the disk. Raises `LogError`: nothing was added."""
        offset = self._next
        crc = checksum(offset, time_ms, value)
        try:
            self._database.execute("INSERT INTO records (offset, time_ms, value, crc) VALUES (?, ?, ?, ?)", (offset, time_ms, value, crc))
        except sqlite3.Error as error:
            raise LogError(str(error)) from error
        self._next += 1
        self.newest_checksum = crc
        return offset

    def probe(self, time_ms: int) -> None:
        """Writes something small, to see whether the disk takes it again. Raises `LogError`."""
        try:
            self._database.execute("INSERT OR REPLACE INTO probe VALUES (1, ?)", (time_ms,))
        except sqlite3.Error as error:
            raise LogError(str(error)) from error

    def replay(self, since_ms: int, first: int = 0, end: int | None = None) -> Iterator[tuple[int, int, bytes]]:
        """Sound records taken at `since_ms` or later, oldest first: offset, time, value; only those from `first` to (not including) `end`.

        Others are counted. Raises `LogError`.
        """
        rows = (
            "SELECT offset, time_ms, value, crc FROM records WHERE offset < ?"
            " AND offset >= (SELECT min(offset) FROM records WHERE offset >= ? AND time_ms >= ?) ORDER BY offset"
        )
        expected: int | None = None
        try:
            for offset, time_ms, value, crc in self._database.execute(rows, (_OFFSET_MAX if end is None else end, first, since_ms)):
                self.damaged += 0 if expected is None else offset - expected
                expected = offset + 1
                if not _is_sound(offset, time_ms, value, crc):
                    self.damaged += 1
                elif time_ms >= since_ms:
                    yield offset, time_ms, value
        except sqlite3.Error as error:
            raise LogError(f"can't read the log {self.path}: {error}") from error

    def checksum_of(self, offset: int) -> int | None:
        """The checksum that stands with a record; None: there is no such record, or it has none. Raises `LogError`."""
        try:
            row = self._database.execute("SELECT crc FROM records WHERE offset = ?", (offset,)).fetchone()
        except sqlite3.Error as error:
            raise LogError(f"can't read the log {self.path}: {error}") from error
        return row[0] if row is not None else None

    @property
    def newest_ms(self) -> int:
        """When the newest record was taken; 0: there is none. Raises `LogError`."""
        try:
            row = self._database.execute("SELECT time_ms FROM records ORDER BY offset DESC LIMIT 1").fetchone()
        except sqlite3.Error as error:
            raise LogError(f"can't read the log {self.path}: {error}") from error
        return row[0] if row is not None else 0

    @property
    def generation(self) -> int:
        """A number drawn when the log was made, and anew before something in it is rewritten, also by another process.

        What was made from its records holds as long as this is the same. Raises `LogError`.
        """
        try:
            return self._generation(self._database)
        except sqlite3.Error as error:
            raise LogError(f"can't read the log {self.path}: {error}") from error

    def begin_generation(self) -> None:
        """To be called before `rewrite`. Raises `LogError`."""
        try:
            self._begin_generation(self._database)
        except sqlite3.Error as error:
            raise LogError(f"can't rewrite the log {self.path}: {error}") from error

    def rewrite(self, change: Callable[[bytes], bytes]) -> int:
        """Gives each record's value to `change` and keeps what it returns; returns how many changed. May run beside the server.

        Raises `LogError`, also where others read for so long that what stood there before can't be overwritten on the disk, in the
        write-ahead log too. A damaged record stays one.
        """
        db = self._database
        changed = at = 0
        try:
            db.execute("PRAGMA secure_delete=ON")
            while True:
                with db:  # begun below, rolled back where `change` raises
                    db.execute("BEGIN IMMEDIATE")
                    rows = db.execute(
                        "SELECT offset, time_ms, value, crc FROM records WHERE offset > ? ORDER BY offset LIMIT ?", (at, _REWRITTEN_ROWS)
                    ).fetchall()
                    for offset, time_ms, value, crc in rows:
                        at = offset
                        new = change(value)
                        if new != value:
                            changed += 1
                            right = checksum(offset, time_ms, new) if _is_sound(offset, time_ms, value, crc) else crc
                            db.execute("UPDATE records SET value = ?, crc = ? WHERE offset = ?", (new, right, offset))
                if not rows:
                    break
            # the old pages stand in the write-ahead log until then
            (busy, *_) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise LogError(f"can't rewrite the log {self.path}: {error}") from error
        if busy:
            raise LogError(f"what was rewritten in {self.path} still stands in its write-ahead log, since others read it: try again")
        return changed

    @property
    def newest_offset(self) -> int:
        """The offset that was given last, trimmed or not; 0: none was."""
        return self._next - 1

    def trim(self, before_ms: int) -> int:
        """Removes the oldest records that were taken before that time, at most some thousands; returns how many."""
        db = self._database
        try:
            oldest = db.execute("SELECT offset, time_ms FROM records ORDER BY offset LIMIT ?", (_TRIM_ROWS,)).fetchall()
            old = 0
            while old < len(oldest) and oldest[old][1] < before_ms:
                old += 1
            if old:
                db.execute("DELETE FROM records WHERE offset <= ?", (oldest[old - 1][0],))
        except sqlite3.Error as error:
            raise LogError(str(error)) from error
        return old

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _is_sound(offset: int, time_ms: int, value: object, crc: int | None) -> bool:
    return isinstance(value, bytes) and crc in (None, checksum(offset, time_ms, value))


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # none: one of our own findings
    return code is None or code == _SHORT_READ or code & 0xFF not in _NO_DAMAGE

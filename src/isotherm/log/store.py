"""The local log: an append-only table of records in SQLite, one commit a tick.

WAL with ``synchronous=FULL``: a commit returns when its pages are on the disk, so that an ack may follow. Measured, that is as quick as a
file of one's own with ``fdatasync`` (docs/decisions.md), and torn tails, checksums and recovery are SQLite's. One thread at a time may
use a `Log`; it blocks, so keep it off the event loop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["Log", "LogError"]

_FORMAT: Final = 1
_TRIM_ROWS: Final = 2000  #: rows removed in one go, so that a commit never waits long behind a trim


class LogError(Exception):
    """The log can't be opened, read or written; the message says why and what to do."""


class Log:
    """Records by offset, with the time (ms since the epoch) at which they were taken."""

    def __init__(self, path: Path) -> None:
        """Opens the log, or makes it. Raises `LogError`."""
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._check_format()
        except sqlite3.Error as error:
            raise LogError(f"can't open the log {path}: {error}") from error

    def _check_format(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > _FORMAT:
            raise LogError(f"{self.path} was written by a newer release (format {found}, this one knows {_FORMAT}): update Isotherm")
        if found == 0:
            with self._db:
                self._db.execute("BEGIN")
                # AUTOINCREMENT: an offset is never given twice, also when all records have been trimmed
                self._db.execute(
                    "CREATE TABLE records (offset INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, value BLOB NOT NULL)"
                )
                self._db.execute("CREATE TABLE probe (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL)")
                self._db.execute(f"PRAGMA user_version={_FORMAT}")

    def append(self, time_ms: int, value: bytes) -> int:
        """Adds one record and returns its offset, once it is on the disk. Raises `LogError`: nothing was added."""
        try:
            cursor = self._db.execute("INSERT INTO records (time_ms, value) VALUES (?, ?)", (time_ms, value))
        except sqlite3.Error as error:
            raise LogError(str(error)) from error
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def probe(self, time_ms: int) -> None:
        """Writes something small, to see whether the disk takes it again. Raises `LogError`."""
        try:
            self._db.execute("INSERT OR REPLACE INTO probe VALUES (1, ?)", (time_ms,))
        except sqlite3.Error as error:
            raise LogError(str(error)) from error

    def replay(self, since_ms: int) -> Iterator[tuple[int, int, bytes]]:
        """Records taken at `since_ms` or later, oldest first: offset, time, value. Raises `LogError`."""
        try:
            yield from self._db.execute("SELECT offset, time_ms, value FROM records WHERE time_ms >= ? ORDER BY offset", (since_ms,))
        except sqlite3.Error as error:
            raise LogError(f"can't read the log {self.path}: {error}") from error

    def trim(self, before_ms: int) -> int:
        """Removes the oldest records that were taken before that time, at most some thousands; returns how many."""
        try:
            oldest = self._db.execute("SELECT offset, time_ms FROM records ORDER BY offset LIMIT ?", (_TRIM_ROWS,)).fetchall()
            old = 0
            while old < len(oldest) and oldest[old][1] < before_ms:
                old += 1
            if old:
                self._db.execute("DELETE FROM records WHERE offset <= ?", (oldest[old - 1][0],))
        except sqlite3.Error as error:
            raise LogError(str(error)) from error
        return old

    def close(self) -> None:
        self._db.close()

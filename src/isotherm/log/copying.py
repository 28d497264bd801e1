"""Copying a SQLite database as of one moment, beside whoever writes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

__all__ = ["copy_database"]


def copy_database(found: Path, to: Path) -> None:
    """Raises `sqlite3.Error`. The copy is one file, without a write-ahead log beside it."""
    with closing(sqlite3.connect(f"file:{found}?mode=rw", uri=True, timeout=30)) as db, closing(sqlite3.connect(to)) as copy:
        db.backup(copy)

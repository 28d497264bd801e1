"""Where a history lies: a file of SQLite, or a PostgreSQL server. Whoever opens it gets what it needs without knowing which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isotherm.history.store import HistoryError, Reader, Store

if TYPE_CHECKING:
    from isotherm.history.postgres import PostgresReader, PostgresStore

__all__ = ["is_postgres", "open_reader", "open_store"]

_POSTGRES = ("postgresql://", "postgres://")


def is_postgres(place: str) -> bool:
    return place.startswith(_POSTGRES)


def open_store(place: str, grid_size: int) -> Store | PostgresStore:
    """For one who writes; made where there is none. Blocks; raises `HistoryError`."""
    if not is_postgres(place):
        try:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryError(f"can't make the folder of {place}: {error.strerror}") from error
        return Store(Path(place), grid_size)
    try:
        from isotherm.history.postgres import PostgresStore
    except ImportError as error:
        raise _missing(error) from error
    return PostgresStore(place, grid_size)


def open_reader(place: str, grid_size: int) -> Reader | PostgresReader:
    """For one who looks. Blocks; raises `HistoryError`."""
    if not is_postgres(place):
        return Reader(Path(place), grid_size)
    try:
        from isotherm.history.postgres import PostgresReader
    except ImportError as error:
        raise _missing(error) from error
    return PostgresReader(place, grid_size)


def _missing(error: ImportError) -> HistoryError:
    return HistoryError(f"PostgreSQL's client library is missing ({error.name}): install isotherm[postgres]")

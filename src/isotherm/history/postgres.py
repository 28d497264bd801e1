"""The store in PostgreSQL, for several who write and many who read: the tables of `store`, under names that begin with `isotherm_`.

Who adds or lets go holds one lock of the database until the transaction ends, so writers take turns and nobody merges into a bucket that
another has just changed. In its turn each looks at the format, which one of a newer release may have raised meanwhile. Readers never
wait. A database, or a schema (`?options=-csearch_path=…`), is for one pipeline.

One thread at a time may use an object; all calls block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from isotherm.core.people import Marks
from isotherm.core.tiers import TIERS_MS, Floors, Run
from isotherm.history.errors import HistoryError
from isotherm.history.formats import FILLING, FORMAT, check_known, format_after
from isotherm.history.merging import ZONE_GRID, AnyBucket, added, changed_marks, filled_in, grid_of, samples_in
from isotherm.history.packing import unpack_contents, unpack_zones
from isotherm.history.store import (
    FILLED_ROWS,
    PageSize,
    StoredRow,
    StoredZones,
    check_not_overtaken,
    fill_later,
    let_go,
)

__all__ = ["PostgresReader", "PostgresStore"]

_MARKED: Final = (
    "SELECT page, tier, number, grid, key, marks FROM isotherm_buckets JOIN isotherm_pages ON id = page "
    "WHERE (page, tier, number, grid) > (%s, %s, %s, %s) AND marks IS NOT NULL ORDER BY page, tier, number, grid LIMIT %s"
)
_REWRITTEN_ROWS: Final = 100  #: a turn, so that other writers never wait long

_LOCK: Final = 0x150_7E24  #: any number that nobody else in the database locks
_CONNECT_S: Final = 5
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS isotherm_pages "
    "(id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL UNIQUE, width FLOAT8, height FLOAT8)",
    "CREATE TABLE IF NOT EXISTS isotherm_buckets (page BIGINT NOT NULL, tier SMALLINT NOT NULL, number BIGINT NOT NULL, "
    "grid SMALLINT NOT NULL, counts BYTEA NOT NULL, marks BYTEA, samples BIGINT, PRIMARY KEY (page, tier, number, grid))",
    "CREATE INDEX IF NOT EXISTS isotherm_by_time ON isotherm_buckets (tier, number)",
    "CREATE TABLE IF NOT EXISTS isotherm_sources (name TEXT PRIMARY KEY, next_offset BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS isotherm_floors (id SMALLINT PRIMARY KEY CHECK (id = 1), "
    "minutes_ms BIGINT NOT NULL, hours_ms BIGINT NOT NULL, days_ms BIGINT NOT NULL, format SMALLINT NOT NULL)",
    f"INSERT INTO isotherm_floors VALUES (1, 0, 0, 0, {FORMAT}) ON CONFLICT DO NOTHING",
)
_FROM_FORMAT_1: Final = "ALTER TABLE isotherm_buckets ADD COLUMN IF NOT EXISTS samples BIGINT"
_SET_FORMAT: Final = "UPDATE isotherm_floors SET format = %s"


class _Connected:
    """A connection; what fails is a `HistoryError`. Nothing of the address is told but host and database: it may hold a password."""

    def __init__(self, url: str, grid_size: int) -> None:
        self._grid = grid_size
        with self._failing("reach"):
            parts = conninfo_to_dict(url)
            self._name = f"{parts.get('host') or 'localhost'}/{parts.get('dbname') or ''}"
            self._db = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_S, application_name="isotherm")

    _name = "of --store"

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise HistoryError(f"can't {what} the PostgreSQL server {self._name}: {why}") from error

    def _one(self, statement: str, *values: Any) -> Any:
        return self._db.execute(statement, values).fetchone()

    def floors(self) -> Floors:
        """From when on each tier is whole; who reads asks it before all else. Raises `NewerError`."""
        with self._failing("read"):
            *floors, found = self._one("SELECT minutes_ms, hours_ms, days_ms, format FROM isotherm_floors")
        check_known(found, self._place)
        return Floors(*floors)

    @property
    def _place(self) -> str:
        return f"the history in {self._name}"

    def close(self) -> None:
        self._db.close()


class PostgresStore(_Connected):
    """One of those who write. Raises `HistoryError`."""

    def __init__(self, url: str, grid_size: int) -> None:
        super().__init__(url, grid_size)
        with self._failing("prepare"), self._turn(_TABLES):
            pass

    @contextmanager
    def _turn(self, tables: Iterable[str] = ()) -> Iterator[None]:
        """A transaction, in turn with those of others; makes these tables first. Raises `NewerError`, and then makes none."""
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            for statement in tables:
                self._db.execute(statement)
            self._take_over()
            yield

    def _take_over(self) -> None:
        """As `Store._take_over`."""
        (found,) = self._one("SELECT format FROM isotherm_floors")
        check_known(found, self._place)
        if found == 1:
            self._db.execute(_FROM_FORMAT_1)
        newest = format_after(found)
        if found != newest:
            self._db.execute(_SET_FORMAT, (newest,))
        self._filling = newest == FILLING

    def next_offset(self, source: str) -> int:
        """Records of the source below it are in the buckets."""
        with self._failing("read"):
            found = self._one("SELECT next_offset FROM isotherm_sources WHERE name = %s", source)
        return int(found[0]) if found else 0

    def forget_source(self, source: str) -> None:
        """The source began anew: its offsets have nothing to do with those that were read before."""
        with self._failing("write"), self._turn():
            self._db.execute("DELETE FROM isotherm_sources WHERE name = %s", (source,))

    def add(
        self,
        buckets: Iterable[AnyBucket],
        sizes: dict[str, tuple[float, float]],
        offsets: Mapping[str, int],
        since: Mapping[str, int] | None = None,
    ) -> None:
        """As `Store.add`."""
        with self._failing("write"), self._turn():
            for name, expected in (since or {}).items():
                check_not_overtaken(name, expected, self.next_offset(name))
            ids: dict[str, int] = {}
            for bucket in buckets:
                if bucket.page not in ids:
                    ids[bucket.page] = self._page(bucket.page, sizes.get(bucket.page))
                self._merge(ids[bucket.page], bucket)
            for name, offset in offsets.items():
                self._db.execute(
                    "INSERT INTO isotherm_sources VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET next_offset = excluded.next_offset",
                    (name, offset + 1),
                )
        if self._filling:
            try:
                with self._failing("write"), self._turn():
                    self._fill()
            except HistoryError as error:
                fill_later(error)

    def _fill(self) -> None:
        """As `Store._fill`."""
        rows = self._db.execute(
            "SELECT page, tier, number, grid, counts FROM isotherm_buckets WHERE samples IS NULL LIMIT %s", (FILLED_ROWS,)
        ).fetchall()
        with self._db.cursor() as cursor:
            cursor.executemany(
                "UPDATE isotherm_buckets SET samples = %s WHERE page = %s AND tier = %s AND number = %s AND grid = %s",
                [(filled_in(counts, place[3]), *place) for *place, counts in rows],
            )
        if len(rows) < FILLED_ROWS:
            self._db.execute(_SET_FORMAT, (FORMAT,))

    def _page(self, key: str, size: tuple[float, float] | None) -> int:
        width, height = size if size is not None else (None, None)
        found = self._one(
            "INSERT INTO isotherm_pages AS old (key, width, height) VALUES (%s, %s, %s) ON CONFLICT (key) DO UPDATE SET "
            "width = coalesce(excluded.width, old.width), height = coalesce(excluded.height, old.height) RETURNING id",
            _text(key), width, height,
        )  # fmt: skip
        return int(found[0])

    def _merge(self, page: int, bucket: AnyBucket) -> None:
        place = (page, bucket.tier, bucket.number, grid_of(bucket, self._grid))
        found = self._one("SELECT counts, marks FROM isotherm_buckets WHERE page = %s AND tier = %s AND number = %s AND grid = %s", *place)
        self._db.execute(
            "INSERT INTO isotherm_buckets (page, tier, number, grid, samples, counts, marks) VALUES (%s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (page, tier, number, grid) DO UPDATE SET "
            "samples = excluded.samples, counts = excluded.counts, marks = excluded.marks",
            (*place, *added(bucket, self._grid, found)),
        )

    def rewrite_marks(self, change: Callable[[str, int, Marks], Marks]) -> int:
        """As `Store.rewrite_marks`. What stood there is the server's to overwrite: it does when it next vacuums, and in its log in time."""
        changed, at = 0, (0, 0, 0, 0)
        while True:
            with self._failing("write"), self._turn():
                rows = self._db.execute(_MARKED, (*at, _REWRITTEN_ROWS)).fetchall()
                for page, tier, number, grid, key, blob in rows:
                    differs, new = changed_marks(blob, key, number * TIERS_MS[tier], change)
                    if differs:
                        changed += 1
                        self._db.execute(
                            "UPDATE isotherm_buckets SET marks = %s WHERE page = %s AND tier = %s AND number = %s AND grid = %s",
                            (new, page, tier, number, grid),
                        )
            if not rows:
                return changed
            at = rows[-1][:4]

    def trim(self, floors: Floors, bytes_max: int) -> None:
        """Lets go what is older than the floors, and more where the buckets' blobs together are still too large."""
        with self._failing("trim"), self._turn():
            let_go(self, floors, bytes_max)

    def lower_than(self, floors: Floors) -> Floors:
        """Lets go what is older than the floors."""
        self._db.execute("UPDATE isotherm_floors SET minutes_ms = %s, hours_ms = %s, days_ms = %s", floors.by_tier)
        for tier, floor_ms in enumerate(floors.by_tier):
            self._db.execute("DELETE FROM isotherm_buckets WHERE tier = %s AND number < %s", (tier, floor_ms // TIERS_MS[tier]))
        self._db.execute("DELETE FROM isotherm_pages WHERE NOT EXISTS (SELECT 1 FROM isotherm_buckets WHERE page = isotherm_pages.id)")
        return floors

    def oldest(self) -> dict[int, int]:
        """The number of the oldest bucket, a tier."""
        return dict(self._db.execute("SELECT tier, min(number) FROM isotherm_buckets GROUP BY tier").fetchall())

    def size_bytes(self) -> int:
        """Bytes of what is kept; the server's own room for it, and what it has not yet freed, come on top."""
        (size,) = self._one("SELECT coalesce(sum(length(counts) + coalesce(length(marks), 0)), 0) FROM isotherm_buckets")
        return int(size)


class PostgresReader(_Connected):
    """One who reads. Raises `HistoryError`."""

    def oldest(self, page: str) -> dict[int, int]:
        """The number of a page's oldest bucket, a tier."""
        with self._failing("read"):
            found = self._db.execute(
                "SELECT tier, min(number) FROM isotherm_buckets "
                "WHERE page = (SELECT id FROM isotherm_pages WHERE key = %s) AND grid = %s GROUP BY tier",
                (_text(page), self._grid),
            ).fetchall()
        return dict(found)

    def size_of(self, page: str) -> PageSize | None:
        """The newest document size of a page; None: not known."""
        with self._failing("read"):
            found = self._one("SELECT width, height FROM isotherm_pages WHERE key = %s", _text(page))
        return PageSize(*found) if found and found[0] else None

    def page_samples(self, runs: Iterable[Run]) -> dict[str, int]:
        """Moves and clicks of each page within the runs, on this grid size."""
        samples: dict[str, int] = {}
        within = "FROM isotherm_buckets JOIN isotherm_pages ON id = page WHERE tier = %s AND number >= %s AND number < %s AND grid = %s"
        with self._failing("read"):
            for run in runs:
                place = (*run, self._grid)
                told = self._db.execute(
                    f"SELECT key, coalesce(sum(samples), 0), array_agg(counts) FILTER (WHERE samples IS NULL) {within} GROUP BY key", place
                )
                for key, number, unfilled in told:  # one statement: another may be filling numbers in
                    more = sum(samples_in(counts, self._grid) for counts in unfilled or ())
                    samples[key] = samples.get(key, 0) + int(number) + more
        return samples

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
        for run in runs:
            with self._failing("read"):
                found = self._db.execute(
                    "SELECT number, counts, marks FROM isotherm_buckets WHERE page = (SELECT id FROM isotherm_pages WHERE key = %s) "
                    "AND tier = %s AND number >= %s AND number < %s AND grid = %s ORDER BY number",
                    (_text(page), run.tier, run.first, run.last, grid),
                ).fetchall()
            for number, counts, marks in found:
                yield run.tier, number, counts, marks


def _text(key: str) -> str:
    """A key as PostgreSQL takes it: no NUL, which a path from outside may hold."""
    return key.replace("\0", "\ufffd")

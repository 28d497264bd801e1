"""Storing: counts of several sources in, buckets in the store out; for a worker that can read its sources again.

    add ──> waiting ──(flush)──fold──> store: buckets, and each source's newest offset, one transaction

So nothing waits here that is not also where it came from: after any error, a kill included, whoever goes on reads each source from
`next_offset` again. The store takes a flush only where every source still stands where this one began: of two that both think a source
theirs, the second adds nothing and is told (`OvertakenError`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isotherm.core.counts import Counts
from isotherm.core.exposure_rollup import fold_exposure
from isotherm.core.rollup import Rollup, fold, sizes
from isotherm.core.tiers import MINUTE_MS
from isotherm.core.zone_rollup import fold_zones
from isotherm.history.store import Retention, Store

if TYPE_CHECKING:
    from isotherm.history.postgres import PostgresStore

__all__ = ["Storing"]

_ROWS_MAX: Final = 500_000  #: that wait before they are stored ahead of time: some 20 MB
_SETTLE_MS: Final = 2_000  #: trackers gather for some seconds: what comes so late still goes with its minute
_TRIM_EVERY_MS: Final = 10 * MINUTE_MS


class Storing:
    """`begin` each source, `add` its counts in order, `tend` often. All block; raises `HistoryError`: then begin anew."""

    def __init__(
        self, store: Store | PostgresStore, *, grid_size: int, hop_ms: int, retention: Retention, every_ms: int = MINUTE_MS
    ) -> None:
        self._store = store
        self._bands = grid_size
        self._tiles = grid_size * grid_size
        self._hop_ms = hop_ms
        self._retention = retention
        self._every_ms = every_ms
        self._floors = store.floors()
        self._waiting = Rollup()
        self._stored: dict[str, int] = {}
        self._turn = 0
        self._trimmed_ms = 0
        self.too_old = 0  #: samples older than all that is kept

    def begin(self, source: str, end: int) -> int:
        """Where to read a source from, whose next record will be `end`: what is below is stored."""
        offset = self._store.next_offset(source)
        if offset > end:  # it began anew
            self._store.forget_source(source)
            offset = 0
        self._stored[source] = offset
        return offset

    def add(self, counts: Counts, source: str, offset: int, taken_ms: int) -> None:
        """Takes the counts of one record."""
        self._waiting.add(counts, source, offset, taken_ms)

    def tend(self, now_ms: int) -> bool:
        """Stores what waits, when it is time, and lets go what is too old; whether it did."""
        turn = (now_ms - min(_SETTLE_MS, self._every_ms)) // self._every_ms
        due = (turn != self._turn and self._waiting.oldest_ms is not None) or self._waiting.rows > _ROWS_MAX
        if due:
            self._turn = turn
            self.flush()
        if not 0 <= now_ms - self._trimmed_ms < _TRIM_EVERY_MS:
            self._trimmed_ms = now_ms
            self._store.trim(self._retention.floors(now_ms), self._retention.bytes_max)
            self._floors = self._store.floors()
        return due

    def flush(self) -> None:
        """Stores what waits."""
        taken = self._waiting.take()
        if not taken.offsets:
            return
        buckets, too_old = fold(counts := taken.read(), hop_ms=self._hop_ms, tiles=self._tiles, floors=self._floors)
        zones = fold_zones(counts, hop_ms=self._hop_ms, floors=self._floors)
        exposure = fold_exposure(counts, bands=self._bands, floors=self._floors)
        since = {source: self._stored[source] for source in taken.offsets}
        self._store.add([*buckets, *zones, *exposure], sizes(counts), taken.offsets, since)
        self.too_old += too_old
        self._stored |= {source: offset + 1 for source, offset in taken.offsets.items()}

    @property
    def stored(self) -> dict[str, int]:
        """The next offset of each source, as it is stored."""
        return dict(self._stored)

"""One partition of the aggregator: the core's windows, fed with records, asked at each hop for what is to be written. No I/O."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from isotherm.core.aggregate import Aggregator
from isotherm.core.publish import Publisher
from isotherm.core.records import HeatmapRecord, RecordError, counts_from_record, decode_grouped, zones_from_record
from isotherm.core.zones import Zones
from isotherm.runtimes.pipeline import PipelineSettings

__all__ = ["Partition"]

_CELLS_DENSE_MAX = 16 * 1024 * 1024  #: 64 MiB of address space a partition, taken where it is touched


class Partition:
    """`take` every record from `start` on. Nothing is published before `caught_up`: half of a window is no heat."""

    def __init__(self, settings: PipelineSettings, *, publish_all: bool, start: int, end: int, done: int = 0) -> None:
        """`start`: the offset of the first record; `end`: the first that is not of the past; `done`: up to there another was before."""
        self._settings = settings
        self.next_offset = start
        self.done = done
        self._end = end
        self._publish_all = publish_all
        self.aggregator = Aggregator(
            grid_size=settings.grid_size,
            window_ms=settings.window_ms,
            hop_ms=settings.hop_ms,
            skew_ms=settings.skew_ms,
            cells_dense_max=_CELLS_DENSE_MAX,
        )
        self.zones = Zones(window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms)
        self._zones_of: dict[tuple[str, int], int] = {}  # page and who counted -> the newest record whose zones were merged
        self._publisher = Publisher(self.aggregator)
        self._watched: set[str] = set()
        if publish_all:
            self.aggregator.watch(None)

    @property
    def caught_up(self) -> bool:
        return self.next_offset >= self._end

    def take(self, value: bytes, record_ms: int, now_ms: int) -> None:
        """Merges a record. Raises `RecordError`."""
        record = decode_grouped(value)
        settings = self._settings
        if record.grid_size != settings.grid_size or record.pane_ms != settings.hop_ms:
            raise RecordError(
                f"expected counts of panes of {settings.hop_ms} ms on a grid of {settings.grid_size}, "
                f"got {record.pane_ms} ms and {record.grid_size}"
            )
        arrived_ms = now_ms if self.caught_up else min(record_ms, now_ms)
        counts, zones = counts_from_record(record), zones_from_record(record)
        self.aggregator.merge(counts, arrived_ms, record.partition, record.offset)
        (page,) = counts.pages
        if zones is not None and record.offset > self._zones_of.get((page, record.partition), -1):
            self._zones_of[page, record.partition] = record.offset
            self.zones.merge([page], zones)

    def hop(self, now_ms: int, watched: AbstractSet[str]) -> list[tuple[str, HeatmapRecord]]:
        """What is to be written now, with keys; nothing between hops and before all of the past was read."""
        self._watch(watched)
        self.zones.advance(now_ms)
        hop = self.aggregator.advance(now_ms)
        if hop is None or not self.caught_up:
            return []
        keys = self.aggregator.keys
        pages = list(keys) if self._publish_all else [page for page in watched if page in keys]
        return self._publisher.records(hop, pages, now_ms, [page for page in watched if page in keys])

    def whole_again(self) -> None:
        """Every page is written whole next: what was written may have been lost."""
        self._publisher.reset()

    def _watch(self, watched: AbstractSet[str]) -> None:
        if self._publish_all:
            return
        for page in watched - self._watched:
            self.aggregator.watch(page)
        for page in self._watched - watched:
            self.aggregator.unwatch(page)
        self._watched = set(watched)

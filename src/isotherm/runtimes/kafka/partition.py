"""One partition of the aggregator: the core's windows, fed with records, asked at each hop for what is to be written. No I/O."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from isotherm.core.aggregate import Aggregator
from isotherm.core.count_records import counts_from_record, zones_from_record
from isotherm.core.joining import joined_counts
from isotherm.core.publish import Publisher
from isotherm.core.records import GroupedByPage, HeatmapRecord, RecordError, decode_grouped
from isotherm.core.zones import Zones
from isotherm.runtimes.pipeline import PipelineSettings

__all__ = ["Partition"]

_CELLS_DENSE_MAX = 16 * 1024 * 1024  #: 64 MiB of address space a partition, taken where it is touched


class Partition:
    """`take` every record from `start` on, then `settle`. Nothing is published before `caught_up`: half of a window is no heat.

    Records that follow from one record of `clickstream` are merged as one: of small pages there are many.
    """

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
        self._held: list[tuple[GroupedByPage, object]] = []
        self._held_pages: set[str] = set()
        self._arrived_ms = 0
        self._failed: list[tuple[object, Exception]] = []
        self._publisher = Publisher(self.aggregator)
        self._watched: set[str] = set()
        if publish_all:
            self.aggregator.watch(None)

    @property
    def caught_up(self) -> bool:
        return self.next_offset >= self._end

    def take(self, value: bytes, record_ms: int, now_ms: int, origin: object = None) -> None:
        """Takes a record; it counts once it is settled. Raises `RecordError`. `origin`: given back if it can't be merged."""
        record = decode_grouped(value)
        settings = self._settings
        if record.grid_size != settings.grid_size or record.pane_ms != settings.hop_ms:
            raise RecordError(
                f"expected counts of panes of {settings.hop_ms} ms on a grid of {settings.grid_size}, "
                f"got {record.pane_ms} ms and {record.grid_size}"
            )
        page = record.site + record.path
        if self._held:
            first = self._held[0][0]
            if (first.partition, first.offset) != (record.partition, record.offset) or page in self._held_pages:
                self._merge_held()
        self._arrived_ms = now_ms if self.caught_up else min(record_ms, now_ms)
        self._held.append((record, origin))
        self._held_pages.add(page)

    def settle(self) -> list[tuple[object, Exception]]:
        """All that was taken is merged; what could not be is returned, and is not."""
        self._merge_held()
        failed, self._failed = self._failed, []
        return failed

    def _merge_held(self) -> None:
        held, self._held = self._held, []
        self._held_pages.clear()
        try:
            if len(held) > 1:
                self._merge([record for record, _ in held])
                return
        except RecordError:
            pass  # of one of them: which, is found out
        except Exception as error:
            self._failed += [(origin, error) for _, origin in held]
            return
        for record, origin in held:
            try:
                self._merge([record])
            except Exception as error:  # one record never stops a stage
                self._failed.append((origin, error))

    def _merge(self, records: list[GroupedByPage]) -> None:
        counts = joined_counts(records) if len(records) > 1 else counts_from_record(records[0])
        zones = [zones_from_record(record) for record in records]
        source, offset = records[0].partition, records[0].offset
        self.aggregator.merge(counts, self._arrived_ms, source, offset)
        for page, of_page in zip(counts.pages, zones, strict=True):
            if of_page is not None and offset > self._zones_of.get((page, source), -1):
                self._zones_of[page, source] = offset
                self.zones.merge([page], of_page)

    def hop(self, now_ms: int, watched: AbstractSet[str]) -> list[tuple[str, HeatmapRecord]]:
        """What is to be written now, with keys; nothing between hops and before all of the past was read."""
        assert not self._held, "what was taken is settled"
        self._watch(watched)
        self.zones.advance(now_ms)
        hop = self.aggregator.advance(now_ms)
        if hop is None or not self.caught_up:
            return []
        keys = self.aggregator.keys
        pages = list(keys) if self._publish_all else [page for page in watched if page in keys]
        return list(self._publisher.records(hop, pages, now_ms, watched & keys))

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

"""The mirror: heat as it is read back from the topic `heatmap`, for processes that show heat and do not aggregate.

A page is told whole at least every `KEYFRAME_EVERY_MS`, and in between by what changed (`publish`). Records of one page and window
are applied together, so that a view is always of one window. What has not been told whole for long is cold: its aggregator went
away while its window emptied, and the next owner never knew of it.

An aggregator that was replaced and does not know it yet may still write: what is a little older than what is known is left out.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from isotherm.core.aggregate import RATE_SPAN_MS
from isotherm.core.heat import NO_PULSE, Changes, Heat, PageNow, Pulse, View
from isotherm.core.layers import DEVICES, KINDS, LAYERS, layers_of
from isotherm.core.publish import KEYFRAME_EVERY_MS
from isotherm.core.records import HeatmapRecord, RecordError

__all__ = ["STALE_MS", "Mirror", "MirrorHop"]

STALE_MS: Final = 3 * KEYFRAME_EVERY_MS  #: a layer that was not told whole for so long is cold
_STEP_BACK_MS: Final = 60_000  #: older by more than that: the aggregator's clock was set back, and is believed

_Cells = npt.NDArray[np.intp]
_Counts = npt.NDArray[np.int32]


class _Page:
    __slots__ = ("end_ms", "layers", "newest_ms", "origin", "pending", "rate", "visitors", "whole_ms")

    def __init__(self) -> None:
        self.layers: list[_Counts | None] = [None] * LAYERS
        self.whole_ms = [0] * LAYERS
        self.pending: list[HeatmapRecord] = []
        self.end_ms = 0
        self.visitors = 0
        self.rate = 0.0
        self.newest_ms = 0
        self.origin: str | None = None

    def samples(self) -> int:
        return sum(int(counts.sum()) for counts in self.layers if counts is not None)

    def pulse(self, now_ms: int) -> Pulse:
        rate = self.rate * math.exp(-max(0, now_ms - self.end_ms) / RATE_SPAN_MS)
        return Pulse(self.visitors, rate, self.newest_ms)


class MirrorHop:
    """What changed since the last hop."""

    def __init__(self, mirror: Mirror, changed: dict[tuple[str, int], list[_Cells]]) -> None:
        self._mirror = mirror
        self._changed = changed

    def changes(self, view: View) -> Changes | None:
        """What changed in a view; None: nothing did."""
        parts: list[_Cells] = []
        for layer in layers_of(view.kind, view.device).tolist():
            parts += self._changed.get((view.page, layer), [])
        if not parts:
            return None
        cells = np.unique(np.concatenate(parts))
        return Changes(cells, self._mirror.counts_at(view, cells))


class Mirror:
    """`take` records, `advance` for what changed; asked as the aggregator is."""

    def __init__(self, *, grid_size: int, window_ms: int, hop_ms: int) -> None:
        self.grid_size = grid_size
        self.window_ms = window_ms
        self.hop_ms = hop_ms
        self._tiles = grid_size * grid_size
        self._pages: dict[str, _Page] = {}
        self._changed: dict[tuple[str, int], list[_Cells]] = {}
        self._emptied: set[str] = set()
        self.end_ms = 0  #: of the newest window of any page; by the clock where there is none
        self.told_end_ms = 0  #: of the newest record

    # -- what comes in

    def take(self, record: HeatmapRecord) -> None:
        """Applies a record, once its page's last of this window has come. Raises `RecordError`."""
        layer = self._layer(record)
        key = record.site + record.path
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = _Page()
        if 0 < page.end_ms - record.end < _STEP_BACK_MS:
            return
        if page.pending and page.pending[0].end != record.end:
            page.pending.clear()  # the owner went away in the midst; its successor begins whole
        page.pending.append(record)
        if record.more:
            return
        for part in page.pending:
            self._apply(key, page, layer if part is record else self._layer(part), part)
        page.pending.clear()
        page.end_ms = record.end
        page.visitors, page.rate, page.newest_ms = record.visitors, record.rate, record.newest
        page.origin = record.origin or page.origin
        self.told_end_ms = max(self.told_end_ms, record.end)
        self.end_ms = max(self.end_ms, record.end)
        if not any(counts is not None for counts in page.layers):
            self._emptied.add(key)

    def _layer(self, record: HeatmapRecord) -> int:
        if record.grid_size != self.grid_size:
            raise RecordError(f"expected a heat map of {self.grid_size} tiles a side, got {record.grid_size}")
        if record.kind not in KINDS or record.device not in DEVICES:
            raise RecordError(f"expected a known kind and device class, got {record.kind!r} and {record.device!r}")
        return KINDS.index(record.kind) * len(DEVICES) + DEVICES.index(record.device)

    def _apply(self, key: str, page: _Page, layer: int, record: HeatmapRecord) -> None:
        cells, numbers = self._flat(record.value)
        before = page.layers[layer]
        if record.changes:
            if not len(cells):
                return
            after = before if before is not None else np.zeros(self._tiles, np.int32)
            after[cells] = numbers
        else:
            after = np.zeros(self._tiles, np.int32)
            after[cells] = numbers
            page.whole_ms[layer] = record.end
            cells = np.flatnonzero(after != before) if before is not None else cells
        if not page.whole_ms[layer]:
            page.whole_ms[layer] = record.end
        page.layers[layer] = after if after.any() else None
        if len(cells):
            self._changed.setdefault((key, layer), []).append(cells)

    def _flat(self, value: dict[str, dict[str, int]]) -> tuple[_Cells, _Counts]:
        size = self.grid_size
        try:
            cells = [int(y) * size + int(x) for x, column in value.items() for y in column]
            numbers = [count for column in value.values() for count in column.values()]
        except ValueError:
            raise RecordError("expected tiles as decimal strings") from None
        if cells and not 0 <= min(cells) <= max(cells) < self._tiles:
            raise RecordError(f"expected tiles within a grid of {size}")
        return np.array(cells, np.intp), np.array(numbers, np.int32)

    # -- the clock

    def advance(self, now_ms: int, *, forget: bool = True) -> MirrorHop:
        """What changed since the last call. `forget`: what was not told for long is cold (not while the topic can't be read)."""
        if forget:
            self._cool(now_ms)
        self.end_ms = max(self.told_end_ms, now_ms // self.hop_ms * self.hop_ms)
        hop = MirrorHop(self, self._changed)
        self._changed = {}
        for key in self._emptied:
            page = self._pages.get(key)
            if page is not None and not page.pending and not any(counts is not None for counts in page.layers):
                del self._pages[key]
        self._emptied.clear()
        return hop

    def _cool(self, now_ms: int) -> None:
        for key, page in self._pages.items():
            for layer, counts in enumerate(page.layers):
                if counts is not None and now_ms - page.whole_ms[layer] > STALE_MS:
                    self._changed.setdefault((key, layer), []).append(np.flatnonzero(counts))
                    page.layers[layer] = None
                    page.end_ms = max(page.end_ms, now_ms // self.hop_ms * self.hop_ms)
            if not any(counts is not None for counts in page.layers):
                self._emptied.add(key)

    # -- what goes out

    def end_of(self, page_key: str) -> int:
        """End of the newest window that is known of a page; of one without heat, by the clock."""
        page = self._pages.get(page_key)
        return page.end_ms if page is not None and page.end_ms else self.end_ms

    def whole(self, view: View) -> Heat:
        """The newest window of a view. Raises `ValueError` for a kind or device that does not exist."""
        total = self.counts_at(view, np.arange(self._tiles))
        cells = np.flatnonzero(total)
        return Heat(self.end_of(view.page), self.window_ms, self.grid_size, cells, total[cells])

    def counts_at(self, view: View, cells: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        total = np.zeros(len(cells), np.int64)
        layers = layers_of(view.kind, view.device).tolist()
        page = self._pages.get(view.page)
        for layer in layers if page is not None else ():
            counts = page.layers[layer] if page is not None else None
            if counts is not None:
                total += counts[cells]
        return total

    def page(self, key: str, now_ms: int) -> PageNow | None:
        """What is known of a live page; None: it has no heat."""
        page = self._pages.get(key)
        return self._page_now(key, page, now_ms) if page is not None and page.end_ms else None

    def pulse(self, key: str, now_ms: int) -> Pulse:
        """The same without a look at its samples."""
        page = self._pages.get(key)
        return page.pulse(now_ms) if page is not None and page.end_ms else NO_PULSE

    @property
    def keys(self) -> list[str]:
        """Keys of all live pages."""
        return [key for key, page in self._pages.items() if page.end_ms]

    def pages(self, now_ms: int) -> list[PageNow]:
        """All live pages, hottest first."""
        live = [self._page_now(key, page, now_ms) for key, page in self._pages.items() if page.end_ms]
        return sorted(live, key=lambda page: (-page.rate, -page.samples, page.key))

    @property
    def visitors(self) -> int:
        """Sessions on any page: each is on one."""
        return sum(page.visitors for page in self._pages.values())

    def _page_now(self, key: str, page: _Page, now_ms: int) -> PageNow:
        visitors, rate, newest_ms = page.pulse(now_ms)
        return PageNow(key, page.origin, visitors, page.samples(), rate, newest_ms)

    def watch(self, page_key: str | None) -> None:
        """All that is told is kept."""

    def unwatch(self, page_key: str | None) -> None:
        """All that is told is kept."""

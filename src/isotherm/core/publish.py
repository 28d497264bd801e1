"""What the aggregator writes to the topic `heatmap`: changes at each hop, and the whole now and then.

A reader that joins late, or a new owner of the page, needs no more than one keyframe's time to be right.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from isotherm.core.aggregate import Aggregator, Hop
from isotherm.core.heat import View, classic_value
from isotherm.core.layers import DEVICES, KINDS
from isotherm.core.pages import Page
from isotherm.core.records import HeatmapRecord

__all__ = ["KEYFRAME_EVERY_MS", "Publisher"]

KEYFRAME_EVERY_MS: Final = 15_000


class Publisher:
    """Turns hops into records, for all pages that the aggregator watches."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._keyframe_ms: dict[str, int] = {}  # page -> when it was last written whole, oldest first

    def reset(self) -> None:
        """Every page is written whole at its next turn: after a change of owner, or when somebody begins to read."""
        self._keyframe_ms.clear()

    def records(self, hop: Hop, pages: Iterable[str], now_ms: int) -> list[tuple[str, HeatmapRecord]]:
        """The records of one hop, with their keys: of `pages`, those that live and were never written, and what is due or changed."""
        due = [page for page in pages if page not in self._keyframe_ms]
        for page, at_ms in self._keyframe_ms.items():
            if 0 <= now_ms - at_ms < KEYFRAME_EVERY_MS:
                break
            due.append(page)
        out: list[tuple[str, HeatmapRecord]] = []
        written = set(due)
        for page in hop.changed_pages():
            if page not in written:
                out += self._changes(hop, page)
        for page in due:
            self._keyframe_ms.pop(page, None)
            records = self._whole(page)
            if records:
                self._keyframe_ms[page] = now_ms
            out += records
        return out

    def _whole(self, page: str) -> list[tuple[str, HeatmapRecord]]:
        out = []
        for view in _views(page):
            if self._aggregator.rows_of(view):
                heat = self._aggregator.whole(view)
                out.append((page, self._record(view, heat.end_ms, classic_value(heat.cells, heat.counts, heat.grid_size), False)))
        return out

    def _changes(self, hop: Hop, page: str) -> list[tuple[str, HeatmapRecord]]:
        out = []
        for view in _views(page):
            changes = hop.changes(view)
            if changes is not None:
                value = classic_value(changes.cells, changes.counts, self._aggregator.grid_size)
                out.append((page, self._record(view, hop.end_ms, value, True)))
        return out

    def _record(self, view: View, end_ms: int, value: dict[str, dict[str, int]], changes: bool) -> HeatmapRecord:
        page = Page.from_key(view.page)
        return HeatmapRecord(
            start=end_ms - self._aggregator.window_ms,
            end=end_ms,
            value=value,
            grid_size=self._aggregator.grid_size,
            site=page.site,
            path=page.path,
            kind=view.kind,
            device=view.device,
            changes=changes,
        )


def _views(page: str) -> list[View]:
    return [View(page, kind, device) for kind in KINDS for device in DEVICES]

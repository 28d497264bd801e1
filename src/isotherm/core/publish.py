"""What the aggregator writes to the topic `heatmap`: changes at each hop, and the whole now and then.

A reader that joins late, or a new owner of the page, needs no more than one keyframe's time to be right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from isotherm.core.aggregate import Aggregator, Hop
from isotherm.core.heat import View, classic_value
from isotherm.core.layers import DEVICES, KINDS
from isotherm.core.pages import Page
from isotherm.core.records import HeatmapRecord

__all__ = ["KEYFRAME_EVERY_MS", "Publisher"]

KEYFRAME_EVERY_MS: Final = 15_000
_STATUS_EVERY_MS: Final = 1_000  #: a watched page says at least so often that it lives, changed or not


class Publisher:
    """Turns hops into records, for all pages that the aggregator watches."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._keyframe_ms: dict[str, int] = {}  # page -> when it was last written whole, oldest first
        self._told_ms: dict[str, int] = {}  # watched page -> when anything was last written

    def reset(self) -> None:
        """Every page is written whole at its next turn: after a change of owner, or when somebody begins to read."""
        self._keyframe_ms.clear()
        self._told_ms.clear()

    def records(self, hop: Hop, pages: Iterable[str], now_ms: int, watched: Collection[str] = ()) -> list[tuple[str, HeatmapRecord]]:
        """The records of one hop, with their keys: of `pages`, those that live and were never written, and what is due or changed.

        Somebody looks at the `watched` among them: these also say once a second that nothing changed, and so how far the heat is.
        """
        due = [page for page in pages if page not in self._keyframe_ms]
        for page, at_ms in self._keyframe_ms.items():
            if 0 <= now_ms - at_ms < KEYFRAME_EVERY_MS:
                break
            due.append(page)
        out: list[tuple[str, HeatmapRecord]] = []
        written = set(due)
        for page in hop.changed_pages():
            if page not in written:
                written.add(page)
                out += self._finished(page, self._changes(hop, page), now_ms)
        for page in due:
            self._keyframe_ms.pop(page, None)
            records = self._whole(page)
            if records:
                self._keyframe_ms[page] = now_ms
            out += self._finished(page, records, now_ms)
        for page in self._quiet(watched, now_ms):
            if page not in written:
                out += self._finished(page, self._status(hop, page), now_ms)
        self._told_ms = {page: at_ms for page, at_ms in self._told_ms.items() if page in watched} | {
            page: now_ms for page, _ in out if page in watched
        }
        return out

    def _quiet(self, watched: Collection[str], now_ms: int) -> Iterable[str]:
        """Pages that have something to say though no tile changed."""
        overdue = {page for page in watched if not 0 <= now_ms - self._told_ms.get(page, 0) < _STATUS_EVERY_MS}
        return sorted(self._aggregator.take_restless() | overdue)

    def _whole(self, page: str) -> list[HeatmapRecord]:
        out = []
        for view in _views(page):
            if self._aggregator.rows_of(view):
                heat = self._aggregator.whole(view)
                out.append(self._record(view, heat.end_ms, classic_value(heat.cells, heat.counts, heat.grid_size), False))
        return out

    def _changes(self, hop: Hop, page: str) -> list[HeatmapRecord]:
        out = []
        for view in _views(page):
            changes = hop.changes(view)
            if changes is not None:
                value = classic_value(changes.cells, changes.counts, self._aggregator.grid_size)
                out.append(self._record(view, hop.end_ms, value, True))
        return out

    def _status(self, hop: Hop, page: str) -> list[HeatmapRecord]:
        """That nothing changed in a page that lives."""
        lit = [view for view in _views(page) if self._aggregator.rows_of(view)]
        return [self._record(lit[0], hop.end_ms, {}, True)] if lit else []

    def _finished(self, page: str, records: list[HeatmapRecord], now_ms: int) -> list[tuple[str, HeatmapRecord]]:
        """The records of a page and hop with what is known of the page; all but the last say that another follows."""
        now = self._aggregator.page(page, now_ms)
        for at, record in enumerate(records):
            record.more = at < len(records) - 1
            if now is not None:
                record.visitors, record.rate, record.newest, record.origin = now.visitors, round(now.rate, 2), now.newest_ms, now.origin
        return [(page, record) for record in records]

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

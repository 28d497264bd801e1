"""What the aggregator writes to the topic `heatmap`: changes at each hop, and the whole now and then.

A reader that joins late, or a new owner of the page, needs no more than one keyframe's time to be right. Pages are written whole in
turns, a share of them at each hop: all that were new together, at once, would be a hop of seconds every fifteen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Final

from isotherm.core.aggregate import Aggregator, Hop
from isotherm.core.heat import View, classic_value, value_of_few
from isotherm.core.layers import DEVICES, KINDS
from isotherm.core.pages import Page
from isotherm.core.records import HeatmapRecord

__all__ = ["KEYFRAME_EVERY_MS", "Publisher"]

_Value = dict[str, dict[str, int]]
_Keyed = tuple[str, HeatmapRecord]

KEYFRAME_EVERY_MS: Final = 15_000
_STATUS_EVERY_MS: Final = 1_000  #: a watched page says at least so often that it lives, changed or not
_LAYERS: Final = tuple((kind, device) for kind in KINDS for device in DEVICES)  #: by number
_NOTHING: Final[_Value] = {}


class Publisher:
    """Turns hops into records, for all pages that the aggregator watches."""

    def __init__(self, aggregator: Aggregator) -> None:
        self._aggregator = aggregator
        self._keyframe_ms: dict[str, int] = {}  # page -> when it was last written whole, oldest first
        self._told_ms: dict[str, int] = {}  # watched page -> when anything was last written
        self._turns = 0.0  # pages that may be written whole before they must, so that they do not come all at once

    def reset(self) -> None:
        """Every page is written whole at its next turn: after a change of owner, or when somebody begins to read."""
        self._keyframe_ms.clear()
        self._told_ms.clear()

    def records(
        self, hop: Hop, pages: Iterable[str], now_ms: int, watched: Collection[str] = frozenset()
    ) -> Iterator[tuple[str, HeatmapRecord]]:
        """The records of one hop, with their keys: of `pages`, those that live and were never written, and what is due or changed.
        Each is made when it is asked for; all are to be taken before the next hop.

        Somebody looks at the `watched` among them: these also say once a second that nothing changed, and so how far the heat is.
        """
        watched = frozenset(watched)
        due = [page for page in pages if page not in self._keyframe_ms]
        due += self._in_turn(now_ms)
        told = set(due)  # all that say something at this hop
        for page, layers in hop.changed_layers():
            if page not in told:
                told.add(page)
                yield from self._changes(page, layers, now_ms)
        for page in due:
            self._keyframe_ms.pop(page, None)
            records = self._whole(page, now_ms)
            if records:
                self._keyframe_ms[page] = now_ms
                yield from records
            else:
                told.discard(page)
        for page in self._quiet(watched, now_ms):
            if page not in told and (records := self._status(page, now_ms)):
                told.add(page)
                yield from records
        self._told_ms = {page: at_ms for page, at_ms in self._told_ms.items() if page in watched}
        self._told_ms |= dict.fromkeys(told & watched, now_ms)

    def _in_turn(self, now_ms: int) -> list[str]:
        """Pages that were written whole a keyframe's time ago, and of the others the oldest, as many as each hop's share is."""
        known = len(self._keyframe_ms)
        self._turns = min(self._turns + known * self._aggregator.hop_ms / KEYFRAME_EVERY_MS, known)
        due = []
        for page, at_ms in self._keyframe_ms.items():
            if self._turns < 1 and 0 <= now_ms - at_ms < KEYFRAME_EVERY_MS:
                break
            self._turns = max(0.0, self._turns - 1)
            due.append(page)
        return due

    def _quiet(self, watched: Collection[str], now_ms: int) -> Iterable[str]:
        """Pages that have something to say though no tile changed."""
        overdue = {page for page in watched if not 0 <= now_ms - self._told_ms.get(page, 0) < _STATUS_EVERY_MS}
        return sorted(self._aggregator.take_restless() | overdue)

    def _whole(self, page: str, now_ms: int) -> list[_Keyed]:
        values = []
        for layer, view in self._lit(page):
            heat = self._aggregator.whole(view)
            values.append((layer, classic_value(heat.cells, heat.counts, heat.grid_size)))
        return self._records(page, values, now_ms, changes=False) if values else []

    def _changes(self, page: str, layers: list[tuple[int, list[int], list[int]]], now_ms: int) -> list[_Keyed]:
        grid_size = self._aggregator.grid_size
        return self._records(page, [(layer, value_of_few(cells, counts, grid_size)) for layer, cells, counts in layers], now_ms)

    def _status(self, page: str, now_ms: int) -> list[_Keyed]:
        """That nothing changed in a page that lives."""
        return self._records(page, [(layer, _NOTHING) for layer, _ in islice(self._lit(page), 1)], now_ms)

    def _lit(self, page: str) -> Iterator[tuple[int, View]]:
        """The layers that the page has, by number."""
        for layer, (kind, device) in enumerate(_LAYERS):
            view = View(page, kind, device)
            if self._aggregator.rows_of(view):
                yield layer, view

    def _records(self, key: str, values: list[tuple[int, _Value]], now_ms: int, *, changes: bool = True) -> list[_Keyed]:
        """The records of a page and hop, a layer each, with what is known of the page; all but the last say that another follows."""
        source, last = self._aggregator, len(values) - 1
        end_ms, (site, path) = source.end_ms, Page.from_key(key)
        visitors, rate, newest_ms = source.pulse(key, now_ms)
        origin, rate = source.origin(key), round(rate, 2)
        out = []
        for at, (layer, value) in enumerate(values):
            kind, device = _LAYERS[layer]
            record = HeatmapRecord(
                end_ms - source.window_ms, end_ms, value, source.grid_size, site, path, kind, device,
                changes, at < last, visitors, rate, newest_ms, origin,
            )  # fmt: skip
            out.append((key, record))
        return out

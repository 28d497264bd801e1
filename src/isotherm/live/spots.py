"""Heat that sticks to its elements, for those viewers of `/live` who ask for it: JSON text frames beside the binary ones (docs/wire.md).

    {"spots": true}   the viewer gets all warm spots of its view, then at each hop what changed
    {"spots": false}  no more; answered with the same
    either            answered `{"spots": null}` where there are none to be had

Each frame is encoded once a view and hop. A viewer that has not taken what was pushed before skips frames, and then gets all again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from isotherm.core.columns import pack
from isotherm.core.heat import View
from isotherm.core.spots import NEAR_COLUMNS, NEAR_ROWS, SIDE, SpotHeat, Spots
from isotherm.live.groups import Viewer

__all__ = ["SpotGroups", "spots_json"]

_SLICE: Final = 250  #: pushes before others have a turn
_NONE_TO_BE_HAD: Final = '{"spots":null}'
_NO_MORE: Final = '{"spots":false}'


class _Wish(msgspec.Struct):
    spots: bool


_wish_decoder = msgspec.json.Decoder(_Wish)


def spots_json(heat: SpotHeat, *, whole: bool) -> str:
    """A frame, as docs/wire.md has it."""
    told = {
        "end": heat.end_ms,
        "whole": whole,
        "side": SIDE,
        "near-grid": [NEAR_COLUMNS, NEAR_ROWS],
        "names": heat.names,
        "element": pack(np.array(heat.element, np.int64)),
        "near": pack(np.array(heat.near, np.int64)),
        "cell": pack(np.array(heat.cell, np.int64)),
        "count": pack(np.array(heat.counts, np.int64)),
    }
    return msgspec.json.encode({"spots": told}).decode()


class SpotGroups:
    """Who wants spots. `hear` what viewers say, let them `leave`, `broadcast` at each hop.

    `on_first(page)` is called when the first viewer asks for a page's spots, `on_last(page)` when nobody does any more.
    """

    def __init__(self, spots: Spots | None) -> None:
        """None: there are none to be had."""
        self._spots = spots
        self._groups: dict[View, dict[Viewer, bool]] = {}  # whether the viewer's picture is old
        self.on_first: Callable[[str], object] = lambda _page: None
        self.on_last: Callable[[str], object] = lambda _page: None

    def hear(self, view: View, viewer: Viewer, said: bytes) -> None:
        """One frame of a viewer; what is no wish is ignored."""
        try:
            wanted = _wish_decoder.decode(said).spots
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        if self._spots is None:
            viewer.push(_NONE_TO_BE_HAD)
        elif wanted:
            self._join(self._spots, view, viewer)
        else:
            self.leave(view, viewer)
            viewer.push(_NO_MORE)

    def _join(self, spots: Spots, view: View, viewer: Viewer) -> None:
        seats = self._groups.setdefault(view, {})
        if viewer in seats:
            return
        if spots.watch(view.page):
            self.on_first(view.page)
        seats[viewer] = not viewer.push(spots_json(spots.whole(view), whole=True))

    def leave(self, view: View, viewer: Viewer) -> None:
        """Also of one who never asked."""
        seats = self._groups.get(view, {})
        if viewer not in seats or self._spots is None:
            return
        del seats[viewer]
        if not seats:
            del self._groups[view]
        self._spots.unwatch(view.page)
        if view.page not in self._spots.asked:
            self.on_last(view.page)

    async def broadcast(self) -> None:
        """Pushes the newest hop's news to all who asked."""
        pushed = 0
        for view, seats in list(self._groups.items()):
            assert self._spots is not None
            news = _News(self._spots, view)
            for viewer, old in list(seats.items()):
                frame = news.whole if old else news.changed
                if frame is None or viewer not in seats:
                    continue
                seats[viewer] = not viewer.push(frame)
                pushed += 1
                if pushed % _SLICE == 0:
                    await asyncio.sleep(0)


class _News:
    """One view's news of one hop, each form of it encoded at most once."""

    def __init__(self, spots: Spots, view: View) -> None:
        self._spots = spots
        self._view = view

    @cached_property
    def whole(self) -> str:
        return spots_json(self._spots.whole(self._view), whole=True)

    @cached_property
    def changed(self) -> str | None:
        changes = self._spots.changes(self._view)
        return spots_json(changes, whole=False) if changes is not None else None

"""Collecting: what is found alive by Python's collector is not looked at again and again.

CPython's collector goes through all objects that could be in a ring whenever their number has grown by a quarter, and everything stands
still meanwhile: 0.5 µs an object, 76 objects a connection, so 0.7 s with 20,000 viewers. Here its oldest generation is looked at by us,
once a second where there is enough of it, and what it finds alive is *frozen*, which is: never looked at again. So each look costs what is
new, whatever else is there.

    new ──▶ youngest ──▶ middle ──▶ oldest ──▶ frozen        gc.freeze() after each look
                                       ▲          │
                                       └──────────┘           gc.unfreeze() before one where ended ones are left in rings

What is frozen is freed as ever when nothing refers to it, but not as part of a ring. A connection leaves none, however it ends
(`requests.py`, `sockets.py`). Which are not freed is counted all the same: should as many be left as a quarter of those that are open,
everything is looked at. With an error's frames one holds up to 10 KB, so that is 5 MB at most, and 50 MB beside 20,000 viewers.

Everything is looked at, too, once what is frozen has grown by a quarter, beyond what new connections are, since a refused request that is
under way during a look may leave a ring: no more often than CPython would. How much that is is not asked at each look: CPython goes through
all of it to count it, for 0.1 s with 20,000 viewers.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["Collecting", "Connections"]

_EVERY_S: Final = 1.0
_ENOUGH: Final = 10  #: looks at the middle generation, before the oldest is worth one: CPython's own number
_NEVER: Final = 1 << 30
_LEFT_MIN: Final = 500  #: connections; they hold some 5 MB
_GROWN_MIN: Final = 50_000  #: objects
_A_CONNECTION: Final = 100  #: objects; 76 are, so rings of 24 for each that is open may be there unseen


class Connections(NamedTuple):
    """How many are open, and how many have ended without being freed."""

    open: int
    left: int


class Collecting:
    """`run` it once the server has started: what is there then stays."""

    def __init__(self, connections: Callable[[], Connections]) -> None:
        self._connections = connections
        self._open, self._kept = connections()  #: when everything was looked at last: open then; left by what it could not free
        self._left = 0  #: at the look before: what ended just now is freed within a turn of the loop, and is in no ring
        self._frozen: int | None = None  #: objects, then; None: never yet
        self._came = 0  #: objects frozen since then, some of which may have been freed

    async def run(self) -> None:
        """Until it is cancelled: then CPython looks at the oldest again, but not at what is frozen, since the process is about to end."""
        thresholds = gc.get_threshold()
        gc.set_threshold(*thresholds[:2], _NEVER)
        self._freeze(everything=True)
        try:
            while True:
                await asyncio.sleep(_EVERY_S)
                self.look()
        finally:
            gc.set_threshold(*thresholds)

    def look(self) -> None:
        """At what is new, or at everything; where there is enough of it."""
        now = self._connections()
        left, self._left = min(self._left, now.left), now.left
        self._kept = min(self._kept, now.left)
        everything = left - self._kept >= max(_LEFT_MIN, now.open // 4) or self._grown(now.open)
        if not everything and gc.get_count()[2] < _ENOUGH:
            return
        if everything:
            gc.unfreeze()
        gc.collect()
        if everything:
            self._open, self._kept = self._connections()
        self._freeze(everything=everything)

    def _grown(self, connections: int) -> bool:
        enough = max(_GROWN_MIN, (self._frozen or 0) // 4) + _A_CONNECTION * max(0, connections - self._open)
        if self._frozen is None or self._came < enough:
            return False
        grown = gc.get_freeze_count() - self._frozen
        self._came = min(grown, enough // 2)  # so the next count is as far away as what it costs is worth
        return grown >= enough

    def _freeze(self, *, everything: bool) -> None:
        if not everything:
            self._came += len(gc.get_objects(generation=2))
        gc.freeze()
        if everything or self._frozen is None:
            self._frozen = gc.get_freeze_count()
            self._came = 0

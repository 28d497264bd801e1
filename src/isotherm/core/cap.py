"""The cap: at most so many samples of a session on one tile in one pane are counted, so that one visitor can't paint a page hot.

A person's pointer gives one or two in a pane of 250 ms. What came is remembered for as long as samples may be late; some hundred bytes a
(session, tile, pane), which is why it is an option. A function of the records fed, like all of Group By.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.limits import REPEAT_MEMORY_MS
from isotherm.core.memory import Generations

__all__ = ["Cap"]


class Cap:
    """`turn` with the time of what comes, then ask what is `within`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Generations[tuple[Any, ...], int] = Generations(REPEAT_MEMORY_MS)

    def turn(self, now_ms: int) -> None:
        self._counts.turn(now_ms)

    def within(self, places: Iterable[tuple[Any, ...]]) -> npt.NDArray[np.bool_]:
        """Which samples count, one a place (page, session, layer, tile, pane), in order."""
        kept = []
        for place in places:
            count = self._counts.get(place) or 0
            kept.append(count < self._most)
            if count < self._most:
                self._counts.put(place, count + 1)
        return np.array(kept, np.bool_)

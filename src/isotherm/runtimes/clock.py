"""The clock: wall time that only goes forward, as an anchor plus the monotonic clock.

A step of the machine's wall clock within the allowed skew changes nothing (windows go on as they were); a step beyond it sets a new anchor,
and the stages are told by seeing another time (docs: core.aggregate).
"""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """`now_ms` is ms since the epoch. Monotonic but for steps beyond `skew_ms`."""

    def __init__(
        self,
        skew_ms: int,
        wall_s: Callable[[], float] = time.time,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._skew_s = skew_ms / 1000
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._offset_s = wall_s() - monotonic_s()
        self.steps = 0  #: times that a new anchor was set

    def now_ms(self) -> int:
        monotonic_s, wall_s = self._monotonic_s(), self._wall_s()
        if abs(wall_s - (monotonic_s + self._offset_s)) > self._skew_s:
            self._offset_s = wall_s - monotonic_s
            self.steps += 1
        return int((monotonic_s + self._offset_s) * 1000)

"""Ticks: the gateways' time, as it comes along with the data. Whoever aggregates goes by it, so that all speak of the same time.

A tick arrives a little late; of those of the last second the one that was least late tells the offset to one's own
clock. Without a tick for a second, or where ticks are so far off that the one or the other must be wrong, one's own clock holds.
"""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["TickClock"]

_SPAN_MS: Final = 1000


class TickClock:
    """Tell it what was `heard`; ask for `now_ms`. `own_ms` is one's own clock."""

    def __init__(self, skew_ms: int) -> None:
        self._skew_ms = skew_ms
        self._heard: deque[tuple[int, int]] = deque()  # own time, offset; offsets falling, so that the first is the greatest
        self._last_ms = 0

    def heard(self, tick_ms: int, own_ms: int) -> None:
        offset = tick_ms - own_ms
        if abs(offset) > self._skew_ms:
            return
        while self._heard and self._heard[-1][1] <= offset:
            self._heard.pop()
        self._heard.append((own_ms, offset))

    def now_ms(self, own_ms: int) -> int:
        """Goes back only where one's own clock was set back by more than the skew."""
        while self._heard and not 0 <= own_ms - self._heard[0][0] <= _SPAN_MS:
            self._heard.popleft()
        now_ms = own_ms + (self._heard[0][1] if self._heard else 0)
        if self._last_ms - 2 * self._skew_ms <= now_ms < self._last_ms:
            return self._last_ms
        self._last_ms = now_ms
        return now_ms

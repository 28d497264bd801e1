"""Gathering: when a gateway writes what came in. Pure: it is told the time, and says when.

    hop ends        |                         |                         |
    written      ^ *                       ^                         ^          ^ the end of a gathering, * a first sample after a pause

A record costs a worker about as much as its hundreds of samples do, and nobody sees a sample before its hop ends. So what comes in is
gathered until shortly before that, early enough to be counted by then; only what comes after a pause goes at once, as
nothing is saved by waiting. A page that everyone looks at so costs its aggregator a record a hop, gateway and partition, however
many visitors there are, and a sample is seen as soon as it would be otherwise.
"""

from __future__ import annotations

from typing import Final

__all__ = ["GATHER_MS_MAX", "Gathering"]

GATHER_MS_MAX: Final = 250  #: of a longer hop, a part of it: acks do not wait longer
_LEAD_MS: Final = 60  #: from the gateway to the aggregator, when all are busy: measured p99 below it
_AT_ONCE_MS: Final = 10  #: what comes with the first sample goes with it, as in the embedded runtime


class Gathering:
    """Asked when the first sample came since it was written last."""

    def __init__(self, hop_ms: int) -> None:
        self._every_ms = hop_ms // -(-hop_ms // GATHER_MS_MAX)
        self._lead_ms = min(_LEAD_MS, self._every_ms // 4)
        self._written = 0  #: the gathering that was written last, by number

    def due_ms(self, now_ms: int) -> int:
        """When to write what begins to be gathered now."""
        number = self._number(now_ms)
        if number > self._written + 1 or number < self._written:  # a pause, or a clock that was set back
            return now_ms + min(_AT_ONCE_MS, self._every_ms)
        return (number + 1) * self._every_ms - self._lead_ms

    def wrote(self, now_ms: int) -> None:
        """All that was gathered is being written."""
        self._written = self._number(now_ms)

    def _number(self, now_ms: int) -> int:
        return (now_ms + self._lead_ms) // self._every_ms

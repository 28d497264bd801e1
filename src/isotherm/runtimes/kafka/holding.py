"""Holding: one partition's rules, by the worker that has the partition. Pure, but for the scribe that it is given.

    idle ──(a rule looks at one of its pages)──▶ asking ──(claimed; what was told is known)──▶ holding ──(lost)──▶ idle, for a while

While it does not hold, nothing fires. What it fires is in `isotherm-reactions` once, or it holds no longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from isotherm.core.keyed import partition_of
from isotherm.core.rules import Reaction, Rule
from isotherm.core.watching import Source, Watching

__all__ = ["Holding", "Writer"]

#: Who lost a claim though its partition was not taken away asks again so late: a worker that slept knows by then what it lost.
_AGAIN_MS: Final = 15_000


class Writer(Protocol):
    """The scribe, as far as it matters here."""

    def claim(self, partition: int) -> int: ...
    def write(self, claim: int, partition: int, reactions: list[Reaction], /) -> None: ...
    def drop(self, claim: int) -> None: ...


class Holding:
    """`hop` as often as one likes, from when the partition's window is whole; `claimed` as the scribe says; `end` when it is given away."""

    def __init__(self, partition: int, partitions: int, scribe: Writer) -> None:
        self._partition = partition
        self._partitions = partitions
        self._scribe = scribe
        self._watching: Watching | None = None  #: None: it does not hold
        self._told: list[Reaction] | None = None
        self._again_ms: int | None = None
        self._end_ms = 0
        self.claim: int | None = None

    def claimed(self, told: list[Reaction] | None) -> None:
        """What was told before; None: another has claimed it."""
        self._told = told
        if told is None:
            self.claim = self._watching = None
            self._again_ms = 0

    def hop(self, now_ms: int, source: Source, rules: Mapping[str, Rule]) -> None:
        """`now_ms`: the window's end; `rules`: those of pages of this partition."""
        if now_ms == self._end_ms:
            return
        self._end_ms = now_ms
        if self.claim is None:
            self._ask(now_ms, rules)
            return
        if self._told is not None:
            self._watching = Watching()
            self._watching.settle(rules)
            self._watching.recall([reaction for reaction in self._told if self._of_ours(reaction)], orphans=True)
            self._told = None
        if self._watching is None:
            return
        self._watching.settle(rules)
        fired = self._watching.hop(now_ms, source)
        if fired:
            self._scribe.write(self.claim, self._partition, fired)

    def end(self) -> None:
        """What is not written yet is for whoever has the partition next to find out."""
        if self.claim is not None:
            self._scribe.drop(self.claim)

    def _ask(self, now_ms: int, rules: Mapping[str, Rule]) -> None:
        if self._again_ms == 0:
            self._again_ms = now_ms + _AGAIN_MS
        if self._again_ms is not None and 0 < self._again_ms - now_ms <= _AGAIN_MS:
            return
        self._again_ms = None
        if rules:
            self.claim = self._scribe.claim(self._partition)

    def _of_ours(self, reaction: Reaction) -> bool:
        return partition_of(reaction.site + reaction.page, self._partitions) == self._partition

"""How many are there: people come in waves, and more of them while a rumour goes round. Pure; the time is passed in."""

from __future__ import annotations

from collections.abc import Iterator
from math import pi, sin
from random import Random
from typing import Final

from isotherm.simulate.habits import visit
from isotherm.simulate.layout import Site
from isotherm.simulate.people import somebody
from isotherm.simulate.pointer import Step
from isotherm.simulate.story import Story

__all__ = ["Crowd"]

_WAVES: Final = ((0.10, 67_000.0), (0.06, 23_000.0))  #: height as a part of the crowd, period in ms
_LULL: Final = 0.82  #: the part that is there between the waves, before any rumour
_FILL_MS: Final = 4_000.0  #: a gap between who should be there and who is closes about so fast


class Crowd:
    """Lets visitors in, never more than ``visitors`` at once. The same seed and times give the same visits."""

    def __init__(self, site: Site, *, visitors: int, seed: int) -> None:
        self._site = site
        self._visitors = visitors
        self._seed = seed
        self._story = Story(seed)
        self._gate = Random(f"{seed}/gate")
        self._asked_ms = 0.0
        self._came = 0

    def wanted(self, at_ms: float) -> int:
        """How many should be there."""
        level = _LULL + 0.1 * self._story.word(at_ms)
        level += sum(height * sin(2 * pi * (at_ms / period_ms + self._seed * 0.37)) for height, period_ms in _WAVES)
        return min(max(1, round(level * self._visitors)), self._visitors)

    def newcomers(self, at_ms: float, present: int) -> list[Iterator[Step]]:
        """The visits that begin now, where ``present`` are there already; asked with growing times."""
        gap = self.wanted(at_ms) - present
        part = min(1.0, (at_ms - self._asked_ms) / _FILL_MS)
        self._asked_ms = at_ms
        count = sum(self._gate.random() < part for _place in range(gap))
        if present + count == 0:
            count = 1  # an empty shop looks broken
        return [self._visit(at_ms) for _newcomer in range(count)]

    def _visit(self, at_ms: float) -> Iterator[Step]:
        self._came += 1
        chance = Random(f"{self._seed}/{self._came}")
        return visit(chance, somebody(chance), self._site, self._story, at_ms)

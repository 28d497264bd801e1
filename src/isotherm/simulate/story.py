"""The story that the demo tells: everybody looks at the console, until somebody sees the laptop at a silly price.

A tale of a few minutes, told again and again. Pure: what a crowd knows is a function of the time.

    word  1 ┤                 ╭────────╮
            │               ╭─╯         ╲
          0 ┤───────────────╯             ╲______
            0           found           mended   period
            └ the console ┘└ the laptop  ┘└ calm ┘
"""

from __future__ import annotations

from math import exp
from random import Random
from typing import Final

__all__ = ["Story"]

_PERIOD_MS: Final = 300_000.0
_FOUND_MS: Final = 75_000.0  #: in the first minute and a half the demo should show one clear favourite
_MENDED_MS: Final = 225_000.0  #: somebody puts the comma right
_SPREAD_MS: Final = 7_000.0  #: word of mouth grows by a factor of e in so long
_SPREAD_FROM: Final = 0.02  #: one in fifty has seen it at first
_FORGET_MS: Final = 12_000.0

#: How much more than any other product people look at these: before the word has reached them, and after.
_FAVOURITE: Final = {"console": 9.0, "laptop": 0.25}
_RUMOUR: Final = {"console": 0.8, "laptop": 16.0}


class Story:
    """On a site that has neither of the two products it changes nothing."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def word(self, at_ms: float) -> float:
        """The part of the crowd, 0 to 1, that has heard of the laptop's price at a time since the demo began."""
        cycle, since_ms = divmod(at_ms, _PERIOD_MS)
        found_ms = _FOUND_MS + Random(f"{self._seed}/{int(cycle)}").uniform(0, 20_000)
        if since_ms < found_ms:
            return 0.0
        spread = 1 / (1 + (1 / _SPREAD_FROM - 1) * exp(-(since_ms - found_ms) / _SPREAD_MS))
        return spread * min(1.0, exp(-(since_ms - _MENDED_MS) / _FORGET_MS))

    def appeal(self, product: str | None, knows: bool) -> float:
        """How much one product draws the eye, of somebody who knows of the price or does not; 1 for any other."""
        return (_RUMOUR if knows else _FAVOURITE).get(product or "", 1.0)

"""Traces: visitors who move like people (small steps, then a jump), as the columns that the gateway hands on.

Four samples a second each, so one a hop. A seed reproduces every trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, Numbered, Runs, Samples

__all__ = ["HOP_MS", "START_MS", "Walk", "hops", "page_keys"]

HOP_MS = 250
START_MS = 1_700_000_000_000
_WIDTH, _HEIGHT = 1280.0, 2400.0


class Walk:
    """Positions of many visitors, stepped all at once."""

    def __init__(self, visitors: int, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self.x = self._random.uniform(0, _WIDTH, visitors)
        self.y = self._random.uniform(0, _HEIGHT, visitors)

    def step(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Where everybody is a hop later: a few pixels on, and one in ten somewhere else."""
        visitors = len(self.x)
        jumps = self._random.random(visitors) < 0.1
        x = np.where(jumps, self._random.uniform(0, _WIDTH, visitors), self.x + self._random.normal(0, 40, visitors))
        y = np.where(jumps, self._random.uniform(0, _HEIGHT, visitors), self.y + self._random.normal(0, 40, visitors))
        self.x, self.y = np.clip(x, 0, _WIDTH - 1), np.clip(y, 0, _HEIGHT - 1)
        return np.round(self.x), np.round(self.y)


def page_keys(pages: int) -> list[str]:
    return [f"default/p/{number}" for number in range(pages)]


def hops(visitors: int, pages: int, *, samples_a_batch: int = 1, different: int = 47, seed: int = 1) -> Iterator[Samples]:
    """One `Samples` a hop without end: every visitor's newest sample, or of a share of them all that they gathered.

    `samples_a_batch` is how many samples a tracker gathers before it sends: then each hop hears one visitor in so many. `different` hops
    are made, and come again and again with the times of their turn. No window is a whole number of such rounds: else what came would be
    what goes, tile by tile, and nothing would ever change.
    """
    walk = Walk(visitors, seed)
    names = [f"session-{number:08x}" for number in range(visitors)]
    loads = [f"load-{number:08x}" for number in range(visitors)]
    known_pages = [Page("default", f"/p/{number}") for number in range(pages)]  # as an intake knows them: the same objects again and again
    on_page = np.random.default_rng(seed).permutation(visitors) % pages
    steps = [walk.step() for _ in range(different)]
    ages = np.arange(samples_a_batch - 1, -1, -1, dtype=np.int64) * HOP_MS
    seqs = np.zeros(visitors, np.int64)
    hop = 0
    while True:
        who = np.arange(hop % samples_a_batch, visitors, samples_a_batch)
        picks = [steps[(hop - back) % different] for back in range(samples_a_batch - 1, -1, -1)]
        used, page = np.unique(on_page[who], return_inverse=True)
        number = len(who)
        arrived_ms = START_MS + (hop + 1) * HOP_MS - 1
        yield Samples(
            arrived_ms=arrived_ms,
            pages=[known_pages[at] for at in used.tolist()],
            origins=[None] * len(used),
            sessions=[names[at] for at in who.tolist()],
            loads=[loads[at] for at in who.tolist()],
            runs=Runs(
                page=page.astype(np.int64),
                session=np.arange(number),
                device=np.full(number, 2),
                load=np.arange(number),
                seq=seqs[who],
                width=np.full(number, _WIDTH),
                height=np.full(number, _HEIGHT),
                size=np.full(number, samples_a_batch),
                numbered=Numbered(0, who),  # each on a socket of its own, with one load
            ),
            time_ms=arrived_ms - np.tile(ages, number),
            x=np.column_stack([step[0][who] for step in picks]).ravel(),
            y=np.column_stack([step[1][who] for step in picks]).ravel(),
            kind=np.zeros(number * samples_a_batch, np.uint8),
            kinds=["move", "click"],
        )
        seqs[who] += 1
        hop += 1


def without_loads(samples: Samples) -> Samples:
    """The same as classic events would bring it: nothing tells a repeat."""
    return replace(samples, loads=[], runs=replace(samples.runs, load=np.full(len(samples.runs), NO_LOAD), numbered=None))

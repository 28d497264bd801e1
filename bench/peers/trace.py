"""The trace that all peers get, and the brute-force count that all are held to. Plain Python: it runs in any venv.

Visitors step about and send four events a second; an event is (page, time_ms, tile). Times are ascending and begin at a window's edge.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

__all__ = ["GRID", "HOP_MS", "START_MS", "WINDOW_MS", "Event", "events", "window"]

GRID, HOP_MS, WINDOW_MS = 50, 250, 300_000
START_MS = 1_700_000_100_000

Event = tuple[str, int, int]


def events(visitors: int, pages: int, seconds: float, seed: int = 1) -> list[Event]:
    """The same numbers give the same trace."""
    chance = random.Random(seed)
    at = [[chance.randrange(GRID), chance.randrange(GRID)] for _ in range(visitors)]
    found = []
    for hop in range(round(seconds * 1000 / HOP_MS)):
        for visitor in range(visitors):
            x, y = at[visitor] = [min(GRID - 1, max(0, place + chance.choice((-1, 0, 0, 1)))) for place in at[visitor]]
            if chance.random() < 0.1:
                at[visitor] = [chance.randrange(GRID), chance.randrange(GRID)]
            found.append((f"/p/{visitor % pages}", START_MS + hop * HOP_MS + visitor * HOP_MS // visitors, y * GRID + x))
    return found


def window(given: Iterable[Event], end_ms: int, size_ms: int = WINDOW_MS) -> dict[str, dict[int, int]]:
    """Page to tile to count, of `[end − size, end)`."""
    pages: dict[str, Counter[int]] = {}
    for page, time_ms, tile in given:
        if end_ms - size_ms <= time_ms < end_ms:
            pages.setdefault(page, Counter())[tile] += 1
    return {page: dict(tiles) for page, tiles in pages.items()}

"""The oracle: heat as a child would count it. Every test that says "equals brute force" means this file.

It knows nothing of panes, columns or slabs: it keeps every sample, and for each window looks at all of them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """One position, as a person would note it."""

    page: str
    kind: str
    viewport_width: float
    time_ms: float
    x: float
    y: float
    width: float
    height: float


@dataclass
class Oracle:
    """Samples that had arrived; `window` counts those of a view by tile (x, y)."""

    grid_size: int
    window_ms: int
    samples: list[Sample] = field(default_factory=list)

    def window(self, end_ms: int, page: str, kind: str = "move", device: str = "all") -> dict[tuple[int, int], int]:
        counts: Counter[tuple[int, int]] = Counter()
        for sample in self.samples:
            inside = end_ms - self.window_ms <= sample.time_ms < end_ms
            if inside and sample.page == page and sample.kind == kind and device in ("all", device_class(sample.viewport_width)):
                counts[tile(sample.x, sample.width, self.grid_size), tile(sample.y, sample.height, self.grid_size)] += 1
        return dict(counts)

    def windows(self, end_ms: int) -> dict[tuple[str, str, str], dict[tuple[int, int], int]]:
        """The same of all pages, kinds and devices that have any, at one look at all samples."""
        found: defaultdict[tuple[str, str, str], Counter[tuple[int, int]]] = defaultdict(Counter)
        for sample in self.samples:
            if end_ms - self.window_ms <= sample.time_ms < end_ms:
                at = tile(sample.x, sample.width, self.grid_size), tile(sample.y, sample.height, self.grid_size)
                for device in ("all", device_class(sample.viewport_width)):
                    found[sample.page, sample.kind, device][at] += 1
        return {view: dict(counts) for view, counts in found.items()}


def tile(position: float, extent: float, grid_size: int) -> int:
    """floor(G x position / extent), clamped."""
    exact = grid_size * position / extent
    return min(max(math.floor(exact) if math.isfinite(exact) else (grid_size if exact > 0 else -1), 0), grid_size - 1)


def device_class(viewport_width: float) -> str:
    if viewport_width < 768:
        return "mobile"
    return "tablet" if viewport_width < 1024 else "desktop"


def from_classic(value: dict[str, dict[str, int]]) -> dict[tuple[int, int], int]:
    """A classic heat map's `value` as the oracle counts."""
    return {(int(x), int(y)): count for x, column in value.items() for y, count in column.items()}

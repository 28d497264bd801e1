"""Limits of the core, each in one place with its reason. What an operator can set is handed in by the runtimes."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CELLS_DENSE_MAX",
    "PRESENT_MS",
    "REPEAT_GAPS_MAX",
    "REPEAT_MEMORY_MS",
    "SAMPLE_AGE_MS_MAX",
]

#: Cells (rows x tiles) kept as one slab of 32-bit integers. The slab takes memory only where it was touched; rows beyond it are
#: kept sparse: slower, and as right. 64 Mi cells are 256 MiB, or 26,000 page-layers of 50 x 50 tiles.
CELLS_DENSE_MAX: Final = 64 * 1024 * 1024

#: How long (session, load, seq) are remembered: a tracker resends for as long, and refuses itself older samples.
REPEAT_MEMORY_MS: Final = 600_000
SAMPLE_AGE_MS_MAX: Final = REPEAT_MEMORY_MS

#: Numbers that one load may have seen out of order; a tracker leaves none or a few. Beyond it the oldest are taken as seen.
REPEAT_GAPS_MAX: Final = 4096

#: A session is on the page of its last sample for so long. People read without moving; longer than half a minute
#: is rare in what is published of dwell between movements, a minute is what peers show as "now".
PRESENT_MS: Final = 60_000

"""Counting: the innermost loops, from samples to counts; those from counts to the window are in `panes`.

Each is here twice: in numpy, and compiled (`loops/`) where there was a compiler when Isotherm was installed. They give the same; a
test holds them to that. numpy needs some forty passes over the columns and a sort, which at a few hundred samples a second is nearly all
call overhead; the compiled loops take one pass and a small hash table. docs/benchmarks-tried.md has what that is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from isotherm.core.layers import DEVICES, KINDS, LAYERS
from isotherm.core.samples import Samples
from isotherm.core.tiles import tiles_of

_INTERFACE: Final = 20  #: of `loops/loops.h`: one more whenever what it is called with changes

try:
    from isotherm.core import _counting as compiled
except ImportError:  # no compiler was there; all that follows works as well
    compiled = None  # type: ignore[assignment]
else:
    if compiled.INTERFACE != _INTERFACE:  # left behind by an older source tree: its calls are others
        compiled = None  # type: ignore[assignment]

__all__ = [
    "Placed",
    "Tally",
    "compiled",
    "kind_places",
    "order",
    "place",
    "tally",
    "tally_with_numpy",
]

_NO_LAYER = 0xFF


@dataclass(slots=True)
class Tally:
    """Columns, rows of (page, layer, pane, tile) in any order, perhaps several the same; and what belongs to pages and to samples."""

    page: npt.NDArray[np.int64]
    layer: npt.NDArray[np.int64]
    pane: npt.NDArray[np.int64]
    tile: npt.NDArray[np.int32]
    count: npt.NDArray[np.int32]
    newest_ms: npt.NDArray[np.int64]  #: one element a page of the samples; 0: no samples of it counted
    row: npt.NDArray[np.int64] | None  #: if wanted, one element a sample: the row that counts it; -1: none does


@dataclass(slots=True)
class Placed:
    """Columns, one row a sample that has a layer."""

    at: npt.NDArray[np.int64]  #: which sample it is
    run: npt.NDArray[np.int64]
    layer: npt.NDArray[np.int64]
    tile: npt.NDArray[np.int32]


def tally(
    samples: Samples,
    fresh: npt.NDArray[np.bool_],
    within: npt.NDArray[np.bool_] | None,
    grid_size: int,
    hop_ms: int,
    *,
    want_rows: bool = False,
) -> Tally:
    """Counts the samples of `fresh` runs that are `within` the cap (None: all are), of kinds that have a layer."""
    if compiled is None:
        return tally_with_numpy(samples, fresh, within, grid_size, hop_ms)
    runs = samples.runs
    newest_ms = np.zeros(len(samples.pages), np.int64)
    row = np.empty(len(samples), np.int64) if want_rows else None
    length = len(samples)
    wide, narrow = np.empty(3 * length, np.int64), np.empty(2 * length, np.int32)
    rows = compiled.tally(
        samples.x, samples.y, samples.time_ms, samples.kind, kind_places(tuple(samples.kinds)), fresh, within,
        runs.size, runs.page, runs.device, runs.width, runs.height,
        hop_ms, grid_size, len(DEVICES), LAYERS, wide, narrow, newest_ms, row,
    )  # fmt: skip
    twice = 2 * length
    return Tally(
        wide[:rows], wide[length : length + rows], wide[twice : twice + rows], narrow[:rows], narrow[length : length + rows], newest_ms, row
    )


@lru_cache(maxsize=64)
def kind_places(kinds: tuple[str, ...]) -> bytes:
    return bytes([KINDS.index(kind) if kind in KINDS else _NO_LAYER for kind in kinds])


def place(samples: Samples, fresh: npt.NDArray[np.bool_], grid_size: int) -> Placed:
    """The layer and tile of each sample of `fresh` runs that has a layer."""
    runs = samples.runs
    kinds = np.array([KINDS.index(kind) if kind in KINDS else -1 for kind in samples.kinds] or [-1], np.int64)
    kind = kinds[samples.kind]
    run = np.repeat(np.arange(len(runs)), runs.size)
    at = np.flatnonzero(fresh[run] & (kind >= 0))
    run = run[at]
    tile = tiles_of(samples.x[at], samples.y[at], runs.width[run], runs.height[run], grid_size)
    return Placed(at, run, kind[at] * len(DEVICES) + runs.device[run], tile)


def tally_with_numpy(
    samples: Samples, fresh: npt.NDArray[np.bool_], within: npt.NDArray[np.bool_] | None, grid_size: int, hop_ms: int
) -> Tally:
    placed, pages, cells = place(samples, fresh, grid_size), max(1, len(samples.pages)), grid_size * grid_size
    at, layer, tile = placed.at, placed.layer, placed.tile
    time_ms, page = samples.time_ms[at], samples.runs.page[placed.run]
    if within is not None:
        kept = within[at]
        at, layer, tile, time_ms, page = at[kept], layer[kept], tile[kept], time_ms[kept], page[kept]
    newest_ms = np.zeros(len(samples.pages), np.int64)
    np.maximum.at(newest_ms, page, time_ms)
    panes, pane_at = np.unique(time_ms // hop_ms, return_inverse=True)
    keys = ((pane_at * pages + page) * LAYERS + layer) * cells + tile
    which, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
    which, tile_of_row = np.divmod(which, cells)
    which, layer_of_row = np.divmod(which, LAYERS)
    pane_of_row, page_of_row = np.divmod(which, pages)
    row = np.full(len(samples), -1, np.int64)
    row[at] = inverse
    return Tally(page_of_row, layer_of_row, panes[pane_of_row], tile_of_row.astype(np.int32), count.astype(np.int32), newest_ms, row)


def order(first: npt.NDArray[np.int64], second: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """How rows stand when sorted by `first` (0 to below 2^32), then `second`; those that are alike as they came."""
    if compiled is None or len(first) >= 1 << 32:
        return np.lexsort((second, first))
    places = np.empty(len(first), np.int64)
    compiled.order(np.ascontiguousarray(first, np.int64), np.ascontiguousarray(second, np.uint64), places)
    return places

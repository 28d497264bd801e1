"""Counting: the innermost loops. Who was met, from samples to counts, from counts to the window.

Each is here twice: in numpy, and compiled (`_counting.c`) where there was a compiler when Isotherm was installed. They give the same; a
test holds them to that. numpy needs some forty passes over the columns and a sort, which at a few hundred samples a second is nearly all
call overhead; the compiled loops take one pass and a small hash table. docs/benchmarks.md has what that is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from isotherm.core.layers import DEVICES, KINDS, LAYERS
from isotherm.core.presence import Presence
from isotherm.core.repeats import Repeats
from isotherm.core.samples import NO_LOAD, Samples
from isotherm.core.tiles import tiles_of

_INTERFACE: Final = 2  #: of `_counting.c`: one more whenever what it is called with changes

try:
    from isotherm.core import _counting as compiled
except ImportError:  # no compiler was there; all that follows works as well
    compiled = None  # type: ignore[assignment]
else:
    if compiled.INTERFACE != _INTERFACE:  # left behind by an older source tree: its calls are others
        compiled = None  # type: ignore[assignment]

__all__ = [
    "Chunk",
    "Placed",
    "Tally",
    "add",
    "add_with_numpy",
    "compiled",
    "meet",
    "meet_in_python",
    "place",
    "tally",
    "tally_with_numpy",
]

#: Cells (each any number of times), their counts, and 1 or -1: whether they are added to the window or taken away.
Chunk = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], int]

_NO_LAYER = 0xFF


@dataclass(slots=True)
class Tally:
    """Columns, one row a (page, layer, pane, tile) that occurs, in no order; and what belongs to pages and to samples."""

    page: npt.NDArray[np.int64]
    layer: npt.NDArray[np.int64]
    pane: npt.NDArray[np.int64]
    tile: npt.NDArray[np.int32]
    count: npt.NDArray[np.int32]
    newest_ms: npt.NDArray[np.int64]  #: one element a page of the samples; 0: no samples of it counted
    row: npt.NDArray[np.int64]  #: one element a sample: the row that counts it; -1: none does


@dataclass(slots=True)
class Placed:
    """Columns, one row a sample that has a layer."""

    at: npt.NDArray[np.int64]  #: which sample it is
    run: npt.NDArray[np.int64]
    layer: npt.NDArray[np.int64]
    tile: npt.NDArray[np.int32]


def meet(samples: Samples, repeats: Repeats, presence: Presence) -> npt.NDArray[np.bool_]:
    """Which runs are no repeats, one element a run; and remembers who was seen where."""
    if compiled is None:
        return meet_in_python(samples, repeats, presence)
    runs = samples.runs
    fresh = np.empty(len(runs), np.bool_)
    compiled.meet(
        runs.session, runs.page, runs.load, runs.seq, runs.size, samples.time_ms, samples.sessions, samples.loads,
        [page.site for page in samples.pages], [page.key for page in samples.pages],
        repeats.newest, repeats.fresh, presence.where, presence.seen, fresh,
    )  # fmt: skip
    return fresh


def meet_in_python(samples: Samples, repeats: Repeats, presence: Presence) -> npt.NDArray[np.bool_]:
    runs, fresh = samples.runs, []
    ends = np.cumsum(runs.size)
    columns = zip(
        runs.session.tolist(), runs.page.tolist(), runs.load.tolist(), runs.seq.tolist(), runs.size.tolist(), ends.tolist(),
        strict=True,
    )  # fmt: skip
    for session_at, page_at, load_at, seq, size, end in columns:
        session, page = samples.sessions[session_at], samples.pages[page_at]
        new = load_at == NO_LOAD or repeats.fresh(session, samples.loads[load_at], seq)
        fresh.append(new)
        if new and size:
            presence.seen(page.site, session, page.key, int(samples.time_ms[end - 1]))
    return np.array(fresh, np.bool_)


def tally(samples: Samples, counted: npt.NDArray[np.bool_], grid_size: int, hop_ms: int) -> Tally:
    """Counts the samples that are to be `counted`, of kinds that have a layer."""
    if compiled is None:
        return tally_with_numpy(samples, counted, grid_size, hop_ms)
    runs, length = samples.runs, len(samples)
    columns = np.empty((4, length), np.int64)
    page, layer, pane, row = columns
    tile, count = np.empty((2, length), np.int32)
    newest_ms = np.zeros(len(samples.pages), np.int64)
    kinds = bytes([KINDS.index(kind) if kind in KINDS else _NO_LAYER for kind in samples.kinds])
    rows = compiled.tally(
        samples.x, samples.y, samples.time_ms, samples.kind, counted, kinds,
        runs.size, runs.page, runs.device, runs.width, runs.height,
        hop_ms, grid_size, len(DEVICES), LAYERS,
        newest_ms, page, layer, pane, tile, count, row,
    )  # fmt: skip
    return Tally(page[:rows], layer[:rows], pane[:rows], tile[:rows], count[:rows], newest_ms, row)


def place(samples: Samples, counted: npt.NDArray[np.bool_], grid_size: int) -> Placed:
    """The layer and tile of each sample that is to be `counted` and has a layer."""
    runs = samples.runs
    kinds = np.array([KINDS.index(kind) if kind in KINDS else -1 for kind in samples.kinds] or [-1], np.int64)
    kind = kinds[samples.kind]
    at = np.flatnonzero(counted & (kind >= 0))
    run = np.repeat(np.arange(len(runs)), runs.size)[at]
    tile = tiles_of(samples.x[at], samples.y[at], runs.width[run], runs.height[run], grid_size)
    return Placed(at, run, kind[at] * len(DEVICES) + runs.device[run], tile)


def tally_with_numpy(samples: Samples, counted: npt.NDArray[np.bool_], grid_size: int, hop_ms: int) -> Tally:
    placed, pages, cells = place(samples, counted, grid_size), max(1, len(samples.pages)), grid_size * grid_size
    time_ms, page = samples.time_ms[placed.at], samples.runs.page[placed.run]
    newest_ms = np.zeros(len(samples.pages), np.int64)
    np.maximum.at(newest_ms, page, time_ms)
    panes, pane_at = np.unique(time_ms // hop_ms, return_inverse=True)
    keys = ((pane_at * pages + page) * LAYERS + placed.layer) * cells + placed.tile
    which, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
    which, tile_of_row = np.divmod(which, cells)
    which, layer_of_row = np.divmod(which, LAYERS)
    pane_of_row, page_of_row = np.divmod(which, pages)
    row = np.full(len(samples), -1, np.int64)
    row[placed.at] = inverse
    return Tally(page_of_row, layer_of_row, panes[pane_of_row], tile_of_row.astype(np.int32), count.astype(np.int32), newest_ms, row)


def add(
    slab: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int64],
    watched_rows: npt.NDArray[np.bool_],
    tiles: int,
    chunks: list[Chunk],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Adds all chunks to the slab, and to the totals of its rows of `tiles` cells. All cells lie in the slab.

    Returns the cells of watched rows whose count is another now, ascending, each once, and these counts.
    """
    if compiled is None:
        return add_with_numpy(slab, totals, watched_rows, tiles, chunks)
    room = sum(len(cells) for cells, _, _ in chunks)
    cells, counts = np.empty(room, np.int64), np.empty(room, np.int32)
    changed = compiled.add(slab, totals, watched_rows, tiles, chunks, cells, counts)
    return cells[:changed], counts[:changed]


def add_with_numpy(
    slab: npt.NDArray[np.int32],
    totals: npt.NDArray[np.int64],
    watched_rows: npt.NDArray[np.bool_],
    tiles: int,
    chunks: list[Chunk],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    if not chunks:
        return np.zeros(0, np.int64), np.zeros(0, np.int32)
    cells = np.concatenate([chunk[0] for chunk in chunks])
    counts = np.concatenate([chunk[1] * np.int32(chunk[2]) for chunk in chunks])
    rows = cells // tiles
    np.add.at(totals, rows, counts)
    np.add.at(slab, cells, counts)
    watched = watched_rows[rows]
    which, inverse = np.unique(cells[watched], return_inverse=True)
    changed = which[np.bincount(inverse, weights=counts[watched], minlength=len(which)) != 0]
    return changed, slab[changed]

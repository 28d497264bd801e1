"""Tiles: where on the grid a position falls. The only place that knows that an index space has G² cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "tiles_of"]

Floats = npt.NDArray[np.float64]


def tiles_of(x: Floats, y: Floats, width: Floats, height: Floats, grid_size: int) -> npt.NDArray[np.int32]:
    """The tile of each position: ``row x G + column``, with column ``floor(G x / width)`` clamped to 0 … G-1, in float64.

    All four arrays have the same length; widths and heights are above 0, everything is finite.
    """
    with np.errstate(over="ignore"):  # far outside the page may overflow to infinity, which is clamped as well
        column = np.clip(np.floor(grid_size * x / width), 0, grid_size - 1)
        row = np.clip(np.floor(grid_size * y / height), 0, grid_size - 1)
    tiles: npt.NDArray[np.int32] = (row * grid_size + column).astype(np.int32)
    return tiles

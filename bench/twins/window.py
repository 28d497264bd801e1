"""The least program that keeps one page's window and tells what changed (`window.c`): what of a sample's cost is the job itself.

It takes the same samples on the same grid and tells the same tiles and counts as the core; a test holds it to that.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import tempfile
from ctypes import byref
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from isotherm.core.samples import Samples

__all__ = ["BareWindow", "can_be_made"]

_BYTE = ctypes.c_char  #: where a column begins: that of an array's `ctypes` is a microsecond each
_SOURCE = Path(__file__).with_suffix(".c")


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """None: there is no C compiler."""
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "window.so"
        compiler = shlex.split(os.environ.get("CC", "cc"))
        command = [*compiler, "-O2", "-fPIC", "-shared", "-ffp-contract=off", str(_SOURCE), "-o", str(binary)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return None
        library = ctypes.CDLL(str(binary))
    library.window_make.restype = ctypes.c_void_p
    library.window_make.argtypes = [ctypes.c_int32, ctypes.c_int32]
    where, extent = ctypes.c_void_p, ctypes.c_double
    library.window_hop.argtypes = [where, where, where, extent, extent, ctypes.c_int32, where, where]
    return library


def can_be_made() -> bool:
    return _library() is not None


class BareWindow:
    """The window of a page, `window_panes` long. What it holds stays until the process ends."""

    def __init__(self, grid_size: int, window_panes: int, samples_max: int) -> None:
        library = _library()
        assert library is not None, "there is a compiler"
        self._hop = library.window_hop
        self._window = library.window_make(grid_size, window_panes)
        self._tiles, self._counts = np.zeros(2 * samples_max + 1, np.int64), np.zeros(2 * samples_max + 1, np.int32)
        self._to = self._tiles.ctypes.data, self._counts.ctypes.data

    def hop(self, samples: Samples) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """One hop's samples, of one pane, come, and the oldest pane goes. The tiles that changed, ascending, and their counts, till the
        next hop."""
        runs, at = samples.runs, _BYTE.from_buffer
        width, height = runs.width.item(0), runs.height.item(0)
        told = self._hop(self._window, byref(at(samples.x.data)), byref(at(samples.y.data)), width, height, len(samples.x), *self._to)
        return self._tiles[:told], self._counts[:told]

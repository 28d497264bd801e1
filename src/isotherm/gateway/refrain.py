"""A refrain: what the batches of a socket have in common, so that of the next one only what differs is looked at.

A tracker says the same page, document, session and load with each batch, byte for byte; seq, samples and what these lay on differ. So a
batch that was decoded whole, and nothing was unusual in it, is a pattern (`core/loops/refrain.c`): what fits it is of the same page and
sender, and was checked when that was. All else, and all batches where there are no compiled loops, is decoded whole (`messages.decode`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.layers import SAMPLE_KINDS
from isotherm.core.limits import SAMPLE_AGE_MS_MAX
from isotherm.core.samples import Anchored
from isotherm.gateway.messages import DEFAULT_KINDS, Batch, columns_of

__all__ = ["Refrain"]

_NO_KIND: Final = 0xFF
_NAMED: Final = [_NO_KIND if kind == "view" else SAMPLE_KINDS.index(kind) for kind in DEFAULT_KINDS]  #: a view's x is not its own
_KIND_PLACES: Final = bytes(_NAMED).ljust(256, bytes((_NO_KIND,)))


class Refrain:
    """Made by `of`; `read` gives the batches that it is in."""

    __slots__ = ("_batch", "_kind", "_pattern")

    def __init__(self, pattern: Any, batch: Batch) -> None:
        self._pattern = pattern
        self._kind = int(batch.kind[0])
        self._batch = (batch.session, batch.load, batch.path, batch.width, batch.height, batch.viewport_width, batch.bot)

    @staticmethod
    def of(data: bytes, batch: Batch) -> Refrain | None:
        """That of a batch, which `data` was decoded to; None: it has none."""
        if counting.compiled is None or batch.block is None:
            return None
        try:
            return Refrain(counting.compiled.Refrain(data), batch)
        except ValueError:
            return None

    def read(self, data: bytes) -> Batch | None:
        """What `messages.decode` would come to; None: it is to be asked."""
        found = self._pattern.read(data, SAMPLE_AGE_MS_MAX, _KIND_PLACES)
        if found is None:
            return None
        seq, block, kinds, on = found
        session, load, path, width, height, viewport_width, bot = self._batch
        x, y, age_ms, _ = columns_of(block)
        kind = _all_of(self._kind, len(x)) if kinds is None else np.frombuffer(kinds, np.uint8)
        names, anchored = _NOTHING if on is None else (on[0], _anchored(on))
        return Batch(session, load, seq, path, width, height, viewport_width, kind, x, y, age_ms, 0, bot, names, anchored, block)


_NOTHING: Final[tuple[list[str], None]] = ([], None)


def _anchored(on: tuple[list[str], bytes, bytes, bytes]) -> Anchored:
    return Anchored(np.frombuffer(on[1], np.int64), np.frombuffer(on[2], np.int32), np.frombuffer(on[3], np.int32))


@lru_cache(maxsize=4096)
def _all_of(kind: int, length: int) -> npt.NDArray[np.uint8]:
    """Read-only, since it is shared."""
    column = np.full(length, kind, np.uint8)
    column.flags.writeable = False
    return column

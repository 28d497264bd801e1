"""Frames: a view's heat in bytes, for `/live`. The format is drawn byte by byte in docs/wire.md.

header, 48 bytes ── bitmap of the cells that are lit, to a multiple of 4 ── a count for each   (keyframe)
header, 48 bytes ── the cells that changed, to a multiple of 4 ── a count for each             (changes)
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.heat import Changes, Heat

__all__ = ["HEADER", "Status", "changes_frame", "keyframe"]

HEADER: Final = struct.Struct("<BBBBIddIIIIfI")
_VERSION: Final = 1
_KEYFRAME: Final = 1
_CHANGES: Final = 2
_TILES: Final = 0
_COUNT_FORMS: Final = {1: "B", 2: "H", 4: "I"}
_FEW: Final = 32  #: cells, up to which plain Python packs quicker than numpy
_QUIET_UNKNOWN: Final = 0xFFFF_FFFF


class Status(NamedTuple):
    """What a frame's header tells beside the heat."""

    end_ms: int
    sent_ms: int
    window_ms: int
    hop_ms: int
    grid_size: int
    people: int
    rate: float
    newest_ms: int  #: event time of the page's newest sample; 0: none known


def keyframe(heat: Heat, status: Status) -> bytes:
    """The whole window of a view."""
    cells = heat.grid_size * heat.grid_size
    bits = np.zeros(-(-cells // 32) * 32, np.uint8)
    bits[heat.cells] = 1
    width, counts = _packed(heat.counts)
    return _header(_KEYFRAME, width, len(heat.cells), status) + np.packbits(bits, bitorder="little").tobytes() + counts


def changes_frame(changes: Changes | None, status: Status) -> bytes:
    """What one hop changed; None: only the header is news."""
    if changes is None:
        return _header(_CHANGES, 1, 0, status)
    wide = status.grid_size * status.grid_size > 65536
    if len(changes.cells) <= _FEW and not wide:
        return _few_changes(changes.cells.tolist(), changes.counts.tolist(), status)
    cells = changes.cells.astype("<u4" if wide else "<u2").tobytes()
    width, counts = _packed(changes.counts)
    return _header(_CHANGES, width, len(changes.cells), status) + cells + bytes(-len(cells) % 4) + counts


def _few_changes(cells: list[int], counts: list[int], status: Status) -> bytes:
    """The same. Most pages change by a handful of cells a hop, and numpy's calls cost more than these."""
    number, width = len(cells), _width(max(counts, default=0))
    form = f"<{number}H{'xx' if number & 1 else ''}{number}{_COUNT_FORMS[width]}"
    return _header(_CHANGES, width, number, status) + struct.pack(form, *cells, *counts)


def _width(most: int) -> int:
    return 1 if most <= 0xFF else 2 if most <= 0xFFFF else 4


def _packed(counts: npt.NDArray[Any]) -> tuple[int, bytes]:
    width = _width(int(counts.max(initial=0)))
    return width, counts.astype(f"<u{width}").tobytes()


def _header(kind: int, width: int, entries: int, status: Status) -> bytes:
    quiet_ms = min(max(0, status.sent_ms - status.newest_ms), _QUIET_UNKNOWN - 1) if status.newest_ms else _QUIET_UNKNOWN
    return HEADER.pack(
        _VERSION, kind, _TILES, width, status.grid_size * status.grid_size, status.end_ms, status.sent_ms,
        status.window_ms, status.hop_ms, entries, status.people, status.rate, quiet_ms,
    )  # fmt: skip

"""How a bucket's contents are written: small, and without knowing numpy to read.

A blob is zlib over a header and columns, little-endian:

     0         1         2          6                                  n·a            n·b
     ├ a ──────┼ b ──────┼ n (u32) ─┼ n steps of a bytes, unsigned ────┼ n values of b bytes, unsigned ─┤

Counts: a step is the cell minus the cell before it (the first: minus 0), a value the cell's count. Marks are two such blocks, one after
the other, after a byte with the level: the sessions' hashes in steps with the number of their cells as values; then each mark's cell as
step (from the cell before it of the same session, the first: from 0) with a value of no bytes (b is 0).

Counts of zones: before the block stand the names, as a JSON list, after its length (u32).

A blob that can't be read raises `HistoryError`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from isotherm.core.people import Marks
from isotherm.core.rollup import Contents
from isotherm.core.zone_rollup import ZoneContents
from isotherm.history.errors import HistoryError

__all__ = ["pack_counts", "pack_marks", "unpack_contents", "unpack_marks", "unpack_zones"]

_HEADER: Final = struct.Struct("<BBI")
_LENGTH: Final = struct.Struct("<I")
_FITS: Final = ((1, 0xFF), (2, 0xFFFF), (4, 0xFFFF_FFFF))
_LEVEL: Final = 4  #: of zlib: 6, its default, is a twentieth smaller and takes more than twice as long
_QUICK_LEVEL: Final = 1  #: a seventh larger than that in half the time
_CELL_BITS: Final = np.uint64(32)


def pack_counts(contents: Contents | ZoneContents, *, quick: bool = False) -> bytes:
    """`quick`: of a bucket that is written again soon."""
    block = _block(np.diff(contents.cells, prepend=0), contents.counts)
    if isinstance(contents, ZoneContents):
        names = msgspec.json.encode(contents.names)
        block = _LENGTH.pack(len(names)) + names + block
    return zlib.compress(block, _QUICK_LEVEL if quick else _LEVEL)


def pack_marks(marks: Marks, *, quick: bool = False) -> bytes | None:
    """None: nobody."""
    if not len(marks.marks):
        return None
    session = (marks.marks >> _CELL_BITS).astype(np.int64)
    cell = (marks.marks & np.uint64(0xFFFF_FFFF)).astype(np.int64)
    sessions, starts, sizes = np.unique(session, return_index=True, return_counts=True)
    steps = np.diff(cell, prepend=0)
    steps[starts] = cell[starts]
    block = bytes([marks.level]) + _block(np.diff(sessions, prepend=0), sizes) + _block(steps, None)
    return zlib.compress(block, _QUICK_LEVEL if quick else _LEVEL)


def unpack_contents(counts: bytes, marks: bytes | None) -> Contents:
    with _reading():
        steps, values, _ = _read(zlib.decompress(counts), 0)
    return Contents(np.cumsum(steps), values, unpack_marks(marks) if marks is not None else Marks())


def unpack_zones(counts: bytes, marks: bytes | None) -> ZoneContents:
    with _reading():
        data = zlib.decompress(counts)
        at = _LENGTH.size + _LENGTH.unpack_from(data)[0]
        names = msgspec.json.decode(data[_LENGTH.size : at], type=tuple[str, ...])
        steps, values, _ = _read(data, at)
    return ZoneContents(names, np.cumsum(steps), values, unpack_marks(marks) if marks is not None else Marks())


def unpack_marks(blob: bytes) -> Marks:
    with _reading():
        data = zlib.decompress(blob)
        session_steps, sizes, at = _read(data, 1)
        steps, _, _ = _read(data, at)
        starts = np.cumsum(sizes) - sizes
        running = np.cumsum(steps)
        before = np.repeat(running[starts] - steps[starts], sizes)
        session = np.repeat(np.cumsum(session_steps), sizes)
        return Marks((session.astype(np.uint64) << _CELL_BITS) | (running - before).astype(np.uint64), data[0])


@contextmanager
def _reading() -> Iterator[None]:
    """zlib's checksum finds nearly all damage; what gets past it fits no columns."""
    try:
        yield
    except (zlib.error, struct.error, msgspec.MsgspecError, ValueError, TypeError, IndexError) as error:
        raise HistoryError(f"a bucket of the history is damaged: {error}") from error


def _block(steps: npt.NDArray[np.int64], values: npt.NDArray[np.int64] | None) -> bytes:
    a, b = _width(steps), _width(values) if values is not None else 0
    data = _HEADER.pack(a, b, len(steps)) + steps.astype(f"<u{a}").tobytes()
    return data + values.astype(f"<u{b}").tobytes() if values is not None else data


def _read(data: bytes, at: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    a, b, n = _HEADER.unpack_from(data, at)
    at += _HEADER.size
    steps = np.frombuffer(data, f"<u{a}", n, at).astype(np.int64)
    at += n * a
    values = np.frombuffer(data, f"<u{b}", n, at).astype(np.int64) if b else np.zeros(0, np.int64)
    return steps, values, at + n * b


def _width(column: npt.NDArray[Any]) -> int:
    most = int(column.max(initial=0))
    return next((width for width, bound in _FITS if most <= bound), 8)

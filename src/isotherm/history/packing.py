"""How a bucket's contents are written: small, and without knowing numpy to read.

A blob is zlib over a header and columns, little-endian:

     0         1         2          6                                  n·a            n·b
     ├ a ──────┼ b ──────┼ n (u32) ─┼ n steps of a bytes, unsigned ────┼ n values of b bytes, unsigned ─┤

Of a column of several bytes an element, all first bytes stand before all second ones, and so on, which 128 added to a says: nearly all
bytes but the first are 0. Blocks that earlier releases wrote have their elements whole.

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
_PLANES: Final = 0x80
_LEVEL: Final = 1  #: of zlib: 4 is a seventh smaller and takes twice as long, 6 four times
_CELL_BITS: Final = np.uint64(32)


def pack_counts(contents: Contents | ZoneContents) -> bytes:
    block = _block(np.diff(contents.cells, prepend=0), contents.counts)
    if isinstance(contents, ZoneContents):
        names = msgspec.json.encode(contents.names)
        block = _LENGTH.pack(len(names)) + names + block
    return zlib.compress(block, _LEVEL)


def pack_marks(marks: Marks) -> bytes | None:
    """None: nobody."""
    if not len(marks.marks):
        return None
    session, cell = (marks.marks >> _CELL_BITS).astype(np.uint32), marks.marks.astype(np.uint32)
    begins = np.ones(len(cell), np.bool_)
    np.not_equal(session[1:], session[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    sizes = np.diff(starts, append=len(cell))
    steps = cell.copy()
    np.subtract(cell[1:], cell[:-1], out=steps[1:])
    steps[starts] = cell[starts]
    block = bytes([marks.level]) + _block(np.diff(session[starts], prepend=np.uint32(0)), sizes) + _block(steps, None)
    return zlib.compress(block, _LEVEL)


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
        starts, running = np.cumsum(sizes) - sizes, np.cumsum(steps)
        first = (np.cumsum(session_steps).astype(np.uint64) << _CELL_BITS) - (running[starts] - steps[starts]).astype(np.uint64)
        return Marks(np.repeat(first, sizes) + running.astype(np.uint64), data[0])


@contextmanager
def _reading() -> Iterator[None]:
    """zlib's checksum finds nearly all damage; what gets past it fits no columns."""
    try:
        yield
    except (zlib.error, struct.error, msgspec.MsgspecError, ValueError, TypeError, IndexError) as error:
        raise HistoryError(f"a bucket of the history is damaged: {error}") from error


def _block(steps: npt.NDArray[Any], values: npt.NDArray[np.int64] | None) -> bytes:
    a, b = _width(steps), _width(values) if values is not None else 0
    data = _HEADER.pack(_PLANES | a, b, len(steps)) + _in_planes(steps, a)
    return data + _in_planes(values, b) if values is not None else data


def _in_planes(column: npt.NDArray[Any], width: int) -> bytes:
    return column.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T.tobytes()


def _read(data: bytes, at: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    a, b, n = _HEADER.unpack_from(data, at)
    at += _HEADER.size
    read, a = (_from_planes, a ^ _PLANES) if a & _PLANES else (_from_whole, a)
    steps = read(data, a, n, at)
    at += n * a
    values = read(data, b, n, at) if b else np.zeros(0, np.int64)
    return steps, values, at + n * b


def _from_planes(data: bytes, width: int, number: int, at: int) -> npt.NDArray[np.int64]:
    planes = np.frombuffer(data, np.uint8, number * width, at).reshape(width, number)
    column: npt.NDArray[np.int64] = planes[0].astype(np.int64)
    for place, plane in enumerate(planes[1:], 1):
        if plane.any():
            column |= plane.astype(np.int64) << 8 * place
    return column


def _from_whole(data: bytes, width: int, number: int, at: int) -> npt.NDArray[np.int64]:
    return np.frombuffer(data, f"<u{width}", number, at).astype(np.int64)


def _width(column: npt.NDArray[Any]) -> int:
    most = int(column.max(initial=0))
    return next((width for width, bound in _FITS if most <= bound), 8)

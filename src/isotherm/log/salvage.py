"""Salvage: every sound record of a damaged log, wherever it stands, read from the pages themselves.

SQLite reaches a record through the file's header, the schema and the inner pages of a tree; one wrong byte on the way hides all that is
below it, and one in the write-ahead log all commits behind it. A record here has a checksum of its own (`checksum`), so no way is
needed: each page that looks like a leaf of a table is read cell by cell, and what has the right checksum is a record.

    leaf page                                                    cell
    13 ┆ free 2 B ┆ cells 2 B ┆ … 8 ┆ pointers 2 B each ┆ …      size (varint) ┆ offset (varint) ┆ payload, its end perhaps on other pages

A long payload goes on in a chain of overflow pages: 4 bytes next page, then content. Of a page there may be several images, those of the
write-ahead log newer than the file's; the newest comes first. Format: https://www.sqlite.org/fileformat2.html
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final, NamedTuple

from isotherm.log.wal import PAGE_BYTES, read_wal, wal_of

__all__ = ["Row", "aside_name", "checksum", "sound_records"]

_LEAF: Final = 13
_LEAF_HEADER_BYTES: Final = 8
_LOCAL_MAX: Final = PAGE_BYTES - 35  #: a payload up to here stands on its leaf
_LOCAL_MIN: Final = (PAGE_BYTES - 12) * 32 // 255 - 23
_PAYLOAD_MAX: Final = 1 << 28  #: no record is nearly so large
_INTEGER_BYTES: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}  #: by serial type; 8 and 9 are the numbers 0 and 1
_BLOB: Final = 12  #: serial types from here on, even: blobs


class Row(NamedTuple):
    """A record as it is stored. `crc` None: it was written before there were checksums."""

    offset: int
    time_ms: int
    value: bytes
    crc: int | None


def checksum(offset: int, time_ms: int, value: bytes) -> int:
    """CRC-32 of all that a record is."""
    return zlib.crc32(value, zlib.crc32(struct.pack(">qq", offset, time_ms)))


def aside_name(path: Path) -> Path:
    """A name for a damaged log that is still free."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists() or wal_of(aside).exists():
        number += 1
    return aside


def sound_records(path: Path) -> Iterator[Row]:
    """All sound records, in no order; where an offset comes twice, its newest image first. Raises `OSError`."""
    pages = _Pages(path)
    for number in range(2, pages.number + 1):  # page 1 is the schema's
        for image in pages.images(number):
            if _looks_like_leaf(image):
                for at in _pointers(image):
                    row = _row(image, at, pages)
                    if row is not None and row.crc in (None, checksum(row.offset, row.time_ms, row.value)):
                        yield row


class _Pages:
    """The images of each page, newest first."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._content = mmap(file.fileno(), 0, access=ACCESS_READ) if path.stat().st_size else b""
        wal = read_wal(path)
        self._newer: dict[int, list[bytes]] = {}
        for frame in reversed(wal.frames):
            self._newer.setdefault(frame.page, []).append(wal.content[frame.at : frame.at + PAGE_BYTES])
        # A damaged page number must not make us look at four billion pages: the file and its log hold no more than these.
        self.number = len(self._content) // PAGE_BYTES + len(wal.frames)

    def images(self, number: int) -> Iterator[bytes]:
        yield from self._newer.get(number, ())
        if number > 0:
            image = self._content[(number - 1) * PAGE_BYTES : number * PAGE_BYTES]
            if len(image) == PAGE_BYTES:
                yield image

    def newest(self, number: int) -> bytes | None:
        return next(self.images(number), None)


def _looks_like_leaf(image: bytes) -> bool:
    cells, begin = struct.unpack_from(">HH", image, 3)
    return image[0] == _LEAF and cells > 0 and _LEAF_HEADER_BYTES + 2 * cells <= PAGE_BYTES and begin < PAGE_BYTES


def _pointers(image: bytes) -> tuple[int, ...]:
    (cells,) = struct.unpack_from(">H", image, 3)
    return struct.unpack_from(f">{cells}H", image, _LEAF_HEADER_BYTES)


def _row(image: bytes, at: int, pages: _Pages) -> Row | None:
    """The record of one cell; None: it is none, or not whole."""
    try:
        size, at = _varint(image, at)
        offset, at = _varint(image, at)
        payload = _payload(image, at, size, pages) if 0 < size <= _PAYLOAD_MAX else None
        return None if payload is None else _of(offset, payload)
    except (IndexError, struct.error):
        return None


def _payload(image: bytes, at: int, size: int, pages: _Pages) -> bytes | None:
    if size <= _LOCAL_MAX:
        return image[at : at + size] if at + size <= PAGE_BYTES else None
    local = _LOCAL_MIN + (size - _LOCAL_MIN) % (PAGE_BYTES - 4)
    if local > _LOCAL_MAX:
        local = _LOCAL_MIN
    parts = [image[at : at + local]]
    (next_page,) = struct.unpack_from(">I", image, at + local)
    left = size - local
    while left > 0:
        following = pages.newest(next_page)
        if following is None:
            return None
        parts.append(following[4 : 4 + left])
        left -= PAGE_BYTES - 4
        (next_page,) = struct.unpack_from(">I", following)
    return b"".join(parts)


def _of(offset: int, payload: bytes) -> Row | None:
    """Columns offset (stored as null: it is the row's own number), time_ms, value, and crc unless it is an old record."""
    end, at = _varint(payload, 0)
    types = []
    while at < end:
        type_, at = _varint(payload, at)
        types.append(type_)
    if len(types) not in (3, 4) or types[0] != 0 or types[1] not in _INTEGER_BYTES or types[2] < _BLOB or types[2] % 2:
        return None
    time_ms, at = _integer(payload, end, types[1])
    value_bytes = (types[2] - _BLOB) // 2
    value, at = payload[at : at + value_bytes], at + value_bytes
    crc = None
    if len(types) == 4:
        if types[3] in _INTEGER_BYTES:
            crc, at = _integer(payload, at, types[3])
        elif types[3] != 0:
            return None
    return Row(offset, time_ms, value, crc) if at == len(payload) else None


def _integer(payload: bytes, at: int, type_: int) -> tuple[int, int]:
    if type_ in (8, 9):
        return type_ - 8, at
    size = _INTEGER_BYTES[type_]
    return int.from_bytes(payload[at : at + size], "big", signed=True), at + size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 9 bytes, seven bits a byte, the ninth whole; and where it ends."""
    value = 0
    for _ in range(8):
        byte = content[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at
    return value << 8 | content[at], at + 1

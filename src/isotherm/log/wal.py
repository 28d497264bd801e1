"""The write-ahead log as SQLite writes it, read without SQLite: which commits stand in it, sound or not.

    0             32                56
    ├ header ─────┼ frame header ───┼ page ───┼ … ┼ frame ┼ …
                    page number · pages of the database after a commit, else 0 · salts · checksum

SQLite takes the frames up to the first whose checksum is wrong, and says nothing of those behind it. A frame with the salts of this log
that ends a commit, and that SQLite did not take, was durable once. A log begun anew writes over the old one from its start with other
salts, so frames with others are older and mean nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["PAGE_BYTES", "Frame", "WriteAheadLog", "read_wal", "wal_of"]

PAGE_BYTES: Final = 4096  #: of our databases, SQLite's default
_HEADER_BYTES: Final = 32
_FRAME: Final = struct.Struct(">II8s8x")
_MAGIC_BIG_ENDIAN: Final = 1  #: lowest bit of the magic: the checksums' words are big-endian


class Frame(NamedTuple):
    """One image of a page. `number` counts from 1, as SQLite counts frames."""

    number: int
    page: int
    ends_commit: bool
    at: int  #: where the image begins in the file


@dataclass(slots=True, frozen=True)
class WriteAheadLog:
    """The frames of this log, in order."""

    content: bytes
    frames: list[Frame]
    torn: bool  #: it ends within a frame: a write was cut short

    @property
    def last_commit(self) -> int:
        """The number of the last frame that ends a commit; 0: there is none."""
        return next((frame.number for frame in reversed(self.frames) if frame.ends_commit), 0)


def wal_of(path: Path) -> Path:
    """Where the write-ahead log of a database stands."""
    return path.with_name(path.name + "-wal")


def read_wal(path: Path) -> WriteAheadLog:
    """The write-ahead log beside the database `path`; without frames where there is none. Raises `OSError`."""
    try:
        content = wal_of(path).read_bytes()
    except FileNotFoundError:
        content = b""
    size = _FRAME.size + PAGE_BYTES
    number = max(0, len(content) - _HEADER_BYTES) // size
    torn = 0 < len(content) != _HEADER_BYTES + number * size
    if not number:
        return WriteAheadLog(content, [], torn)
    first_salts = _FRAME.unpack_from(content, _HEADER_BYTES)[2]
    salts = content[16:24] if _is_sound(content[:_HEADER_BYTES]) else first_salts  # a damaged header hides sound frames
    frames = []
    for index in range(number):
        at = _HEADER_BYTES + index * size
        page, pages_after, found = _FRAME.unpack_from(content, at)
        if found == salts:
            frames.append(Frame(index + 1, page, pages_after > 0, at + _FRAME.size))
    return WriteAheadLog(content, frames, torn)


def _is_sound(header: bytes) -> bool:
    order = ">" if header[3] & _MAGIC_BIG_ENDIAN else "<"
    first = second = 0
    words = struct.unpack(f"{order}6I", header[:24])
    for at in range(0, 6, 2):  # SQLite's checksum, of two words at a time
        first = (first + words[at] + second) & 0xFFFFFFFF
        second = (second + words[at + 1] + first) & 0xFFFFFFFF
    return struct.pack(">II", first, second) == header[24:32]

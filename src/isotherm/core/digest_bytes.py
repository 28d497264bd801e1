"""A digest (`digest`) as bytes: a magic word, a checksum, two lengths, a head in JSON (tables of names, columns' types and lengths), the
names of sessions and loads in JSON, which are most of all names and are decoded when somebody asks for them; then the columns, each in the
smallest type that holds it. What is counted, most of the bytes, lies behind and has a checksum of its own, in the head: of old records it
need not be read.

    magic │ CRC-32 of ▸ │ bytes of the head │ bytes of all up to ◂ │ head │ names │ columns remembered ◂ │ columns counted

"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from isotherm.core.layers import DEVICES, KINDS
from isotherm.core.views import View

__all__ = [
    "BEGIN_BYTES",
    "COUNTED",
    "FORMAT",
    "NOBODY",
    "REMEMBERED",
    "STRETCH",
    "Column",
    "DigestError",
    "Head",
    "Named",
    "Packed",
    "Setting",
    "Tables",
    "counted_in",
    "remembered_bytes",
    "remembered_in",
    "written",
]

_MAGIC: Final = b"isotherm-digest5"  #: its last character is new where what stands here at the beginning is
FORMAT: Final = 6  #: to be counted up where a column is added or means something else: digests of others are not read
_BEGIN: Final = struct.Struct("<16sIII")  #: magic, checksum of the rest of what is remembered, bytes of the head and of all of it
BEGIN_BYTES: Final = _BEGIN.size  #: enough of a digest for `remembered_bytes`
_CHECKED_FROM: Final = 20
NOBODY: Final = -1
_SIZES: Final = {"|u1": 1, "<u2": 2, "<u4": 4, "<i8": 8, "<f8": 8}  #: the types of columns, bytes of an element
_BASE_MAX: Final = 2**63
STRETCH: Final = ("page", "person", "device", "top", "bottom", "start_ms", "end_ms")
REMEMBERED: Final = (
    "record.offset", "record.taken", "record.arrived", "record.pages", "record.runs", "record.rows", "record.samples", "record.clicks",
    "record.zone_rows", "record.stretches", "page.place", "page.newest", "page.origin", "page.visitors",
    "run.page", "run.session", "run.load", "run.seq", "run.size", "run.last", "run.width", "run.height",
    "click.run", "click.time", "click.x", "click.y", "click.device", "click.zone", "click.in_x", "click.in_y",
    "view.page", "view.session", *(f"view.{name}" for name in View._fields),
)  # fmt: skip
COUNTED: Final = (
    "row.page", "row.layer", "row.pane", "row.tile", "row.count", "sample.row",
    "zone.page", "zone.zone", "zone.pane", "zone.kind", "zone.person", "zone.count", "session.hash",
    *(f"stretch.{name}" for name in STRETCH),
)  # fmt: skip

Column = npt.NDArray[Any]


class DigestError(Exception):
    """Bytes that are no digest, not a whole one, or one of another release."""


class Setting(NamedTuple):
    """What counting depends on: a digest that was counted otherwise is not read."""

    grid_size: int
    hop_ms: int
    people: bool  #: whether it is kept who is behind the counts

    def __str__(self) -> str:
        return f"grid {self.grid_size}, hop {self.hop_ms} ms, {'people' if self.people else 'nobody'}"


class Head(msgspec.Struct):
    format: int
    setting: str
    kinds: list[str]
    devices: list[str]
    pages: list[str]
    origins: list[str]
    zones: list[str]
    people: bool  #: the rows tell who is behind them
    named: int  #: bytes of the names behind it
    checked: int  #: CRC-32 of the columns counted
    columns: list[tuple[str, str, int, int]]  #: name, type, length, and what is to be added to each element


class Tables(msgspec.Struct):
    sessions: list[str]
    loads: list[str]


_head_decoder = msgspec.json.Decoder(Head)
_tables_decoder = msgspec.json.Decoder(Tables)


class Named:
    """The tables of sessions and loads: decoded once, when they are asked for."""

    __slots__ = ("_found", "_loads", "_sessions", "_text")

    def __init__(self, text: bytes | memoryview, found: Tables | None = None, *, sessions: int = 0, loads: int = 0) -> None:
        """At least so many names are places meant in."""
        self._text, self._found, self._sessions, self._loads = text, found, sessions, loads

    @property
    def tables(self) -> Tables:
        """Raises `DigestError`."""
        if self._found is None:
            try:
                self._found = _tables_decoder.decode(self._text)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise DigestError(f"its names can't be read: {error}") from None
            if len(self._found.sessions) < self._sessions or len(self._found.loads) < self._loads:
                self._found = None
                raise DigestError("its names are not all there")
        return self._found


class Packed(NamedTuple):
    """A column in the smallest type that holds it."""

    values: Column
    base: int  #: to be added

    @staticmethod
    def of(column: Column) -> Packed:
        if column.dtype.kind == "f":
            return Packed(column.astype("<f8"), 0)
        base = int(column.min()) if len(column) else 0
        span = int(column.max()) - base if len(column) else 0
        dtype = next((dtype for dtype in ("<u1", "<u2", "<u4") if span <= np.iinfo(dtype).max), "<i8")
        narrow = np.empty(len(column), dtype)  # less than 2^64 apart: what wraps in the column's own type is right in this one
        return Packed(np.subtract(column, column.dtype.type(base), out=narrow, casting="unsafe"), base)

    @property
    def wraps(self) -> bool:
        """Whether some of it leaves 64 bits once the base is added: then nothing can be told of it by its least and its most."""
        if self.values.dtype != np.int64 or not self.base or not len(self.values):
            return False
        return not -(2**63) <= int(self.values.min()) + self.base <= int(self.values.max()) + self.base < 2**63

    def wide(self, start: int = 0, end: int | None = None, dtype: type[np.generic] = np.int64) -> Column:
        values = self.values[start:end].astype(dtype)
        if self.base:  # it may be beyond a narrower type although the sum is not: both come round in it, and the sum is right
            values += np.int64(self.base).astype(dtype)
        return values


def written(head: Head, columns: Mapping[str, Packed], tables: Tables) -> bytes:
    """The bytes; what the head says of them is put in."""
    head.columns = [(name, values.dtype.str, len(values), base) for name, (values, base) in columns.items()]
    remembered, counted = ([columns[name].values.tobytes() for name in names] for names in (REMEMBERED, COUNTED))
    names = msgspec.json.encode(tables)
    head.named, head.checked = len(names), _checksum(counted)
    encoded = msgspec.json.encode(head)
    lengths = struct.pack("<II", len(encoded), BEGIN_BYTES + len(encoded) + len(names) + sum(map(len, remembered)))
    checked = struct.pack("<I", _checksum([lengths, encoded, names, *remembered]))
    return b"".join([_MAGIC, checked, lengths, encoded, names, *remembered, *counted])


def remembered_bytes(begin: bytes) -> int:
    """How many bytes of a digest that begins so are what is remembered. Raises `DigestError`."""
    if len(begin) < BEGIN_BYTES:
        raise DigestError("it is cut short")
    magic, _, _, length = _BEGIN.unpack_from(begin)
    if magic != _MAGIC:
        raise DigestError("it is damaged, or of another release")
    return int(length)


def remembered_in(content: bytes | memoryview, setting: Setting) -> tuple[Head, dict[str, Packed], Named]:
    """What is remembered, from as many bytes. Raises `DigestError`, also where another release counted it, or under another `setting`."""
    if len(content) < BEGIN_BYTES:
        raise DigestError("it is cut short")
    magic, checked, head_bytes, length = _BEGIN.unpack_from(content)
    if magic != _MAGIC or length != len(content) or zlib.crc32(memoryview(content)[_CHECKED_FROM:]) != checked:
        raise DigestError("it is damaged")
    at = BEGIN_BYTES + head_bytes
    try:
        head = _head_decoder.decode(memoryview(content)[BEGIN_BYTES:at])
    except msgspec.MsgspecError as error:
        raise DigestError(f"it is of another release: {error}") from None
    named = tuple(name for name, *_ in head.columns)
    same = (head.format, head.setting, head.kinds, head.devices) == (FORMAT, str(setting), list(KINDS), list(DEVICES))
    if not same or named != REMEMBERED + COUNTED:
        raise DigestError("it was counted by another release, or under other settings")
    if head.named < 0:
        raise DigestError("it is not whole")
    columns = _unpacked(head, REMEMBERED, content, at + head.named)
    if not len(columns["record.offset"].values):
        raise DigestError("it is not whole")
    sessions, loads = (_places(columns, *names) for names in (("run.session", "view.session"), ("run.load",)))
    return head, columns, Named(memoryview(content)[at : at + head.named], sessions=sessions, loads=loads)


def counted_in(content: bytes | memoryview, head: Head) -> dict[str, Packed]:
    """What is counted, from the bytes behind those. Raises `DigestError`."""
    if zlib.crc32(content) != head.checked:
        raise DigestError("it is damaged")
    return _unpacked(head, COUNTED, content, 0)


def _unpacked(head: Head, names: Sequence[str], content: bytes | memoryview, at: int) -> dict[str, Packed]:
    """These of the head's columns, which lie in `content` from `at` to the end. Raises `DigestError`."""
    columns = {}
    for name, dtype, length, base in head.columns:
        if name in names:
            size = _SIZES.get(dtype)
            if size is None or not 0 <= length * size <= len(content) - at or not -_BASE_MAX <= base < _BASE_MAX:
                raise DigestError(f"its column {name} is none: {length} of {dtype}, from {base} on")
            columns[name] = column = Packed(np.frombuffer(content, dtype, length, at), base)
            if column.wraps:
                raise DigestError(f"its column {name} is none: from {base} on, it leaves 64 bits")
            at += column.values.nbytes
    if at != len(content):
        raise DigestError("it is not whole")
    return columns


def _places(columns: Mapping[str, Packed], *names: str) -> int:
    """How many elements a table has at least that these columns are places in."""
    return max((int(columns[name].values.max()) + columns[name].base + 1 for name in names if len(columns[name].values)), default=0)


def _checksum(parts: Sequence[bytes]) -> int:
    checked = 0
    for part in parts:
        checked = zlib.crc32(part, checked)
    return checked

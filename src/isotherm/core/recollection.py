"""Recollection: what Group By remembers of batches and sessions at one moment, so that a start need not meet ten minutes of batches again.

It is taken about once a minute, where a digest ends, and lies beside it: who was where, and which numbers of each load were seen
(`presence`, `repeats`). What comes after that digest is met as ever. As bytes, all of it or none:

    magic │ CRC-32 of ▸ │ MessagePack of `_Written`
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, NamedTuple

import msgspec

from isotherm.core.limits import TIME_MS_MAX
from isotherm.core.pages import Page

__all__ = ["Load", "Numbers", "Recollection", "RecollectionError", "Where"]

_MAGIC: Final = b"isotherm-memory1"  #: its last character is new where anything else is
_BEGIN: Final = struct.Struct("<16sI")

Load = tuple[str, str]  #: session, load
Numbers = int | tuple[int, int, tuple[int, ...] | None]  #: all below were seen; or those from a start to before an end, and these
Where = dict[tuple[str, str], tuple[str, int]]  #: (site, session) -> page key, last seen


class RecollectionError(Exception):
    """Bytes that are none, not a whole one, or one of another release."""


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]  #: those who go on from it add to it, in 64 bits
_Time = Annotated[int, msgspec.Meta(ge=-TIME_MS_MAX, le=TIME_MS_MAX)]


class _Written(msgspec.Struct, array_like=True):
    """Columns, one element a load (the young before the old), one a session."""

    turned_ms: _Time | None
    young: _Count
    session: list[str]
    load: list[str]
    below: list[_Count]
    #: place of the load, and its numbers where these are not all below one
    odd: list[tuple[_Count, _Count, _Count, tuple[_Count, ...] | None]]
    pages: list[str]  #: a table
    sites: list[str]  #: another
    who: list[str]
    site: list[_Count]  #: place in its table, as the page
    page: list[_Count]
    last_ms: list[_Time]


_decoder = msgspec.msgpack.Decoder(_Written)


class Recollection(NamedTuple):
    """Nobody changes it: it was copied."""

    turned_ms: int | None
    young: Mapping[Load, Numbers]
    old: Mapping[Load, Numbers]
    where: Where

    def to_bytes(self) -> bytes:
        loads = [*self.young, *self.old]
        numbers = [*self.young.values(), *self.old.values()]
        pages = _table(page for page, _ in self.where.values())
        sites = _table(site for site, _ in self.where)
        written = _Written(
            turned_ms=self.turned_ms,
            young=len(self.young),
            session=[session for session, _ in loads],
            load=[load for _, load in loads],
            below=[number if isinstance(number, int) else 0 for number in numbers],
            odd=[(at, *number) for at, number in enumerate(numbers) if not isinstance(number, int)],
            pages=list(pages),
            sites=list(sites),
            who=[session for _, session in self.where],
            site=[sites[site] for site, _ in self.where],
            page=[pages[page] for page, _ in self.where.values()],
            last_ms=[last_ms for _, last_ms in self.where.values()],
        )
        content = msgspec.msgpack.encode(written)
        return _BEGIN.pack(_MAGIC, zlib.crc32(content)) + content

    @staticmethod
    def from_bytes(content: bytes) -> Recollection:
        """Raises `RecollectionError`."""
        rest = memoryview(content)[_BEGIN.size :]
        if len(content) < _BEGIN.size or _BEGIN.unpack_from(content) != (_MAGIC, zlib.crc32(rest)):
            raise RecollectionError("it is damaged, or of another release")
        try:
            written = _decoder.decode(rest)
            numbers: list[Numbers] = [*written.below]
            for at, start, floor, others in written.odd:
                numbers[at] = (start, floor, others)
            seen = list(zip(zip(written.session, written.load, strict=True), numbers, strict=True))
            for page in written.pages:
                Page.from_key(page)
            sites, pages = map(written.sites.__getitem__, written.site), map(written.pages.__getitem__, written.page)
            where = dict(zip(zip(sites, written.who, strict=True), zip(pages, written.last_ms, strict=True), strict=True))
        except (msgspec.MsgspecError, ValueError, IndexError) as error:
            raise RecollectionError(f"it is of another release: {error}") from None
        return Recollection(written.turned_ms, dict(seen[: written.young]), dict(seen[written.young :]), where)


def _table(names: Iterable[str]) -> dict[str, int]:
    """Each name's place, in the order they came."""
    return {name: place for place, name in enumerate(dict.fromkeys(names))}

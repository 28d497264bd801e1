"""Receiving: frames that come whole are taken right where they come in, before the library's protocol and parser see them.

What a frame of a tracker takes on its way through these is more than what is done with it. Most that comes is one whole frame, or some, and
nothing besides; so a protocol of our own stands before the library's (`Ahead`), hands those frames to whoever takes them at once, and gives
all else to the library as it came: frames in parts, messages in parts, pings, goodbyes, whatever breaks a rule, and what nobody took.

    transport ──▶ Ahead ──┬── whole frames: one compiled call takes them out of their mask (`sending.c`) ──▶ at once
                          └── all else ──▶ the library's protocol ──▶ its parser ──▶ its queue

What the library is given is a stream of whole messages of its own: it is left out between two frames alone. Where one ends that it is still
reading is told by walking over heads; where that can't be told (a head in parts, a message in parts), or something was wrong, all of that
connection goes to the library from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

__all__ = ["Ahead", "walked"]

_LOST: Final = -1
_DATA: Final = frozenset((0x81, 0x82))  #: first bytes of frames that are a message of their own: text, bytes
_CONTROL: Final = frozenset((0x89, 0x8A))  #: ping, pong
_TWO_BYTES: Final = 126  #: instead of a length: two bytes of one follow; one more: eight
_MASK_BYTES: Final = 4


class Ahead(asyncio.Protocol):
    """Stands before `behind`. `take` is asked with the frames' payloads, and says how many of them it took."""

    __slots__ = ("_behind", "_most", "_payloads", "_rest", "_take")

    def __init__(
        self, behind: asyncio.Protocol, most: int, payloads: Callable[[int, bytes], list[bytes] | None], take: Callable[[list[bytes]], int]
    ) -> None:
        """`payloads` gives those of whole, masked frames of at most so many bytes; None: there is something else in the data."""
        self._behind = behind
        self._most = most
        self._payloads = payloads
        self._take = take
        self._rest = 0  #: bytes of a frame that `behind` is reading, still to come

    def data_received(self, data: bytes) -> None:
        if self._rest == 0:
            found = self._payloads(self._most, data)
            if found is not None:
                taken = self._take(found)
                if taken == len(found):
                    return
                self._behind.data_received(data[sum(map(_frame_bytes, found[:taken])) :])
                return
        self._rest = walked(self._rest, data, self._most)
        self._behind.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._take = _nothing
        self._behind.connection_lost(error)

    def eof_received(self) -> bool | None:
        return self._behind.eof_received()

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()


def _nothing(_payloads: list[bytes]) -> int:
    return 0


def _frame_bytes(payload: bytes) -> int:
    """Of a frame of a client's."""
    size = len(payload)
    return size + 2 + _MASK_BYTES + (0 if size < _TWO_BYTES else 2 if size < 1 << 16 else 8)


def walked(rest: int, data: bytes, most: int) -> int:
    """How many bytes of the last frame are still to come once these were read, `rest` of which belong to one that began before.

    Below 0: that can't be told, or what came may be wrong, and nothing may be taken after it. `most`: bytes that a message may have.
    """
    at, end = rest, len(data)
    while _LOST < at < end:
        if at + 2 > end:
            return _LOST
        size, head, is_control = data[at + 1] & 0x7F, 2, data[at] in _CONTROL
        if size >= _TWO_BYTES:
            wide = 2 if size == _TWO_BYTES else 8
            size, head = int.from_bytes(data[at + 2 : at + 2 + wide], "big"), 2 + wide
        if at + head > end or size > (_TWO_BYTES - 1 if is_control else most) or not (is_control or data[at] in _DATA):
            return _LOST
        at += head + size + (_MASK_BYTES if data[at + 1] & 0x80 else 0)
    return max(_LOST, at - end)

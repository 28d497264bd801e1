"""Turns: reading what trackers say takes so much of the event loop at a time, then everything else has its turn.

A socket's frames are taken without a pause as long as there are any, and one after the other all sockets' that have some. Where more
comes than can be taken there always are: hops, viewers and requests would wait for seconds. So reading that went on for `_TURN_S` stops,
and who wants to go on stands in a queue. At each turn of the loop as many of the queue go on as took no longer than that before; each
takes at least one frame, so whoever says little is never behind those who say much by more than one round. What a socket can't be rid of
waits in the kernel, and in the end at its sender.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Final

__all__ = ["Turns"]

_TURN_S: Final = 0.010
_AT_ONCE_MAX: Final = 1024
_SPELL_S: Final = 0.002  #: what is read within so long, after as long a pause or what was counted, is not counted: it can't be much


class Turns:
    """Ask `spent` before each frame; where it is so, wait for the `next` turn. `now_s` may be any clock that only goes forward."""

    def __init__(self, now_s: Callable[[], float] = perf_counter) -> None:
        self._now_s = now_s
        self._reading = False  #: somebody read in this turn of the loop
        self._since_s = 0.0
        self._newest_s = self._spell_s = float("-inf")
        self._queue: deque[tuple[asyncio.Future[None], float]] = deque()
        self._at_once = 1
        self._too_long = False

    def spent(self) -> bool:
        """Whether reading has gone on for long enough in this turn of the loop."""
        now_s = self._now_s()
        if not self._reading:
            paused, self._newest_s = now_s - self._newest_s > _SPELL_S, now_s
            if paused:
                self._spell_s = now_s
            elif now_s - self._spell_s > _SPELL_S:
                self._read_from_now()
            return False
        if now_s - self._since_s <= _TURN_S:
            return False
        self._too_long = True
        return True

    async def next(self) -> None:
        """Returns when it is one's turn, to take one frame at least."""
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        if not self._queue:
            loop.call_soon(self._begin)
        self._queue.append((mine, self._now_s()))
        await mine

    @property
    def waited_s(self) -> float:
        """For how long the first of the queue has stood there; 0 where nobody does."""
        return self._now_s() - self._queue[0][1] if self._queue else 0.0

    def _read_from_now(self) -> None:
        self._reading = True
        self._since_s = self._spell_s = self._now_s()
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._reading = False

    def _begin(self) -> None:
        """A turn of the loop: the first of the queue go on."""
        self._at_once = max(1, self._at_once // 2) if self._too_long else min(_AT_ONCE_MAX, self._at_once * 2)
        self._too_long = False
        self._read_from_now()
        for _ in range(min(self._at_once, len(self._queue))):
            mine, _ = self._queue.popleft()
            if not mine.done():  # its socket is gone
                mine.set_result(None)
        if self._queue:
            asyncio.get_running_loop().call_soon(self._begin)

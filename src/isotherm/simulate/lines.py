"""Lines from anywhere, a few at a time: whoever reads gets what is there now and waits only for the first one.

A file or a pipe blocks while it has nothing, so it is read in a thread of its own. However long the source, only so many
lines are held.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Final

__all__ = ["Lines"]

_HELD_MAX: Final = 4_000


class Lines:
    """An asynchronous context around a source; lines come with their numbers, from 1."""

    def __init__(self, source: AsyncIterator[bytes] | Iterable[bytes]) -> None:
        self._source = source
        self._held: deque[tuple[int, bytes]] = deque()
        self._ended = False
        self._failure: BaseException | None = None
        self._stopped = False
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()  # a line came, or the end
        self._taken = asyncio.Event()  # there is room again, for a task that fills
        self._room = threading.Condition()  # the same, for a thread
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Lines:
        source = self._source
        if isinstance(source, AsyncIterator):
            self._task = asyncio.create_task(self._fill(source))
        else:
            # A daemon: a read that never returns must not keep the process from ending.
            threading.Thread(target=self._fill_in_thread, args=(source,), daemon=True).start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._room:
            self._stopped = True
            self._room.notify_all()
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def read(self, most: int) -> list[tuple[int, bytes]]:
        """At least one line, at most so many; none at the end. Raises what the source raised."""
        while not self._held and not self._ended:
            self._news.clear()
            if not self._held and not self._ended:
                await self._news.wait()
        if not self._held and self._failure:
            raise self._failure
        return self.ready(most)

    def ready(self, most: int) -> list[tuple[int, bytes]]:
        """What can be had without waiting."""
        with self._room:
            lines = [self._held.popleft() for _ in range(min(most, len(self._held)))]
            self._room.notify_all()
        self._taken.set()
        return lines

    async def _fill(self, source: AsyncIterator[bytes]) -> None:
        number = 0
        try:
            async for line in source:
                number += 1
                self._held.append((number, line))
                self._news.set()
                while len(self._held) >= _HELD_MAX:
                    self._taken.clear()
                    await self._taken.wait()
        except Exception as error:
            self._failure = error
        finally:
            self._ended = True
            self._news.set()

    def _fill_in_thread(self, source: Iterable[bytes]) -> None:
        try:
            for numbered in enumerate(source, 1):
                with self._room:
                    self._room.wait_for(lambda: len(self._held) < _HELD_MAX or self._stopped)
                    if self._stopped:
                        return
                    self._held.append(numbered)
                    first = len(self._held) == 1
                if first:
                    self._tell()
        except Exception as error:
            self._failure = error
        finally:
            self._ended = True
            self._tell()

    def _tell(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._news.set)

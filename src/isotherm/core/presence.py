"""Presence: how many sessions are on each page now. A session is on the page of its last sample, until it has been silent.

Expiry looks only at those that may be due: sessions wait in buckets of a second, by the time that they were last put there, and
are put anew when they turn out to have moved since. Of many that are due together, so many are looked at in one turn that all who are
present would be within a quarter of the time that a session may be silent; the others wait, still present.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat

from isotherm.core.limits import PRESENT_MS

__all__ = ["Presence"]

_BUCKET_MS = 1000
_AT_ONCE = 4_000  #: sessions that are looked at in any case, some 3 ms


class Presence:
    """Feed `seen`, call `expire` once in a while, take `changes`."""

    def __init__(self, present_ms: int = PRESENT_MS) -> None:
        self._present_ms = present_ms
        self.where: dict[tuple[str, str], tuple[str, int]] = {}  #: (site, session) -> page key, last seen
        self._due: dict[int, list[tuple[str, str]]] = {}  # bucket of the second in which to look again
        self._overdue: deque[tuple[str, str]] = deque()  # those that come first in the next turn
        self._expired_ms: int | None = None
        self._next_bucket: int | None = None
        self.on_pages: dict[str, int] = {}  #: sessions on each page, where there are any
        self._changed: set[str] = set()
        self.before_look: Callable[[list[tuple[str, str]]], None] | None = None  #: told whose `where` is to be read
        self.moved: Callable[[str, int], None] | None = None  #: told how many sessions are on a page from now on

    def __len__(self) -> int:
        """Sessions present anywhere."""
        return len(self.where)

    def on(self, page_key: str) -> int:
        """Sessions on the page."""
        return self.on_pages.get(page_key, 0)

    def on_each(self, page_keys: Iterable[str]) -> list[int]:
        """Sessions on each of these pages."""
        return list(map(self.on_pages.get, page_keys, repeat(0)))

    def seen(self, site: str, session: str, page_key: str, time_ms: int) -> None:
        """A session had a sample on a page at that event time."""
        who = (site, session)
        before = self.where.get(who)
        if before is None:
            self._wait(who, time_ms)
            self._move(page_key, 1)
        elif before[1] > time_ms:
            return  # late news; where it is now is known already
        elif before[0] != page_key:
            self._move(before[0], -1)
            self._move(page_key, 1)
        self.where[who] = (page_key, time_ms)

    def restore(self, where: Mapping[tuple[str, str], tuple[str, int]]) -> None:
        """Takes up what `where` was, where nothing is known yet."""
        assert not self.where, "a start"
        for (site, session), (page_key, last_ms) in where.items():
            self.seen(site, session, page_key, last_ms)

    def expire(self, now_ms: int) -> None:
        """Lets sessions go that were silent. A step of the clock back only keeps them longer."""
        bucket = now_ms // _BUCKET_MS
        since_ms = now_ms - self._expired_ms if self._expired_ms is not None else self._present_ms
        self._expired_ms = now_ms
        if not self._due and not self._overdue:
            self._next_bucket = bucket
            return
        if self._next_bucket is None:  # after a start some may have been silent for long
            self._next_bucket = min(self._due, default=bucket)
        if bucket - self._next_bucket > len(self._due):  # after a leap of the clock: only the buckets that exist
            due = sorted(number for number in self._due if number < bucket)
        else:
            due = [number for number in range(self._next_bucket, bucket) if number in self._due]
        self._next_bucket = max(bucket, self._next_bucket)
        for number in due:
            self._overdue.extend(self._due.pop(number))
        at_once = max(_AT_ONCE, 4 * len(self.where) * max(since_ms, 0) // self._present_ms)
        whos = [self._overdue.popleft() for _ in range(min(at_once, len(self._overdue)))]
        if whos and self.before_look is not None:
            self.before_look(whos)
        for who in whos:
            page_key, last_ms = self.where[who]
            if last_ms + self._present_ms <= now_ms:
                del self.where[who]
                self._move(page_key, -1)
            else:
                self._wait(who, last_ms)

    def changes(self) -> dict[str, int]:
        """Pages whose number changed since the last call, with their number now."""
        if not self._changed:
            return {}
        changed = {page_key: self.on_pages.get(page_key, 0) for page_key in self._changed}
        self._changed.clear()
        return changed

    def _wait(self, who: tuple[str, str], last_ms: int) -> None:
        bucket = (last_ms + self._present_ms) // _BUCKET_MS + 1
        if self._next_bucket is not None:
            bucket = max(bucket, self._next_bucket)
        self._due.setdefault(bucket, []).append(who)

    def _move(self, page_key: str, by: int) -> None:
        number = self.on_pages.get(page_key, 0) + by
        if number:
            self.on_pages[page_key] = number
        else:
            self.on_pages.pop(page_key, None)
        self._changed.add(page_key)
        if self.moved is not None:
            self.moved(page_key, number)

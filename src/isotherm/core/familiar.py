"""Familiar events: those of a socket that goes on as before, each taken in one call.

Most of what comes over a socket as single events is one session on one page. Whatever had to be found for such an event (its site and page,
its session's rates, whether all of them are known) is the same for the next, and stands in the socket's `Voice`:

    long way    bytes ─▶ decode ─▶ find, judge, count ─▶ gathered, and a voice made of what was found
    short way   bytes ─▶ decode ─▶ what the voice says? within all rates? ─▶ gathered
                                       └─ no: nothing was changed, the long way decides

So the short way refuses nothing and knows no rule of its own: it takes what the long way would take, in the same way, or leaves it to it.
A voice holds until `forget`, which whoever keeps what it was made of calls when some of that goes, and within the time that `span` allows,
so that they look at the clock now and then.

It is here twice (`counting`): compiled (`loops/familiar.c`), or in Python; what comes alone finds cold caches, where each step of Python's
costs several times what it does in a loop.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from isotherm.core import counting
from isotherm.core.gathering import Gathering
from isotherm.core.layers import device_of
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD
from isotherm.core.sites import Site, Sites

__all__ = ["FIRST", "NOT_TAKEN", "TAKEN", "Familiar", "FamiliarInPython", "Voice", "VoiceInPython", "familiar", "voice"]

NOT_TAKEN: Final = 0
TAKEN: Final = 1
FIRST: Final = 2  #: taken, and there was nothing gathered before
_NO_SEQ: Final = 0
_COUNTED: Final = ("messages", "samples")


class Voice(Protocol):
    """What a socket said last, and what was found for it. Opaque: made by `voice`, and given to `Familiar.take`."""


class Familiar(Protocol):
    """One for a gate."""

    @property
    def epoch(self) -> int:
        """Voices of another one hold no more."""
        ...

    def begin(
        self, columns: Gathering, pages: dict[Page, int], origins: list[str | None], sessions: dict[str, int], numbers: array[int], /
    ) -> None:
        """What is gathered from now on, and the tables that it names things by."""

    def rates(
        self, session_each_ms: float, session_burst_ms: float, address_each_ms: float, address_burst_ms: float, address_most_ms: float, /
    ) -> None:
        """How long an event is paid for, and how far ahead of the clock; `address_most_ms`: no more of that is remembered."""

    def span(self, from_ms: int, until_ms: int, /) -> None:
        """Only from then to (not including) then is anything taken."""

    def forget(self) -> None:
        """No voice holds any more."""

    def take(self, voice: Voice | None, data: bytes, now_ms: int, /) -> int:
        """Whether the event was taken."""
        ...


def familiar(
    decode: Callable[[bytes], Any], kinds: Mapping[str, int], counted: dict[str, int], sites: Sites, skew_ms: int, most: int
) -> Familiar:
    """`decode` gives the classic event or raises; `kinds` are those that are wanted, by type; `most` samples are gathered, no more."""
    made = counting.compiled.Familiar if counting.compiled is not None else FamiliarInPython
    return made(decode, dict(kinds), counted, sites, skew_ms, most)


def voice(
    of: Familiar, path: str, query: str | None, fallback: str | None, session: str, site: Site, page: Page, key: str, origin: str | None,
    number: int, paid_ms: dict[str, float] | None, address_paid_ms: list[float] | None,
) -> Voice:  # fmt: skip
    """The voice of an event that was taken the long way.

    `path` and `query` as they came, `fallback` the session of those that name none; `key` of the page; `paid_ms`: until when the session's
    pages are paid, None where no rate of a session holds; `address_paid_ms`: the same of its address, a list of one.
    """
    made = counting.compiled.Voice if isinstance(of, _Compiled) else VoiceInPython
    return made(
        of.epoch, path, query if site.has_rules else None, site.has_rules, fallback, session, site, site.key, page, key, origin, number,
        paid_ms, address_paid_ms,
    )  # fmt: skip


_Compiled: Final[Any] = counting.compiled.Familiar if counting.compiled is not None else ()


@dataclass(slots=True)
class VoiceInPython:
    """`Voice` without the compiled loops."""

    epoch: int
    path: str
    query: str | None
    ruled: bool  #: the site has rules, and the page may depend on the query
    fallback: str | None
    session: str
    site: Site
    site_key: str
    page: Page
    key: str
    origin: str | None
    number: int
    paid_ms: dict[str, float] | None
    address_paid_ms: list[float] | None


class FamiliarInPython:
    """`Familiar` without the compiled loops."""

    def __init__(
        self, decode: Callable[[bytes], Any], kinds: dict[str, int], counted: dict[str, int], sites: Sites, skew_ms: int, most: int, /
    ) -> None:
        self._decode, self._kinds, self._counted, self._sites, self._skew_ms, self._most = decode, kinds, counted, sites, skew_ms, most
        self.epoch = 0
        self._from_ms, self._until_ms = -(1 << 62), 1 << 62
        self._each_ms = self._burst_ms = self._address_each_ms = self._address_burst_ms = self._address_most_ms = 0.0

    def begin(
        self, columns: Gathering, pages: dict[Page, int], origins: list[str | None], sessions: dict[str, int], numbers: array[int], /
    ) -> None:
        self._columns, self._pages, self._origins, self._sessions, self._numbers = columns, pages, origins, sessions, numbers

    def rates(
        self, session_each_ms: float, session_burst_ms: float, address_each_ms: float, address_burst_ms: float, address_most_ms: float, /
    ) -> None:
        self._each_ms, self._burst_ms = session_each_ms, session_burst_ms
        self._address_each_ms, self._address_burst_ms, self._address_most_ms = address_each_ms, address_burst_ms, address_most_ms

    def span(self, from_ms: int, until_ms: int, /) -> None:
        self._from_ms, self._until_ms = from_ms, until_ms

    def forget(self) -> None:
        self.epoch += 1

    def take(self, voice: Voice | None, data: bytes, now_ms: int, /) -> int:
        if not isinstance(voice, VoiceInPython) or not self._holds(voice, now_ms):
            return NOT_TAKEN
        try:
            event = self._decode(data)
        except Exception:  # the long way says what is wrong with it
            return NOT_TAKEN
        kind, window, point = self._kinds.get(event.type), event.window, event.point
        if kind is None or window is None or point is None or not self._says_the_same(event, voice):
            return NOT_TAKEN
        time_ms = now_ms if event.timestamp is None else math.floor(max(event.timestamp, 0.0))
        if (event.timestamp is not None and event.timestamp > now_ms + self._skew_ms) or not self._pay(voice, time_ms, now_ms):
            return NOT_TAKEN
        return self._put(voice, time_ms, window, point, kind)

    def _holds(self, voice: VoiceInPython, now_ms: int) -> bool:
        """Whether the voice may hold: all that can be told before a byte is read."""
        if voice.epoch != self.epoch or not self._from_ms <= now_ms < self._until_ms or len(self._columns) >= self._most:
            return False
        address = voice.address_paid_ms
        if address is not None and address[0] - now_ms - self._address_burst_ms > 0:
            return False
        return self._sites.by_key.get(voice.site_key) is voice.site

    @staticmethod
    def _says_the_same(event: Any, voice: VoiceInPython) -> bool:
        if event.relative_path != voice.path or (event.session_id or voice.fallback) != voice.session:
            return False
        query = event.query_prams if isinstance(event.query_prams, str) else None
        return not voice.ruled or bool(query == voice.query)

    def _pay(self, voice: VoiceInPython, time_ms: int, now_ms: int) -> bool:
        """As the gate's judge has it (`weigh_event`)."""
        paid, address, address_paid_ms = voice.paid_ms, voice.address_paid_ms, 0.0
        if address is not None:
            address_paid_ms = max(min(address[0], now_ms + self._address_most_ms), now_ms) + self._address_each_ms
            if address_paid_ms > now_ms + self._address_burst_ms:
                return False
        if paid is not None:
            most_ms = now_ms + self._burst_ms
            if voice.key not in paid:
                return False
            paid_ms = max(min(paid[voice.key], most_ms), time_ms) + self._each_ms
            if paid_ms > most_ms + self._each_ms:
                return False
            del paid[voice.key]  # the newest stands last
            paid[voice.key] = paid_ms
        if address is not None:
            address[0] = address_paid_ms
        return True

    def _put(self, voice: VoiceInPython, time_ms: int, window: Any, point: Any, kind: int) -> int:
        pages, sessions = self._pages, self._sessions
        first = not pages
        at = pages.get(voice.page)
        if at is None:
            at = pages[voice.page] = len(pages)
            self._origins.append(voice.origin)
        elif voice.origin is not None:
            self._origins[at] = voice.origin
        self._columns.event(
            at, sessions.setdefault(voice.session, len(sessions)), device_of(window.width), NO_LOAD, _NO_SEQ, window.width, window.height,
            time_ms, point.x, point.y, kind,
        )  # fmt: skip
        self._numbers.append(voice.number)
        for name in _COUNTED:
            self._counted[name] += 1
        return FIRST if first else TAKEN

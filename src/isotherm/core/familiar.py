"""Familiar events: those of a socket that goes on as before, each taken in one call.

Most of what comes over a socket as single events is one session on one page. Whatever had to be found for such an event (its site and page,
its session's rates, whether all of them are known) is the same for the next, and stands in the socket's `Voice`:

    long way    bytes ─▶ decode ─▶ find, judge, count ─▶ gathered, and a voice made of what was found
    short way   bytes ─▶ decode ─▶ what the voice says? within all rates? ─▶ gathered
                                       └─ no: nothing was changed, the long way decides

So the short way refuses nothing and knows no rule of its own: it takes what the long way would take, in the same way, or leaves it to it.
A voice holds until `forget`, which whoever keeps what it was made of calls when some of that goes, and within the time that `span` allows,
so that they look at the clock now and then.

It is compiled (`loops/familiar.c`), since what comes alone finds cold caches, where each step of Python's costs several times what it
does in a loop. Without the compiled loops there is none, and all events go the long way.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from isotherm.core import counting
from isotherm.core.gathering import Gathering
from isotherm.core.pages import Page
from isotherm.core.sites import Site, Sites

__all__ = ["FIRST", "Familiar", "Voice", "familiar", "voice"]

FIRST: Final = 2  #: taken, and there was nothing gathered before


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
        """Whether the event was taken: 0, 1, or `FIRST`."""
        ...


def familiar(
    decode: Callable[[bytes], Any], kinds: Mapping[str, int], counted: dict[str, int], sites: Sites, skew_ms: int, most: int
) -> Familiar | None:
    """`decode` gives the classic event or raises; `kinds` are those that are wanted, by type; `most` samples are gathered, no more.

    None: there are no compiled loops.
    """
    return None if counting.compiled is None else counting.compiled.Familiar(decode, dict(kinds), counted, sites, skew_ms, most)


def voice(
    of: Familiar, path: str, query: str | None, fallback: str | None, session: str, site: Site, page: Page, key: str, origin: str | None,
    number: int, paid_ms: dict[str, float] | None, address_paid_ms: list[float] | None,
) -> Voice:  # fmt: skip
    """The voice of an event that was taken the long way.

    `path` and `query` as they came, `fallback` the session of those that name none; `key` of the page; `paid_ms`: until when the session's
    pages are paid, None where no rate of a session holds; `address_paid_ms`: the same of its address, a list of one.
    """
    assert counting.compiled is not None, "it made `of`"
    made: Voice = counting.compiled.Voice(
        of.epoch, path, query if site.has_rules else None, site.has_rules, fallback, session, site, site.key, page, key, origin, number,
        paid_ms, address_paid_ms,
    )  # fmt: skip
    return made

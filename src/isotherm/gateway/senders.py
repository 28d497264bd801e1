"""Senders: what is known of who is on the other end of a connection, while it lasts. Nothing of it is stored."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final, NamedTuple

__all__ = ["UNKNOWN", "Sender", "is_crawler"]

_NO_CRAWLERS: Final = frozenset({
    "http-library",  # a relay's or a test's client crawls nothing
    "browser-automation",  # our tracker says itself that a program drives its browser; a classic one is taken at its word
})  # fmt: skip


class Sender(NamedTuple):
    """Whom limits hold for."""

    address: str | None = None  #: None: no limit of an address holds (loopback)
    origin: str | None = None  #: as it came; browsers give one
    crawler: bool = False  #: it gave one, and the user agent of a known crawler

    @property
    def browser(self) -> bool:
        return self.origin is not None


UNKNOWN: Final = Sender()


@cache
def _patterns() -> list[re.Pattern[str]]:
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA  # read when the first browser comes: a start needs it not

    patterns = [entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA if not _NO_CRAWLERS & set(entry.get("tags", []))]
    return [re.compile("|".join(patterns[at : at + 25])) for at in range(0, len(patterns), 25)]  # one of all is no quicker to search


@lru_cache(maxsize=4096)
def is_crawler(user_agent: str) -> bool:
    """Whether this is the user agent of a known crawler or scanner."""
    shown = user_agent[:512]
    return any(pattern.search(shown) for pattern in _patterns())

"""Interest: who watches what. A gateway tells the others by records that last some seconds, and renews them while its viewers stay.

Beside that a record says whether somebody asks for the page's parts: the aggregators need not know, Group By does (`wishes`).
So nothing has to be taken back, and a gateway that dies is forgotten. What is written when interest ends only lets the topic be compacted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from isotherm.core.records import Interest, encode

__all__ = ["LASTS_MS", "Interests", "Part"]

Part = Literal["zones", "spots", "exposure"]

LASTS_MS: Final = 15_000
_RENEW_MS: Final = 5_000


class Interests:
    """One gateway's knowledge. `tell(page, value)` writes a record; `pace(page, watched)` hears of pages whose interest began or ended."""

    def __init__(self, tell: Callable[[str, bytes | None], None], pace: Callable[[str, bool], None]) -> None:
        self._tell = tell
        self._pace = pace
        self._here: set[str] = set()
        self._parts: dict[str, set[Part]] = {}
        self._until: dict[str, int] = {}
        self._told_ms: dict[str, int] = {}

    def watch(self, page: str, watched: bool, now_ms: int) -> None:
        """The first viewer of the page came to this gateway, or its last went."""
        if not watched:
            self._here.discard(page)
            return
        self._here.add(page)
        self._renew(page, now_ms)

    def ask(self, page: str, part: Part, asked: bool, now_ms: int) -> None:
        """Somebody at this gateway asks for such parts of the page, or nobody does any more. It changes no tracker's pace."""
        if asked:
            self._parts.setdefault(page, set()).add(part)
            self._renew(page, now_ms)
        elif part in self._parts.get(page, ()):
            self._parts[page].remove(part)
            if not self._parts[page]:
                del self._parts[page]

    def heard(self, page: str, interest: Interest, now_ms: int) -> None:
        """A record of any gateway's."""
        if interest.until > now_ms:
            self._learn(page, min(interest.until, now_ms + LASTS_MS))

    def turn(self, now_ms: int) -> None:
        """To be called about once a second."""
        for page in self._here | self._parts.keys():
            if not 0 <= now_ms - self._told_ms.get(page, 0) < _RENEW_MS:
                self._renew(page, now_ms)
        for page in [page for page, until in self._until.items() if until <= now_ms]:
            del self._until[page]
            self._pace(page, False)
        for page in [page for page, told_ms in self._told_ms.items() if page not in self._until and told_ms + LASTS_MS <= now_ms]:
            del self._told_ms[page]
            self._tell(page, None)

    def _learn(self, page: str, until_ms: int) -> None:
        new = page not in self._until
        self._until[page] = max(until_ms, self._until.get(page, 0))
        if new:
            self._pace(page, True)

    def _renew(self, page: str, now_ms: int) -> None:
        self._told_ms[page] = now_ms
        until_ms = now_ms + LASTS_MS
        watched_ms = until_ms if page in self._here else 0
        self._tell(page, encode(Interest(watched_ms, **dict.fromkeys(self._parts.get(page, ()), until_ms))))
        if watched_ms:
            self._learn(page, watched_ms)

"""Wishes: of which pages somebody asks for zones, spots or exposure, as Group By knows it while they come and go on another thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from isotherm.core.records import Interest, RecordError, decode_interest
from isotherm.runtimes.kafka.connection import INTEREST, Cluster
from isotherm.runtimes.kafka.following import Following
from isotherm.runtimes.kafka.interest import LASTS_MS
from isotherm.runtimes.kafka.whole import WholeTopic

__all__ = ["WishFollower", "Wishes"]

_PAGES_MAX: Final = 1000  #: for which parts are told at a time; further wishes wait until others end
_POLL_S: Final = 0.25

logger = logging.getLogger(__name__)


class Wishes:
    """`zones`, `spots` and `exposure` are keys of pages; they change as a whole."""

    def __init__(self) -> None:
        self.zones: frozenset[str] = frozenset()
        self.spots: frozenset[str] = frozenset()
        self.exposure: frozenset[str] = frozenset()
        self._zones: dict[str, int] = {}
        self._spots: dict[str, int] = {}
        self._exposure: dict[str, int] = {}

    def heard(self, page: str, interest: Interest, now_ms: int) -> None:
        """A record of any gateway's. Of several, the longest holds."""
        asked = (self._zones, interest.zones), (self._spots, interest.spots), (self._exposure, interest.exposure)
        for known, until_ms in asked:
            if until_ms > now_ms and (page in known or len(known) < _PAGES_MAX):
                known[page] = max(known.get(page, 0), min(until_ms, now_ms + LASTS_MS))

    def turn(self, now_ms: int) -> None:
        """To be called after records were heard, and now and then."""
        for known in (self._zones, self._spots, self._exposure):
            for page in [page for page, until_ms in known.items() if until_ms <= now_ms]:
                del known[page]
        if self._zones.keys() != self.zones:
            self.zones = frozenset(self._zones)
        if self._spots.keys() != self.spots:
            self.spots = frozenset(self._spots)
        if self._exposure.keys() != self.exposure:
            self.exposure = frozenset(self._exposure)


class WishFollower(Following):
    """Follows `isotherm-interest`."""

    def __init__(self, cluster: Cluster, wishes: Wishes, now_ms: Callable[[], int]) -> None:
        self._wishes = wishes
        self._now_ms = now_ms
        super().__init__(cluster, INTEREST, "wishes", "who asks for zones")

    def _follow(self) -> None:
        with WholeTopic(self._cluster, INTEREST) as topic:
            while self._running:
                self._read(topic)

    def _read(self, topic: WholeTopic) -> None:
        now_ms = self._now_ms()
        for message in topic.read(_POLL_S):
            try:
                if message.value() is not None:
                    self._wishes.heard((message.key() or b"").decode("utf-8", "replace"), decode_interest(message.value()), now_ms)
            except RecordError as error:
                logger.debug("record %d of %s is left out: %s", message.offset(), message.topic(), error)
        self._wishes.turn(now_ms)
        if topic.whole:
            self._read_once.set()

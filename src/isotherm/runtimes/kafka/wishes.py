"""Wishes: of which pages somebody asks for zones, spots or exposure, as Group By knows it while they come and go on another thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaException

from isotherm.core.records import Interest, RecordError, decode_interest
from isotherm.runtimes.kafka.connection import INTEREST, Cluster
from isotherm.runtimes.kafka.interest import LASTS_MS
from isotherm.runtimes.kafka.whole import WholeTopic
from isotherm.runtimes.pipeline import StartError

__all__ = ["WishFollower", "Wishes"]

_PAGES_MAX: Final = 1000  #: for which parts are told at a time; further wishes wait until others end
_POLL_S: Final = 0.25
_AGAIN_S: Final = 1.0
_TIMEOUT_S: Final = 20.0

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


class WishFollower:
    """Follows `isotherm-interest` on a thread of its own."""

    def __init__(self, cluster: Cluster, wishes: Wishes, now_ms: Callable[[], int]) -> None:
        self._cluster = cluster
        self._wishes = wishes
        self._now_ms = now_ms
        self._running = True
        self._read_once = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wishes", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Returns once the topic was read. Raises `StartError`."""
        if not self._read_once.wait(_TIMEOUT_S):
            raise StartError(f"the topic {self._cluster.name(INTEREST)} could not be read within {_TIMEOUT_S:.0f} s")

    def close(self) -> None:
        self._running = False
        self._thread.join()

    def _run(self) -> None:
        while self._running:
            try:
                with WholeTopic(self._cluster, INTEREST) as topic:
                    while self._running:
                        self._read(topic)
            except KafkaException as error:
                logger.warning("can't read who asks for zones, will try again: %s", error.args[0].str() if error.args else error)
                time.sleep(_AGAIN_S)

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

"""Lines: what Kafka's libraries write to the log, as an operator needs it: that brokers can't be reached, and that they are back, once.

An outage of some seconds is a hundred lines of theirs, most of them at level error: each client of a process says on each try to
connect what the last one said, and a commit that fails is told again by the worker that begins anew. So the first is told in our words,
and no other.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final

__all__ = ["LIBRARIES", "UNREACHABLE", "Lines", "lines"]

LIBRARIES: Final = ("quixstreams.kafka.consumer", "quixstreams.kafka.producer", "quixstreams.models.topics.admin")

UNREACHABLE: Final = "Kafka can't be reached, will try again: %s"

_AGAIN_S: Final = 60.0  #: an outage that lasts is told again so often
_QUIET_S: Final = 2.0  #: messages that came before the outage are still read after its first failures

#: Of librdkafka: each try of each client; leaders that a broker names while it starts; an id that it does not give yet. Of Quix Streams:
#: a commit that failed, which is told by what follows from it; that one of its clients has a connection again.
_SAID_ELSEWHERE: Final = re.compile(
    r"(FAIL|METADATAUPDATE|GETPID) \[rdkafka#|\d+/\d+ brokers are down|Kafka commit error: |.*broker connectivity restored"
)
#: Codes of librdkafka: the connection failed, no broker is up, the name of none is known.
_NO_CONNECTION: Final = re.compile(r"Kafka (?:consumer|producer) error: (?P<why>.*) code=\"(?P<code>-195|-187|-193)\"", re.DOTALL)
_ALL_DOWN: Final = "-187"  #: says how many, and not why


class Lines(logging.Filter):
    """Of all clients of a process. What it does not know passes."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic_s = monotonic_s
        self._told_s: float | None = None  #: when it was told that brokers can't be reached; None: they can, as far as was told
        self._failed_s = 0.0  #: when they last could not

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG:
            return True
        text = record.getMessage()
        if _SAID_ELSEWHERE.match(text):
            return False
        if unreachable := _NO_CONNECTION.match(text):
            if unreachable["code"] == _ALL_DOWN or not self.may_tell():
                return False
            self._say(record, logging.WARNING, UNREACHABLE % unreachable["why"])
        return True

    def reached(self, log: logging.Logger) -> None:
        """To be called as messages come: brokers are there, which is told once if it was told that they are not."""
        if self._told_s is not None and self._monotonic_s() - self._failed_s > _QUIET_S:
            self._told_s = None
            log.info("Kafka can be reached again")

    def may_tell(self) -> bool:
        """Brokers can't be reached: whether that is to be told now. Whoever asks tells it."""
        now_s = self._failed_s = self._monotonic_s()
        if self._told_s is not None and now_s - self._told_s < _AGAIN_S:
            return False
        self._told_s = now_s
        return True

    @staticmethod
    def _say(record: logging.LogRecord, level: int, text: str) -> None:
        record.levelno, record.levelname, record.msg, record.args = level, logging.getLevelName(level), text, ()


lines: Final = Lines()  #: of this process

for _name in LIBRARIES:
    logging.getLogger(_name).addFilter(lines)

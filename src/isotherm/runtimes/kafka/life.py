"""How a worker lives: until it is stopped it works, and after an error that may pass it begins anew; one that can't ends it."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from confluent_kafka import KafkaException
from quixstreams.exceptions import QuixException

__all__ = ["Life"]

_AGAIN_S: Final = 1.0


class Life:
    """`log` is the worker's own; `passing` are its errors, besides Kafka's, after which it begins anew; those that are `lasting` end it."""

    def __init__(self, log: logging.Logger, *passing: type[Exception], lasting: tuple[type[Exception], ...] = ()) -> None:
        self._log = log
        self._lasting = lasting
        self._passing = (KafkaException, QuixException, *passing)
        self.running = True

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self.running = False

    def live(self, work: Callable[[], None], forget: Callable[[], object] = lambda: None) -> None:
        """Returns after SIGTERM, SIGINT or `stop`. `work` returns when `running` is false; `forget` is called after an error.
        Raises what is lasting, and what is none of its errors."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        while self.running:
            try:
                work()
            except self._lasting:
                raise
            except self._passing as error:
                self._log.warning("will begin anew: %s", error)
                forget()
                time.sleep(_AGAIN_S)

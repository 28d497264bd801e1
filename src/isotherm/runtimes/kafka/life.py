"""How a worker lives: until it is stopped it works, and after an error that may pass it begins anew; one that can't ends it.

Whatever handles signals (ours, then those that Quix Streams installs in the midst of a start, which forgets what it was told before), the
interpreter also writes each into a pipe at once. Who reads there ends the work, again and again until it has ended, so no moment is left in
which a signal is lost; and a second one ends a worker that hangs, whatever it hangs in.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from confluent_kafka import KafkaException
from quixstreams.exceptions import QuixException

__all__ = ["Life"]

_AGAIN_S: Final = 1.0
_INSIST_EVERY_S: Final = 0.1
_TWIN_S: Final = 0.3  #: a terminal and who runs a worker in it may both pass on the same Ctrl-C: so close together they are one
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Life:
    """`log` is the worker's own; `passing` are its errors, besides Kafka's, after which it begins anew; those that are `lasting` end it."""

    def __init__(self, log: logging.Logger, *passing: type[Exception], lasting: tuple[type[Exception], ...] = ()) -> None:
        self._log = log
        self._lasting = lasting
        self._passing = (KafkaException, QuixException, *passing)
        self._over = threading.Event()
        self.running = True
        self.end_work: Callable[[], object] = lambda: None  #: for work that does not look at `running`; may be called from another thread

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self.running = False

    def live(self, work: Callable[[], None], forget: Callable[[], object] = lambda: None) -> None:
        """Returns after SIGTERM, SIGINT or `stop`. `work` returns when `running` is false or `end_work` is called; `forget` is called after
        an error. Raises what is lasting, and what is none of its errors. A signal after the first ends the process, now and later."""
        heard, told = os.pipe()
        os.set_blocking(told, False)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        threading.Thread(target=self._heed, args=(heard,), name="signals", daemon=True).start()
        for number in _SIGNALS:
            signal.signal(number, self.stop)
        try:
            self._live(work, forget)
        finally:
            self._over.set()

    def _live(self, work: Callable[[], None], forget: Callable[[], object]) -> None:
        while self.running:
            try:
                work()
            except self._lasting:
                raise
            except self._passing as error:
                self._log.warning("will begin anew: %s", error)
                forget()
                time.sleep(_AGAIN_S)

    def _heed(self, heard: int) -> None:
        """Hears of every signal, also while the main thread waits for something that never comes."""
        first_s: float | None = None
        while True:
            insists = first_s is not None and not self._over.is_set()
            if select.select([heard], [], [], _INSIST_EVERY_S if insists else None)[0]:
                number, now_s = os.read(heard, 1)[0], time.monotonic()
                if number not in _SIGNALS:
                    continue
                if first_s is not None and now_s - first_s > _TWIN_S:
                    os._exit(128 + number)  # nothing is lost by it: what was not committed is read again
                first_s = now_s if first_s is None else first_s
            self.running = False
            self.end_work()

"""Following: a topic is read from its beginning, on a thread of its own, which stays at its end; after an outage it begins anew."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from typing import Final

from isotherm.runtimes.kafka.again import begun_anew
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.pipeline import StartError

__all__ = ["Following"]

_TIMEOUT_S: Final = 20.0

logger = logging.getLogger(__name__)


class Following(ABC):
    """`what` is what the topic tells, for the log. Whoever extends it is whole before it calls this: the thread starts here."""

    def __init__(self, cluster: Cluster, topic: str, name: str, what: str) -> None:
        self._cluster = cluster
        self._topic = topic
        self._what = what
        self._running = True
        self._read_once = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Returns once the topic was read. Raises `StartError`."""
        if not self._read_once.wait(_TIMEOUT_S):
            raise StartError(f"the topic {self._cluster.name(self._topic)} could not be read within {_TIMEOUT_S:.0f} s")

    def close(self) -> None:
        self._running = False
        self._thread.join()

    def _run(self) -> None:
        begun_anew(self._follow, lambda: self._running, f"read {self._what}", logger)

    @abstractmethod
    def _follow(self) -> None:
        """Reads while `_running`; sets `_read_once` when the end was met first. Raises `KafkaException`."""

"""The scribe: writes what fired to `isotherm-reactions`, for each partition of pages that this worker holds, so that no other does so too.

    claim ──▶ what was told before, whoever told it ──▶ write, write, … ──▶ lost: another has claimed it
                                                                        └▶ drop: it was given away

A partition is claimed by its own transactional id: Kafka then refuses whatever its holder before would still write, ends what that one had
begun, and only then what was told is read. So of one partition nothing can come between what was read and what is written, and what is
in the topic is the state. A thread of its own, since each of these steps waits for brokers; `results` never waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException

from isotherm.core.rules import Reaction, reaction_json
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.kafka.told import read_told
from isotherm.runtimes.topics import Topics

__all__ = ["Claimed", "Scribe"]

_WAIT_S: Final = 10.0
_AGAIN_S: Final = 1.0
_FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})

logger = logging.getLogger(__name__)


class Claimed(NamedTuple):
    """What came of a claim; `told` None: it is lost to another. `claim` is the number that `claim` returned."""

    claim: int
    told: list[Reaction] | None


class _Job(NamedTuple):
    claim: int
    partition: int
    write: Sequence[Reaction]  #: nothing: it is a claim


class Scribe:
    """To be used from one thread."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._topic = cluster.name(Topics.REACTIONS)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._done: SimpleQueue[Claimed] = SimpleQueue()
        self._producers: dict[int, Any] = {}  # claim -> its producer; the thread's own
        self._dropped: set[int] = set()
        self._claims = 0
        self._running = True
        self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
        self._thread.start()

    def claim(self, partition: int) -> int:
        """Asks for a partition. The number goes with all that is written under it."""
        self._claims += 1
        self._jobs.put(_Job(self._claims, partition, ()))
        return self._claims

    def write(self, claim: int, partition: int, reactions: Sequence[Reaction]) -> None:
        """They are all in the topic, or the claim is lost."""
        self._jobs.put(_Job(claim, partition, reactions))

    def drop(self, claim: int) -> None:
        """What was not written under it is not written any more."""
        self._dropped.add(claim)

    def results(self) -> list[Claimed]:
        """What came of claims since last asked."""
        found = []
        while True:
            try:
                found.append(self._done.get_nowait())
            except Empty:
                return found

    def close(self) -> None:
        """What was to be written before this is written, if Kafka takes it."""
        self._jobs.put(None)
        self._thread.join(_WAIT_S)
        self._running = False

    # -- on the thread

    def _run(self) -> None:
        while self._running and (job := self._jobs.get()) is not None:
            self._forget()
            if job.claim in self._dropped:
                continue
            try:
                if job.write:
                    self._write(job)
                else:
                    self._done.put(Claimed(job.claim, self._claim(job)))
            except Exception as error:  # of one partition; the others go on
                logger.warning("partition %d of the rules is held by another now, or can't be: %s", job.partition, error)
                self._dropped.add(job.claim)
                self._done.put(Claimed(job.claim, None))

    def _forget(self) -> None:
        for claim in self._dropped & self._producers.keys():
            del self._producers[claim]

    def _claim(self, job: _Job) -> list[Reaction] | None:
        producer: Any = self._cluster.transactional(f"isotherm-rules-{job.partition}")
        while self._running and job.claim not in self._dropped:
            try:
                producer.init_transactions(_WAIT_S)
                told = read_told(self._cluster)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
                time.sleep(_AGAIN_S)
                continue
            self._producers[job.claim] = producer
            return told
        return None

    def _write(self, job: _Job) -> None:
        producer = self._producers[job.claim]
        while self._running and job.claim not in self._dropped:
            try:
                producer.begin_transaction()
                for reaction in job.write:
                    value = msgspec.json.encode(reaction_json(reaction))
                    producer.produce(self._topic, value, reaction.site + reaction.page, partition=0, timestamp=reaction.at_ms)
                _insist(producer.commit_transaction)
                return
            except KafkaException as error:
                first = error.args[0]
                if first.code() in _FENCED or first.fatal() or not first.txn_requires_abort():
                    raise
                logger.warning("what fired could not be written, will try again: %s", first.str())
                _insist(producer.abort_transaction)


def _insist(end: Any) -> None:
    """Ends a transaction; again where that says that it may be asked again. Raises `KafkaException`."""
    while True:
        try:
            end(_WAIT_S)
            return
        except KafkaException as error:
            if not error.args[0].retriable():
                raise

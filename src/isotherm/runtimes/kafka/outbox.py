"""The outbox: what the gateway writes to Kafka, and when it is there. A producer of Quix Streams behind an asyncio face.

The producer's callbacks come on its own thread and are handed to the loop. Who waits is told once all brokers that must have a
record have it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException

from isotherm.runtimes.kafka.connection import Cluster

__all__ = ["Letter", "Outbox", "OutboxError"]

#: Given up after so long, so that whoever waits hears that it must send again. Twice the time in which a broker of three is replaced.
_TIMEOUT_MS: Final = 10_000
_QUEUED_BYTES_MAX_KIB: Final = 128 * 1024


class OutboxError(Exception):
    """A record that Kafka did not take; the message says why."""


class Letter(NamedTuple):
    """A record on its way."""

    topic: str
    key: str | None
    value: bytes | None
    partition: int | None = None
    time_ms: int | None = None


class Outbox:
    """`send` and wait, or `post` and forget. To be used from the loop that it was made in."""

    def __init__(self, cluster: Cluster) -> None:
        self._producer = cluster.producer(
            **{"message.timeout.ms": _TIMEOUT_MS, "queue.buffering.max.kbytes": _QUEUED_BYTES_MAX_KIB, "partitioner": "murmur2"}
        )
        self._loop = asyncio.get_running_loop()
        self._sent: dict[int, float] = {}  # what is on its way: number -> when it was sent, oldest first
        self._next = 0
        self.delivered = 0  #: records that Kafka has
        self.failed = 0
        self._running = True
        self._thread = threading.Thread(target=self._poll, name="outbox", daemon=True)
        self._thread.start()

    @property
    def waiting_s(self) -> float:
        """How long the oldest record on its way has been so."""
        return time.monotonic() - next(iter(self._sent.values())) if self._sent else 0.0

    @property
    def on_the_way(self) -> int:
        return len(self._sent)

    async def send(self, letters: Iterable[Letter]) -> None:
        """Returns once Kafka has all of them. Raises `OutboxError` where it may not have one."""
        results = await asyncio.gather(*[self._produce(letter) for letter in letters])
        for error in results:
            if error is not None:
                raise OutboxError(error)

    def post(self, letter: Letter) -> None:
        """For what is told anew soon: nobody hears whether it arrived."""
        self._produce(letter)

    def _produce(self, letter: Letter) -> asyncio.Future[str | None]:
        future: asyncio.Future[str | None] = self._loop.create_future()
        number = self._next
        self._next += 1

        def delivered(error: Any, _message: Any) -> None:
            self._loop.call_soon_threadsafe(self._arrived, number, future, error.str() if error is not None else None)

        try:
            self._producer.produce(
                letter.topic,
                letter.value,
                letter.key,
                partition=letter.partition,
                timestamp=letter.time_ms,
                buffer_error_max_tries=0,
                on_delivery=delivered,
            )
        except (BufferError, KafkaException) as error:
            future.set_result(str(error))
            self.failed += 1
            return future
        self._sent[number] = time.monotonic()
        return future

    def _arrived(self, number: int, future: asyncio.Future[str | None], error: str | None) -> None:
        self._sent.pop(number, None)
        if error is None:
            self.delivered += 1
        else:
            self.failed += 1
        if not future.done():
            future.set_result(error)

    def _poll(self) -> None:
        while self._running:
            self._producer.poll(0.1)

    async def close(self, timeout_s: float) -> None:
        """Waits for what is on its way, but no longer than that."""
        await self._loop.run_in_executor(None, self._producer.flush, timeout_s)
        self._running = False
        await self._loop.run_in_executor(None, self._thread.join)

"""A broker for all tests of a run; a pipeline for each test."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from scripts.kafka_broker import Broker, BrokerError, jars

from tests.kafka.running import Pipeline


def broker_or_skip(reason: str) -> None:
    """Without a broker nothing here can be tested: loudly, and in CI not at all."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"CI must test with Kafka: {reason}", pytrace=False)
    sys.__stderr__.write(f"\n*** KAFKA IS NOT TESTED: {reason} (or set KAFKA_BOOTSTRAP_SERVERS) ***\n")
    pytest.skip(f"KAFKA IS NOT TESTED: {reason}")


@pytest.fixture(scope="session")
def broker_jars() -> None:
    """The broker's jars are there."""
    try:
        jars()
    except BrokerError as error:
        broker_or_skip(str(error))


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker: the one that `KAFKA_BOOTSTRAP_SERVERS` names, or our own."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
    except BrokerError as error:
        broker_or_skip(str(error))
    yield broker.servers
    broker.kill()


@pytest.fixture
async def on_kafka(servers: str, tmp_path: Path) -> AsyncIterator[Callable[..., Pipeline]]:
    """Makes a pipeline; its processes end with the test."""
    made: list[Pipeline] = []

    def make(*options: str, partitions: int = 4, at: str = servers) -> Pipeline:
        pipeline = Pipeline(at, f"t{uuid.uuid4().hex[:8]}-", tmp_path, ("--partitions", str(partitions), *options))
        made.append(pipeline)
        return pipeline

    yield make
    for pipeline in made:
        await pipeline.end()

"""Reading the past while brokers are away: who does not wait for it any more is not held up by it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, TopicPartition

from isotherm.runtimes.kafka import parts as parts_module
from isotherm.runtimes.kafka.connection import Cluster, KafkaSettings
from isotherm.runtimes.kafka.parts import Parts
from isotherm.runtimes.kafka.past import _records, read_past
from isotherm.runtimes.pipeline import PipelineSettings

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Its broker takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield Cluster(KafkaSettings(f"127.0.0.1:{silent.getsockname()[1]}"), PipelineSettings(data=tmp_path))


def wanted(times: int) -> Callable[[], bool]:
    answers = iter([True] * times)
    return lambda: next(answers, False)


def test_records_end_when_they_are_not_wanted(cluster: Cluster) -> None:
    """Though the partition's end was not reached."""
    with cluster.consumer("past") as consumer:
        consumer.assign([TopicPartition("t", 0, 0)])
        assert list(_records(consumer, 5, wanted(2))) == []


def test_places_are_not_asked_for_again_when_they_are_not_wanted(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anything told."""
    monkeypatch.setattr("isotherm.runtimes.kafka.connection._ANSWER_S", 0.1)
    told: list[Any] = []
    with pytest.raises(KafkaException):
        read_past(cluster, "default/p", 0, told.append, told.append, wanted(1))
    assert told == []


async def test_no_question_waits_for_a_reading_that_failed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it failed of."""

    def broken(*_: object) -> None:
        raise ValueError("of another kind")

    monkeypatch.setattr(parts_module, "read_past", broken)
    parts = Parts(cluster, lambda: 1_000, lambda *_: None)
    asked = parts._ask_zones("default/p")
    assert asked.reading is not None
    await asyncio.wait([asked.reading])
    assert isinstance(asked.reading.exception(), ValueError)
    assert asked.whole.is_set()
    await parts.close()

"""A worker that Kafka went away under hears that it is to end, whenever it is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaException

from isotherm.runtimes.kafka import life, workers


class App:
    """Takes signals as an application of Quix Streams does: from its run on, by its own `stop`, and each run forgets what was before."""

    def __init__(self, told_when: str) -> None:
        self.told_when = told_when
        self.stopped = False
        self.runs = 0

    def stop(self, fail: bool = False) -> None:
        self.stopped = True

    def run(self) -> None:
        self.runs += 1
        self.stopped = False
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        if self.told_when != "between":
            os.kill(os.getpid(), signal.SIGTERM)
        if self.told_when != "running":
            self.stop(fail=True)
            raise KafkaException("brokers are down")
        assert self.stopped
        self.stop(fail=False)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("told_when", ["running", "failing", "between"])
def test_group_by_ends_when_told(told_when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the midst of its work, while that fails, or in the second before it begins anew: it does not begin anew."""
    made: list[App] = []

    def application(*_: Any) -> App:
        assert len(made) < 3, "it was told"
        made.append(App(told_when))
        return made[-1]

    def pause(_s: float) -> None:
        if told_when == "between":
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(workers, "group_by_application", application)
    monkeypatch.setattr(workers, "_following", lambda *_: nullcontext())
    monkeypatch.setattr(workers, "_asked", lambda *_: nullcontext())
    monkeypatch.setattr(life.time, "sleep", pause)
    workers._run_group_by(SimpleNamespace(partitions=4))  # type: ignore[arg-type]
    assert [app.runs for app in made] == [1]

"""A worker hears that it is to end, whenever it is told; one that hangs ends when it is told again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaException

from isotherm.runtimes.kafka import life, workers


class App:
    """Takes signals as an application of Quix Streams does: from its run on, by its own `stop`, and each run forgets what was before."""

    def __init__(self, told_when: str, number: int) -> None:
        self.number = number
        self.told_when = told_when
        self.ended = threading.Event()
        self.runs = 0

    def stop(self, fail: bool = False) -> None:
        self.ended.set()

    def run(self) -> None:
        self.runs += 1
        if self.told_when == "starting":
            os.kill(os.getpid(), self.number)
        self.ended.clear()
        if self.told_when == "installing":
            os.kill(os.getpid(), self.number)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        if self.told_when in ("starting", "installing"):
            assert self.ended.wait(20), "it runs on"
            return
        if self.told_when != "between":
            os.kill(os.getpid(), self.number)
        if self.told_when != "running":
            self.stop(fail=True)
            raise KafkaException("brokers are down")
        assert self.ended.is_set()
        self.stop(fail=False)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("told_when", ["starting", "installing", "running", "failing", "between"])
def test_group_by_ends_when_told(told_when: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its run begins, before and after it forgets what it was told and until it takes signals itself; in the midst of its work, while
    that fails, or in the second before it begins anew: it does not begin anew."""
    made: list[App] = []

    def application(*_: Any) -> App:
        assert len(made) < 3, "it was told"
        made.append(App(told_when, number))
        return made[-1]

    def pause(_s: float) -> None:
        if told_when == "between":
            os.kill(os.getpid(), number)

    monkeypatch.setattr(workers, "group_by_application", application)
    monkeypatch.setattr(workers, "_following", lambda *_: nullcontext())
    monkeypatch.setattr(workers, "_asked", lambda *_: nullcontext())
    monkeypatch.setattr(life.time, "sleep", pause)
    workers._run_group_by(SimpleNamespace(partitions=4))  # type: ignore[arg-type]
    assert [app.runs for app in made] == [1]


HANGS = """
import logging, threading
from isotherm.runtimes.kafka.life import Life

life = Life(logging.getLogger())
life.end_work = lambda: print("heard", flush=True)

def hang():
    print("works", flush=True)
    lock = threading.Lock()
    lock.acquire()
    while True:
        try:
            lock.acquire()
        except KeyboardInterrupt:
            pass

life.live(hang)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_worker_that_hangs(number: int) -> None:
    """The first is heard; a later one ends the process, with the exit code of a signal."""
    with subprocess.Popen([sys.executable, "-c", HANGS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "works\n"
            process.send_signal(number)
            assert process.stdout.readline() == "heard\n"
            assert process.poll() is None, "it has its time to end"
            while process.poll() is None:
                process.send_signal(number)
                process.stdout.readline()  # it insists
            assert process.returncode == 128 + number
        finally:
            process.kill()

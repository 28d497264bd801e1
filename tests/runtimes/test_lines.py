"""An outage of the brokers is one line when it begins, one a minute while it lasts, and one when it is over."""

from __future__ import annotations

import logging

import pytest

from isotherm.runtimes.kafka.lines import LIBRARIES, Lines

REFUSED = "127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)"
OF_AN_OUTAGE = [
    ("info", f"FAIL [rdkafka#consumer-1] [thrd:127.0.0.1:9092/1]: {REFUSED}"),
    ("error", f'Kafka consumer error: {REFUSED} code="-195"'),
    ("error", f'Kafka producer error: {REFUSED} code="-195"'),
    ("error", 'Kafka consumer error: 2/2 brokers are down code="-187"'),
    ("warning", "1/1 brokers are down"),
    ("info", "Kafka consumer broker connectivity restored after 12.0s."),
    ("error", "Kafka commit error: Broker: Unknown member (code=25)"),
    ("warning", "METADATAUPDATE [rdkafka#producer-1] [thrd:main]: Partition heatmap[0]: new leader -1 not found in cache"),
    ("warning", "GETPID [rdkafka#producer-3] [thrd:main]: Failed to acquire idempotence PID from broker 127.0.0.1:9092/1"),
]


class Log:
    """What passes, of a clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.lines = Lines(lambda: self.now_s)

    def told(self, level: str, text: str) -> list[str]:
        record = logging.LogRecord(LIBRARIES[0], logging.getLevelNamesMapping()[level.upper()], "", 0, text, (), None)
        return [f"{record.levelname}: {record.getMessage()}"] if self.lines.filter(record) else []


def test_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    log, ours = Log(), logging.getLogger("isotherm.test")
    caplog.set_level(logging.INFO)
    log.lines.reached(ours)
    outage = [line for _ in range(20) for one in OF_AN_OUTAGE for line in log.told(*one)]
    assert outage == [f"WARNING: Kafka can't be reached, will try again: {REFUSED}"]
    log.now_s += 61
    assert len([line for one in OF_AN_OUTAGE for line in log.told(*one)]) == 1
    log.lines.reached(ours)
    assert caplog.messages == [], "a message that came before"
    log.now_s += 3
    for _ in range(3):
        log.lines.reached(ours)
    assert caplog.messages == ["Kafka can be reached again"]
    assert len([line for one in OF_AN_OUTAGE for line in log.told(*one)]) == 1, "the next outage is told at once"


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("error", 'Kafka consumer error: 127.0.0.1:9092/bootstrap: SASL authentication error code="-169"'),
        ("warning", "MAXPOLL [rdkafka#consumer-1] [thrd:main]: Application maximum poll interval (300000ms) exceeded by 12ms"),
        ("critical", "Kafka producer error: fatal"),
        ("info", "The application started and is now processing incoming messages"),
    ],
)
def test_all_else_passes(level: str, text: str) -> None:
    assert Log().told(level, text) == [f"{level.upper()}: {text}"]

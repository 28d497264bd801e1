"""A consumer that a partition is silent for is given up if there is more to read, once, and never while nothing is written."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from isotherm.runtimes.kafka.stalls import Stalls


class Broker:
    """Where partitions of the topic `heatmap` end; and the time."""

    def __init__(self) -> None:
        self.ends = {0: 10, 1: 10}
        self.away = False
        self.asked = 0
        self.now_s = 100.0
        self.stalls = Stalls(lambda: self.now_s)
        self.begin()

    def begin(self) -> None:
        """A new consumer."""
        self.stalls.end()
        self.stalls.begin([TopicPartition("heatmap", partition, 10) for partition in self.ends])

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int]:
        self.asked += 1
        if self.away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return 0, self.ends[place.partition]

    def pass_s(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now_s += 1
            self.stalls.check(self)


def test_a_partition_that_stands_still() -> None:
    """What is there and does not come ends the consumer within a quarter of a minute, and the error says where."""
    broker = Broker()
    broker.ends[1] = 17
    with pytest.raises(KafkaException, match=r"heatmap\[1\] came since record 9, though it ends at 17"):
        broker.pass_s(15)


def test_silence_is_no_stall() -> None:
    broker = Broker()
    broker.pass_s(60)
    assert 0 < broker.asked <= 2 * 60 / 5


def test_what_comes_is_no_stall() -> None:
    """Neither in a partition of which a record comes now and then, nor while it is behind."""
    broker = Broker()
    broker.ends[1] = 1000
    for offset in range(10, 30):
        broker.pass_s(7)
        broker.stalls.heard("heatmap", 1, offset + 1)


def test_an_outage_is_no_stall() -> None:
    """While brokers are away nothing is known, and after it a consumer has its time to go on."""
    broker = Broker()
    broker.away = True
    broker.pass_s(60)
    asked = broker.asked
    assert asked <= 60 / 5, "one is asked, not all"
    broker.away, broker.ends[1] = False, 11
    broker.pass_s(9)
    broker.stalls.heard("heatmap", 1, 11)
    broker.pass_s(60)


def test_a_new_consumer_is_given_up_only_once() -> None:
    """A mark of a transaction at a partition's end is never told: that is found out once."""
    broker = Broker()
    broker.ends[1] = 11
    with pytest.raises(KafkaException):
        broker.pass_s(15)
    broker.begin()
    broker.pass_s(60)
    broker.ends[1] = 13
    broker.stalls.heard("heatmap", 1, 12)
    with pytest.raises(KafkaException):
        broker.pass_s(15)


def test_what_was_taken_away_is_not_asked_for() -> None:
    broker = Broker()
    broker.ends[1] = 17
    broker.stalls.end([TopicPartition("heatmap", 1)])
    broker.pass_s(60)

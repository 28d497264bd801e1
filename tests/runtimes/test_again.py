"""A thread of a gateway that reads from Kafka does not end in silence: after an outage and after a fault it begins anew, and says so."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError, KafkaException

from isotherm.runtimes.kafka.again import begun_anew


def test_it_begins_anew_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    ends = [KafkaException(KafkaError(KafkaError._TRANSPORT)), ValueError("a record that nobody thought of"), None]
    begun = 0

    def read() -> None:
        nonlocal begun
        begun += 1
        end = ends[begun - 1]
        if end is not None:
            raise end

    with caplog.at_level(logging.WARNING):
        begun_anew(read, lambda: begun < len(ends), "read heat", logging.getLogger("isotherm.test"), again_s=0.0)
    assert begun == len(ends)
    outage, fault = caplog.records
    assert (outage.levelname, fault.levelname) == ("WARNING", "ERROR")
    assert outage.getMessage().startswith("can't read heat, will try again: ")
    assert "report it" in fault.getMessage()
    assert fault.exc_info is not None
    assert isinstance(fault.exc_info[1], ValueError)


def test_nothing_is_begun_where_all_ends() -> None:
    begun_anew(lambda: pytest.fail("it was begun"), lambda: False, "read heat", logging.getLogger("isotherm.test"))

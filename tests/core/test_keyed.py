"""A key's partition is the one that Kafka's own partitioner gives it."""

from __future__ import annotations

import pytest

from isotherm.core.keyed import _murmur2, partition_of

#: From `UtilsTest.testMurmur2` of Apache Kafka.
KNOWN = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize("key", KNOWN)
def test_the_hash_is_that_of_kafka(key: str) -> None:
    """Signed, as Java has it."""
    assert _murmur2(key.encode()) == KNOWN[key] % 2**32


def test_a_partition_is_one_that_there_is() -> None:
    """A hash below zero in Java loses its sign, as Kafka does it."""
    assert [partition_of("default/shop/", partitions) for partitions in (1, 8)] == [0, (_murmur2(b"default/shop/") & 0x7FFF_FFFF) % 8]
    assert {partition_of(f"default/p/{number}", 4) for number in range(50)} == {0, 1, 2, 3}

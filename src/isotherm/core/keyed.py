"""Keyed: which partition of a topic a key's records lie in, so that it is known who has a page before any record of it came.

Kafka's default partitioner (`murmur2`, seed 0x9747b28c, the sign bit off, modulo the number of partitions), which all of ours use where
they name no partition. The hash is MurmurHash2 of Austin Appleby, as `org.apache.kafka.common.utils.Utils.murmur2` has it.
"""

from __future__ import annotations

from typing import Final

__all__ = ["partition_of"]

_SEED: Final = 0x9747B28C
_MIX: Final = 0x5BD1E995
_MASK: Final = 0xFFFF_FFFF


def partition_of(key: str, partitions: int) -> int:
    """The partition of a record's key."""
    return (_murmur2(key.encode()) & 0x7FFF_FFFF) % partitions


def _murmur2(data: bytes) -> int:
    hashed = _SEED ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _MIX & _MASK
        word = (word ^ word >> 24) * _MIX & _MASK
        hashed = hashed * _MIX & _MASK ^ word
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MIX & _MASK
    hashed = (hashed ^ hashed >> 13) * _MIX & _MASK
    return hashed ^ hashed >> 15

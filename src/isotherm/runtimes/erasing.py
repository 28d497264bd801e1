"""Erasing from the log of the embedded runtime: records are read, rid of what is to go, and written in their place."""

from __future__ import annotations

from pathlib import Path

from isotherm.core.erase import Erasure
from isotherm.core.records import RecordError, decode_clickstream, encode, samples_from_record, samples_to_record
from isotherm.log import Log

__all__ = ["erase_from_log"]


def erase_from_log(path: Path, erasure: Erasure) -> int:
    """Returns how many samples went. May run beside the server. Raises `LogError`."""
    gone = 0

    def change(value: bytes) -> bytes:
        nonlocal gone
        try:
            samples = samples_from_record(decode_clickstream(value))
        except RecordError:
            return value  # damaged: the server leaves it out, and it goes with its time
        left = erasure.without(samples)
        if left is samples:
            return value
        gone += len(samples) - len(left)
        return encode(samples_to_record(left))

    log = Log(path, repair=False)
    try:
        log.rewrite(change)
    finally:
        log.close()
    return gone

"""Erasing from what the embedded runtime keeps: records and marks are read, rid of what is to go, and written in their place."""

from __future__ import annotations

from pathlib import Path

from isotherm.core.erase import Erasure
from isotherm.core.records import RecordError, decode_clickstream, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.history.places import open_store
from isotherm.log import Digests, Log, LogError

__all__ = ["erase_from_history", "erase_from_log"]


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

    log, digests = Log(path, repair=False), Digests(path.with_name("digest"))
    try:
        # A server that runs keeps nothing that it made of what is erased: neither of what was there before, nor of what comes meanwhile.
        log.begin_generation()
        digests.erase()
        try:
            log.rewrite(change)
        finally:
            log.begin_generation()
            digests.erase()
    except OSError as error:
        raise LogError(f"can't erase what was made from the log {path}: {error}") from error
    finally:
        log.close()
    return gone


def erase_from_history(place: str, erasure: Erasure) -> int:
    """Returns of how many minutes, hours and days of pages a session's marks went. May run beside who writes. Raises `HistoryError`."""
    store = open_store(place, 0)  # marks of every grid go
    try:
        return store.rewrite_marks(erasure.without_marks)
    finally:
        store.close()

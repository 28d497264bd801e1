"""The files of digests: what one says of its own length is not believed before it is checked."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from isotherm.log.digests import Digests, Stored

STORED = Stored(1, 2, 3, 4, 5)


def test_no_more_is_read_than_there_is(tmp_path: Path) -> None:
    """A length that a flipped bit, or another release, made of it takes no memory."""
    files = Digests(tmp_path)
    files.write(STORED, b"0123456789")
    assert (files.read(STORED, 2, 3), files.read(STORED, 4), files.read(STORED, 11)) == (b"234", b"456789", b"")
    tracemalloc.start()
    try:
        assert files.read(STORED, 2, 1_868_964_475) == b"23456789"
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()

"""Memory that was freed goes back to the system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from isotherm import allocator


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(allocator._trim() is None, reason="not glibc")
def test_what_lies_between_things_that_stay_is_given_back() -> None:
    """Every second of many small pieces is freed: the C library keeps them, page by page, until it is told."""
    pieces = [os.urandom(64) * 512 for _ in range(4_000)]  # 32 KiB each: below what is asked of the system one by one
    kept = pieces[::2]
    del pieces
    before = resident_bytes()
    allocator.give_back()
    assert before - resident_bytes() > 2_000 * 32_768 // 2
    assert len(kept) == 2_000

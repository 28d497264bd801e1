"""The C library's allocator: it keeps what was freed, for whoever asks next. After a minute's work on large columns that is most of a
process, and nobody asks for as much again until the next minute; so it is told to give whole pages back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

__all__ = ["give_back"]


def give_back() -> None:
    """Gives free pages back to the system. Blocks for milliseconds, without the interpreter's lock. Without glibc: nothing."""
    trim = _trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], Any] | None:
    try:
        trim: Callable[[int], Any] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None
    return trim

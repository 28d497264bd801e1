"""Work, counted instead of timed: calls made, and bytes taken at once. The same on a quick machine and on a busy one.

Calls are Python's and those into C, as the interpreter's profiler hears of them; a loop over windows, pages or viewers shows there. Bytes are
the most that were held beyond what was held before, numpy's arrays with them; an array operation over all windows or pages shows there.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["Work", "assert_flat", "least_work"]

_TIMES = 5


class Work(NamedTuple):
    """What doing something once took."""

    calls: int
    bytes_at_once: int


def least_work(do: Callable[[], Any]) -> Work:
    """The least of some times: what is done now and then (a table that grows) is left out."""
    return Work(min(_calls(do) for _ in range(_TIMES)), min(_bytes(do) for _ in range(_TIMES)))


def _calls(do: Callable[[], Any]) -> int:
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    gc.disable()  # a finalizer's calls are not ours
    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


def _bytes(do: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        held, _ = tracemalloc.get_traced_memory()
        do()
        return tracemalloc.get_traced_memory()[1] - held
    finally:
        tracemalloc.stop()


def assert_flat(works: Sequence[Work]) -> None:
    """The work is the same, whatever it was that grew: a tenth and a few calls, and some KiB, are no growth."""
    calls, bytes_at_once = [work.calls for work in works], [work.bytes_at_once for work in works]
    assert max(calls) <= 1.1 * min(calls) + 12, f"calls grow: {calls}"
    assert max(bytes_at_once) <= 1.3 * min(bytes_at_once) + 8192, f"bytes grow: {bytes_at_once}"

"""Work, counted instead of timed: calls made, lines run, and bytes taken at once. The same on a quick machine and on a busy one.

Calls are Python's and those into C, as the interpreter's profiler hears of them; lines are those that its tracer hears of, each time round
a loop anew. So a loop over windows, pages or viewers shows there, if it is Python's. Bytes are the most that were held beyond what was held
before, numpy's arrays with them; an array operation over all windows or pages shows there. What takes no memory and is one call (`sum` over a
dictionary) does not show; the loops in C are `loops.py`'s.
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
    lines: int
    bytes_at_once: int


def least_work(do: Callable[[], Any]) -> Work:
    """The least of some times: what is done now and then (a table that grows) is left out."""
    counted = [_calls_and_lines(do) for _ in range(_TIMES)]
    return Work(min(calls for calls, _ in counted), min(lines for _, lines in counted), min(_bytes(do) for _ in range(_TIMES)))


def _calls_and_lines(do: Callable[[], Any]) -> tuple[int, int]:
    calls = lines = 0

    def count_call(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    def count_line(_frame: Any, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count_line

    before = sys.getprofile(), sys.gettrace()
    gc.disable()  # a finalizer's calls are not ours
    sys.settrace(count_line)
    sys.setprofile(count_call)
    try:
        do()
    finally:
        sys.setprofile(before[0])
        sys.settrace(before[1])
        gc.enable()
    return calls, lines


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
    calls, lines, bytes_at_once = zip(*works, strict=True)
    assert max(calls) <= 1.1 * min(calls) + 12, f"calls grow: {calls}"
    assert max(lines) <= 1.1 * min(lines) + 30, f"lines grow: {lines}"
    assert max(bytes_at_once) <= 1.3 * min(bytes_at_once) + 8192, f"bytes grow: {bytes_at_once}"

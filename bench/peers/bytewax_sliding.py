"""Bytewax's sliding window: each event is folded into the 1,200 windows that it falls into. One worker, in memory, no recovery store.

CPU from the first event that its source was asked for to the last; what it does at the end of its input (all open windows are closed at
once) is not counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.testing import TestingSink, TestingSource, run_main

from bench.peers.trace import HOP_MS, START_MS, WINDOW_MS, Event, events

_ALIGN_MS = START_MS - 10 * WINDOW_MS
_BATCH = 50


def main() -> None:
    visitors, pages, seconds, budget_s = json.loads(sys.argv[1])
    given = events(visitors, pages, seconds)
    asked: dict[str, float] = {"events": 0}

    def source() -> Iterator[Event]:
        asked["began"] = time.process_time()
        for event in given:
            if time.process_time() - asked["began"] > budget_s:
                break
            asked["events"] += 1
            yield event
        asked["ended"] = time.process_time()

    def fold(tiles: dict[int, int], event: Event) -> dict[int, int]:
        tiles[event[2]] = tiles.get(event[2], 0) + 1
        return tiles

    found: list[tuple[str, tuple[int, dict[int, int]]]] = []
    flow = Dataflow("peer")
    keyed = op.key_on("page", op.input("in", flow, TestingSource(source(), batch_size=_BATCH)), lambda event: event[0])
    # Its clock also goes on with the machine's, so that a replay would be late for itself: that one stands still here.
    standing = datetime.fromtimestamp(START_MS / 1000, UTC)
    clock: Any = windowing.EventClock(lambda event: datetime.fromtimestamp(event[1] / 1000, UTC), timedelta(0), now_getter=lambda: standing)
    windower = windowing.SlidingWindower(
        timedelta(milliseconds=WINDOW_MS), timedelta(milliseconds=HOP_MS), datetime.fromtimestamp(_ALIGN_MS / 1000, UTC)
    )
    out = windowing.fold_window("count", keyed, clock, windower, dict, fold, lambda one, other: one | other)
    op.output("out", out.down, TestingSink(found))
    run_main(flow)
    by_end: dict[int, dict[str, dict[int, int]]] = {}
    for page, (number, tiles) in found:
        by_end.setdefault(_ALIGN_MS + number * HOP_MS + WINDOW_MS, {})[page] = tiles
    ends = sorted(by_end)
    picked = [ends[len(ends) // 8], ends[len(ends) // 2]]
    print(
        json.dumps(
            {
                "events": asked["events"],
                "cpu_s": asked["ended"] - asked["began"],
                "windows": [[end_ms, by_end[end_ms]] for end_ms in picked],
            }
        )
    )


if __name__ == "__main__":
    main()

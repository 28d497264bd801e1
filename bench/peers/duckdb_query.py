"""DuckDB as people would poll it: events inserted a hop at a time, then the window's counts as one query. In memory, one thread."""

from __future__ import annotations

import itertools
import json
import sys
import time

import duckdb

from bench.peers.trace import HOP_MS, WINDOW_MS, events

_INSERT = "INSERT INTO events SELECT unnest(?::VARCHAR[]), unnest(?::BIGINT[]), unnest(?::INTEGER[])"
_WINDOW = "SELECT page, tile, count(*) FROM events WHERE time_ms >= ? AND time_ms < ? GROUP BY page, tile"
_TRIM_EVERY = 40  #: hops


def main() -> None:
    visitors, pages, seconds, budget_s = json.loads(sys.argv[1])
    given = events(visitors, pages, seconds)
    hops = [(number, list(zip(*some, strict=True))) for number, some in itertools.groupby(given, lambda event: event[1] // HOP_MS)]
    db = duckdb.connect(":memory:", config={"threads": 1})
    db.execute("CREATE TABLE events (page VARCHAR, time_ms BIGINT, tile INTEGER)")
    counted, rows, end_ms = 0, [], 0
    began_s = time.process_time()
    for at, (number, columns) in enumerate(hops):
        db.execute(_INSERT, [list(column) for column in columns])
        counted += len(columns[0])
        end_ms = (number + 1) * HOP_MS
        rows = db.execute(_WINDOW, [end_ms - WINDOW_MS, end_ms]).fetchall()
        if at % _TRIM_EVERY == 0:
            db.execute("DELETE FROM events WHERE time_ms < ?", [end_ms - WINDOW_MS])
        if time.process_time() - began_s > budget_s:
            break
    cpu_s = time.process_time() - began_s
    found: dict[str, dict[int, int]] = {}
    for page, tile, count in rows:
        found.setdefault(page, {})[tile] = count
    print(json.dumps({"events": counted, "cpu_s": cpu_s, "windows": [[end_ms, found]]}))


if __name__ == "__main__":
    main()

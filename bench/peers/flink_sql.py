"""Flink SQL's hopping window, in a Java process of its own, on the same broker: built by Maven where that is, else left out.

The queries are `flink/*.sql`, the class that runs them `flink/src`. It runs a short trace of earlier times first, so that the JVM's start,
planning and most of the compiling are over; from then on the CPU of the whole process counts, until the budget is spent.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any

from confluent_kafka.admin import AdminClient

from bench.peers.quix import make_topic, produce
from bench.peers.trace import GRID, HOP_MS, START_MS, WINDOW_MS, Event, events

__all__ = ["QUERIES", "FlinkMissing", "build", "measure"]

QUERIES = {"flink": ("pages.sql", (40, 1, 40.0)), "flink_tiles": ("tiles.sql", (5, 1, 5.0))}  #: the query, and what it is warmed with
_HERE = Path(__file__).parent / "flink"
_TARGET = _HERE / "target"
_JAVA = ["java", "-XX:+UseSerialGC", "-Xmx4g", "-cp", f"{_TARGET}/classes:{_TARGET}/lib/*", "Windows"]
_BUILD = ["mvn", "--batch-mode", "--quiet", "compile", "dependency:copy-dependencies", f"-DoutputDirectory={_TARGET}/lib"]
_BUILD_S_MAX = 600.0
_WALL_S_MAX = 180.0
_TOLD_HOPS = (4, 20, 60, 150)  #: after so many hops of the trace a window is told whole, to be compared


class FlinkMissing(Exception):
    """Flink can't be had here; the message says why."""


def build() -> None:
    """Fetches Flink and compiles the class, where that is not done yet. Raises `FlinkMissing`."""
    for tool in ("javac", "mvn"):
        if shutil.which(tool) is None:
            raise FlinkMissing(f"no {tool} here: install a JDK (17 or newer) and Maven")
    try:
        done = subprocess.run(_BUILD, cwd=_HERE, capture_output=True, text=True, check=False, timeout=_BUILD_S_MAX)
    except subprocess.TimeoutExpired:
        raise FlinkMissing(f"Maven was not done after {_BUILD_S_MAX:.0f} s") from None
    if done.returncode:
        raise FlinkMissing(f"Maven could not build it: {done.stdout.strip()[-500:]}")


def measure(servers: str, peer: str, given: list[Event], budget_s: float) -> dict[str, Any]:
    """As the other peers tell it: events, cpu_s, windows. The events are those of the windows that were whole when the budget was spent."""
    query, warm_up = QUERIES[peer]
    topic = f"{peer}-{len(given)}"
    make_topic(AdminClient({"bootstrap.servers": servers}), topic)
    ahead_ms = WINDOW_MS + round(warm_up[2] * 1000)
    earlier = [(page, time_ms - ahead_ms, tile) for page, time_ms, tile in events(*warm_up)]
    produce(servers, topic, [*earlier, ("/between", START_MS - 1, 0)])
    statements = Template((_HERE / "moves.sql").read_text() + (_HERE / query).read_text()).substitute(KAFKA=servers, TOPIC=topic, GRID=GRID)
    told = [str(START_MS + hops * HOP_MS) for hops in _TOLD_HOPS]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([*_JAVA, *told], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True)
        late = threading.Timer(_WALL_S_MAX, process.kill)
        late.start()
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(statements)
            process.stdin.close()
            rows = (line.rstrip("\n").split("\t") for line in process.stdout)
            if next((True for kind, *row in rows if kind == "window" and int(row[0]) >= START_MS - HOP_MS), False):
                produce(servers, topic, [*given, ("/between", given[-1][1] + HOP_MS, 0)])
                return _follow(rows, given, budget_s)
            said.seek(0)
            raise SystemExit(f"{peer}: Flink gave no window: {said.read()[-2000:]}")
        finally:
            late.cancel()
            process.kill()
            process.wait()


def _follow(rows: Iterable[list[str]], given: list[Event], budget_s: float) -> dict[str, Any]:
    """Reads windows until the trace's last, or the budget is spent. A window is whole when the next one begins."""
    whole: list[tuple[int, dict[str, dict[int, int]]]] = []
    pages: dict[str, dict[int, int]] = {}
    end_ms = began_ns = cpu_ns = 0
    for kind, *row in rows:
        if kind == "row":
            pages.setdefault(row[0], {}).update(_tiles(row[1:]))
            continue
        if pages:
            pages.pop("/between", None)
            whole.append((end_ms, pages))
            pages = {}
        whole_ms, end_ms, cpu_ns = end_ms, int(row[0]), int(row[1])
        began_ns = began_ns or cpu_ns
        if cpu_ns - began_ns > budget_s * 1e9 or end_ms > given[-1][1]:
            break
    return {"events": sum(time_ms < whole_ms for _, time_ms, _ in given), "cpu_s": (cpu_ns - began_ns) / 1e9, "windows": whole}


def _tiles(columns: list[str]) -> dict[int, int]:
    """A row's tile and count, or a page's multiset, which Java writes as ``{5=1, 7=2}``."""
    if len(columns) == 2:
        return {int(columns[0]): int(columns[1])}
    return {int(tile): int(count) for tile, count in re.findall(r"(\d+)=(\d+)", columns[0])}

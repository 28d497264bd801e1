"""`python -m bench.peers`: the same trace through all peers, each held to a brute-force count before its figure counts."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import click

from bench.machine import about
from bench.peers import flink_sql, quix
from bench.peers.trace import HOP_MS, Event, events, window
from bench.progress import Progress

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_CASES = ((40, 1, 40.0), (200, 50, 40.0))  #: visitors, pages, seconds of the trace
_BUDGET_S = 25.0  #: CPU of one peer on one case
_PEERS = ("ours", "duckdb", "bytewax", "quix_hopping", "quix_tumbling", *flink_sql.QUERIES)


def _python() -> str:
    """The interpreter of the venv with the peers' packages; made where it is missing."""
    folder = _HERE / ".venv"
    if not (folder / "bin" / "python").exists():
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(_HERE / "requirements.txt")], check=True)
    return str(folder / "bin" / "python")


def _versions() -> list[str]:
    """Of the peers that have their packages from files of this folder."""
    pom = (_HERE / "flink" / "pom.xml").read_text()
    return [*(_HERE / "requirements.txt").read_text().split(), "flink==" + pom.partition("<flink.version>")[2].partition("<")[0]]


def _module(python: str, name: str, case: tuple[int, int, float]) -> dict[str, Any]:
    command = [python, "-m", f"bench.peers.{name}", json.dumps([*case, _BUDGET_S])]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _kafka(servers: str, peer: str, case: tuple[int, int, float], given: list[Event]) -> dict[str, Any]:
    """`windows` as the others have them, from what was written."""
    name = f"{peer}-{case[0]}-{case[1]}"
    if peer == "quix_hopping":
        command = ["-W", "ignore", str(_ROOT / "examples" / "tutorial" / "aggregate.py")]
        found = quix.measure(servers, name, "tutorial-aggregate", command, given, _BUDGET_S)
    else:
        found = quix.measure(servers, name, "tumbling", ["-W", "ignore", "-m", "bench.peers.quix_tumbling"], given, _BUDGET_S)
    by_end: dict[int, dict[str, dict[int, int]]] = {}
    for page, value in found.pop("written"):
        by_end.setdefault(value["end"], {})[page] = _tiles(value["value"])
    ends = sorted(by_end)
    found["windows"] = [[end_ms, by_end[end_ms]] for end_ms in (ends[len(ends) // 3], ends[-1 - len(ends) // 3])] if ends else []
    return found


def _tiles(value: dict[str, Any]) -> dict[int, int]:
    """x → y → count, or ``x/y`` → count, as tile → count."""
    found = {}
    for x, column in value.items():
        for y, count in column.items() if isinstance(column, dict) else [(x.partition("/")[2], column)]:
            found[int(y) * 50 + int(x.partition("/")[0])] = count
    return found


def _check(peer: str, found: dict[str, Any], given: list[Event]) -> int:
    """Holds the peer's windows to the brute-force count of the events that it had; returns how many were compared: at least one."""
    seen = given[: int(found["events"])]
    size = {"size_ms": HOP_MS} if peer == "quix_tumbling" else {}
    compared = 0
    for end_ms, pages in found["windows"]:
        expected = window(seen, end_ms, **size)
        for page, tiles in pages.items():
            got = {int(tile): count for tile, count in tiles.items()}
            if got != expected.get(page, {}):
                raise SystemExit(f"{peer}: {page} at {end_ms} differs from the brute-force count; its figure would mean nothing")
            compared += 1
    if not compared:
        raise SystemExit(f"{peer}: it gave no window that could be held to the brute-force count; its figure would mean nothing")
    return compared


def _that_can_be_had(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """All of them, without Flink where it can't be built; that is said."""
    if not set(chosen) & set(flink_sql.QUERIES):
        return chosen
    try:
        flink_sql.build()
    except flink_sql.FlinkMissing as missing:
        click.echo(f"Flink SQL is left out: {missing}", err=True)
        return tuple(peer for peer in chosen if peer not in flink_sql.QUERIES)
    return chosen


@click.command()
@click.argument("peers", nargs=-1, type=click.Choice(_PEERS))
def main(peers: tuple[str, ...]) -> None:
    """Run PEERS; none: all."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the broker and its folder go with us
    progress, rows = Progress(), []
    chosen = _that_can_be_had(peers or _PEERS)
    if not chosen:
        return
    python = _python() if {"duckdb", "bytewax"} & set(chosen) else ""
    modules = {"ours": (sys.executable, "ours"), "duckdb": (python, "duckdb_query"), "bytewax": (python, "bytewax_sliding")}
    click.echo(f"{'peer':<16}{'visitors':>9}{'pages':>7}{'events':>9}{'events a CPU s':>16}{'compared':>10}")
    with quix.broker() if any(peer.startswith(("quix", "flink")) for peer in chosen) else contextlib.nullcontext("") as servers:
        for case in _CASES:
            given = events(*case)
            for peer in chosen:
                progress.row(f"{peer}, {case[0]} visitors on {case[1]} pages")
                if peer in modules:
                    found = _module(*modules[peer], case)
                elif peer in flink_sql.QUERIES:
                    found = flink_sql.measure(servers, peer, given, _BUDGET_S)
                else:
                    found = _kafka(servers, peer, case, given)
                progress.clear()
                compared = _check(peer, found, given)
                rate = found["events"] / found["cpu_s"]
                del found["windows"]
                rows.append({"peer": peer, "visitors": case[0], "pages": case[1], "events_a_cpu_s": rate, "compared": compared, **found})
                click.echo(f"{peer:<16}{case[0]:>9}{case[1]:>7}{found['events']:>9,.0f}{rate:>16,.0f}{compared:>10}")
    results = _ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    found = {"row": "peers", "about": about() | {"peers": _versions()}, "figures": rows}
    (results / "peers.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

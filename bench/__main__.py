"""`make bench`: runs the benchmarks, prints one table, writes bench/results/core.json with the machine and versions."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import numpy as np

import isotherm
from bench.core import measure

_ROWS = ((40, 1, True, 1), (1000, 1, True, 1), (10_000, 1, True, 1), (10_000, 1000, True, 1), (10_000, 1000, False, 20))


def main() -> None:
    rows = []
    print(f"{'visitors':>9} {'pages':>6} {'watched':>8} {'gathered':>9} {'samples a CPU second':>21}")
    for visitors, pages, watched, gathered in _ROWS:
        row = measure(visitors, pages, watched=watched, gathered=gathered)
        rows.append(row._asdict() | {"samples_per_cpu_s": round(row.samples_per_cpu_s)})
        print(f"{visitors:>9,} {pages:>6,} {'yes' if watched else 'no':>8} {gathered:>9} {row.samples_per_cpu_s:>21,.0f}", flush=True)
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    about = {"python": platform.python_version(), "numpy": np.__version__, "isotherm": isotherm.__version__, "machine": platform.machine()}
    (results / "core.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

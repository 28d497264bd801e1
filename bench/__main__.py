"""`make bench`: runs the rows, prints one table, writes bench/results/ROW.json with the machine and versions.

`python -m bench core fanout` (or `make bench ARGS="core fanout"`) runs only these.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import signal
import time
from pathlib import Path

import click

from bench.figures import Figure
from bench.machine import about
from bench.progress import Progress
from bench.rows import ROWS
from bench.table import HEAD, line, markdown

_RESULTS = Path(__file__).parent / "results"


@click.command()
@click.argument("rows", nargs=-1, type=click.Choice(ROWS))
@click.option("--show", is_flag=True, help="Run nothing: the kept results as a Markdown table.")
def main(rows: tuple[str, ...], show: bool) -> None:
    """Run ROWS of the benchmark; none: all."""
    if show:
        kept = [_RESULTS / f"{name}.json" for name in rows or ROWS]
        click.echo(markdown([figure for path in kept if path.exists() for figure in json.loads(path.read_text())["figures"]]))
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: servers and folders go with us
    _RESULTS.mkdir(exist_ok=True)
    progress = Progress()
    click.echo(HEAD)
    for name in rows or ROWS:
        progress.row(name)
        machine, began_s = about(), time.monotonic()
        figures: list[Figure] = asyncio.run(importlib.import_module(f"bench.rows.{name}").run(progress))
        progress.clear()
        for figure in figures:
            click.echo(line(figure))
        took_s = round(time.monotonic() - began_s, 1)
        result = {"row": name, "took_s": took_s, "about": machine, "figures": [figure.as_json() for figure in figures]}
        (_RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

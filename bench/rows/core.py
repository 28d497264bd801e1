"""The core alone: samples as columns in, changed tiles of every watched page out; bare: panes in numpy, on the same samples."""

from __future__ import annotations

import asyncio

from bench.core import measure
from bench.figures import Figure, at_least
from bench.progress import Progress

__all__ = ["run"]

_ROWS = (
    (40, 1, True, 1, 1.0),
    (1000, 1, True, 1, 5.0),
    (10_000, 1, True, 1, 20.0),
    (10_000, 1000, True, 1, 2.5),
    (10_000, 1000, False, 20, 20.0),
)  #: visitors, pages, watched, samples that a tracker gathers, target in millions a CPU second


async def run(progress: Progress) -> list[Figure]:
    figures = []
    for visitors, pages, watched, gathered, target in _ROWS:
        what = f"core, {visitors:,} visitors on {pages:,} pages{'' if watched else ', nobody watches'}"
        progress.tell(what)
        row = await asyncio.to_thread(measure, visitors, pages, watched=watched, gathered=gathered)
        about = row._asdict() | {"target": target}
        this, bare = row.samples_per_cpu_s / 1e6, row.bare_samples_per_cpu_s / 1e6
        figures.append(Figure(what, this, "M samples a CPU s", bare, target=at_least(target), about=about))
    return figures

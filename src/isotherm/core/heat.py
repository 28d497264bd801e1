"""Heat: one page's window as a viewer sees it, and the classic JSON of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = [
    "NO_PULSE",
    "PICTURE_SIDE_MAX",
    "AllPages",
    "Changes",
    "Heat",
    "PageNow",
    "Pulse",
    "Source",
    "View",
    "classic_json",
    "classic_value",
    "levels",
    "value_of_few",
]

PICTURE_SIDE_MAX: Final = 25  #: cells a side of a page's small picture
_FEW: Final = 200  #: cells, up to which a loop is quicker than numpy's calls


class View(NamedTuple):
    """What can be watched: a page, a kind of sample and a device class (or ``all``)."""

    page: str  #: page key
    kind: str
    device: str


@dataclass(slots=True, frozen=True)
class Heat:
    """The whole window of a view: the cells that are not zero, ascending, and their counts."""

    end_ms: int
    window_ms: int
    grid_size: int
    cells: npt.NDArray[Any]
    counts: npt.NDArray[Any]


class Changes(NamedTuple):
    """What one hop changed in a view: cells, ascending, with their new counts (0: cold now)."""

    cells: npt.NDArray[Any]
    counts: npt.NDArray[Any]


class PageNow(NamedTuple):
    """What is known of a page beside its heat."""

    key: str
    origin: str | None
    visitors: int
    samples: int  #: in the window, all layers
    rate: float  #: samples a second, smoothed over some seconds
    newest_ms: int  #: event time of the newest sample; 0: none known


class Pulse(NamedTuple):
    """What a page's viewers are told of it at each hop, beside its heat."""

    visitors: int
    rate: float  #: samples a second, smoothed over some seconds
    newest_ms: int  #: event time of the newest sample; 0: none known


NO_PULSE: Final = Pulse(0, 0.0, 0)  #: of a page that does not live


class Source(Protocol):
    """Where heat comes from: the aggregator, what was read of the `heatmap` topic, or either of them masked."""

    grid_size: int
    window_ms: int
    hop_ms: int

    @property
    def end_ms(self) -> int: ...
    def end_of(self, page_key: str) -> int: ...
    def whole(self, view: View) -> Heat: ...
    def page(self, key: str, now_ms: int) -> PageNow | None: ...
    def pulse(self, key: str, now_ms: int) -> Pulse: ...  # `NO_PULSE` where it does not live
    def watch(self, page_key: str | None) -> None: ...
    def unwatch(self, page_key: str | None) -> None: ...


class AllPages(Source, Protocol):
    """A source of heat that also knows which pages live."""

    @property
    def keys(self) -> Collection[str]: ...  # of all live pages: to know their number, nothing is summed

    def pages(self, now_ms: int) -> list[PageNow]: ...


def classic_value(cells: npt.NDArray[Any], counts: npt.NDArray[Any], grid_size: int) -> dict[str, dict[str, int]]:
    """x -> y -> count, keys decimal strings. Cells are each named once, ascending."""
    names = _decimals(grid_size)
    if len(cells) <= _FEW:
        return value_of_few(cells.tolist(), counts.tolist(), grid_size)
    rows, columns = np.divmod(cells, grid_size)
    order = np.argsort(columns.astype(np.uint16) if grid_size <= 1 << 16 else columns, kind="stable")  # of 16 bits, in a few passes
    columns = columns[order]
    ys, numbers = [names[row] for row in rows[order].tolist()], counts[order].tolist()
    starts = [0, *(np.flatnonzero(columns[1:] != columns[:-1]) + 1).tolist()]
    bounds = zip(columns[starts].tolist(), starts, [*starts[1:], len(ys)], strict=True)
    return {names[x]: dict(zip(ys[start:stop], numbers[start:stop], strict=True)) for x, start, stop in bounds}


def value_of_few(cells: list[int], counts: list[int], grid_size: int) -> dict[str, dict[str, int]]:
    """`classic_value` of what is in lists, cells ascending, in a loop."""
    names, columns = _decimals(grid_size), dict[int, dict[str, int]]()
    for cell, count in zip(cells, counts, strict=True):
        x = cell % grid_size
        column = columns.get(x)
        if column is None:
            columns[x] = {names[cell // grid_size]: count}
        else:
            column[names[cell // grid_size]] = count
    return {names[x]: columns[x] for x in sorted(columns)}


@lru_cache(maxsize=4)
def _decimals(below: int) -> list[str]:
    return list(map(str, range(below)))


def classic_json(heat: Heat) -> bytes:
    """The classic heat map: ``{"start", "end", "value", "grid-size"}``."""
    return msgspec.json.encode(
        {
            "start": heat.end_ms - heat.window_ms,
            "end": heat.end_ms,
            "value": classic_value(heat.cells, heat.counts, heat.grid_size),
            "grid-size": heat.grid_size,
        }
    )


def levels(heat: Heat, size_max: int) -> tuple[int, npt.NDArray[np.uint8]]:
    """A small picture: the grid's side (at most `size_max`) and levels 0 … 255 relative to the hottest tile, row by row.

    Several tiles that fall on one cell of the picture are added; what is warm at all has level 1 at least.
    """
    shrink = -(-heat.grid_size // size_max)
    side = -(-heat.grid_size // shrink)
    picture = np.zeros(side * side, np.int64)
    rows, columns = np.divmod(heat.cells, heat.grid_size)
    np.add.at(picture, (rows // shrink) * side + columns // shrink, heat.counts)
    hottest = int(picture.max(initial=0))
    return side, np.ceil(picture * (255 / hottest)).clip(0, 255).astype(np.uint8) if hottest else picture.astype(np.uint8)

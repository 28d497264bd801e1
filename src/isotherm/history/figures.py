"""Figures: one view's heat over one range, with its people, ready to be written as JSON, CSV or PNG.

A tile with fewer than `people_min` people is as if it were cold, in every form. Where people are a sample (a crowd beyond the budget of
`core/people.py`), a tile is held to be below it unless the sample alone reaches it, so that none is ever shown that should not be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from isotherm.core.heat import View, classic_value
from isotherm.core.layers import ALL_DEVICES, layers_of
from isotherm.core.pages import DEFAULT_SITE, Page
from isotherm.core.people import Marks

__all__ = ["Figures", "as_csv", "as_json", "figures_of"]


@dataclass(slots=True, frozen=True)
class Figures:
    """`counts` and `people_by_tile` have an element a tile, row by row; people are None where they are not known."""

    view: View
    start_ms: int
    end_ms: int
    grid_size: int
    counts: npt.NDArray[Any]
    people: int | None
    people_by_tile: npt.NDArray[Any] | None
    people_error: float  #: relative, one standard deviation of the number of all people; 0: exact
    hidden_tiles: int  #: that had heat, but too few people
    size: tuple[float, float] | None  #: of the document, CSS pixels

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @property
    def title(self) -> str:
        page = Page.from_key(self.view.page)
        return page.path if page.site == DEFAULT_SITE else f"{page.path}  ({page.site})"

    @property
    def note(self) -> str:
        device = "" if self.view.device == ALL_DEVICES else f", {self.view.device} only"
        return device + (f"; {self.hidden_tiles} tiles with too few people left out" if self.hidden_tiles else "")


def figures_of(
    view: View,
    counts: npt.NDArray[Any],
    marks: Marks | None,
    *,
    start_ms: int,
    end_ms: int,
    grid_size: int,
    size: tuple[float, float] | None,
    people_min: int,
) -> Figures:
    """`counts` of each tile, and who was there; None: that is not known, and no tile can be held to have enough."""
    tiles, layers = grid_size * grid_size, layers_of(view.kind, view.device)
    known = marks if marks is not None else Marks()
    people = known.by_tile(layers, tiles)
    shown = np.where(known.enough(layers, tiles, people_min), counts, 0)
    everyone = known.within(layers, tiles)
    sampled = everyone >> known.level
    return Figures(
        view,
        start_ms,
        end_ms,
        grid_size,
        shown,
        everyone if marks is not None and (sampled >= people_min or people_min <= 1) else None,
        np.where(shown > 0, people, 0) if marks is not None else None,
        float(np.sqrt(((1 << known.level) - 1) / max(1, everyone))) if known.level else 0.0,
        int(np.count_nonzero(counts) - np.count_nonzero(shown)),
        size,
    )


def as_json(figures: Figures, *, with_people: bool) -> bytes:
    """The classic heat map; with people, `people` beside it: `total`, `value` as the heat's, and `error`."""
    tiles = np.flatnonzero(figures.counts)
    answer: dict[str, object] = {
        "start": figures.start_ms,
        "end": figures.end_ms,
        "value": classic_value(tiles, figures.counts[tiles], figures.grid_size),
        "grid-size": figures.grid_size,
    }
    if with_people:
        answer["hidden-tiles"] = figures.hidden_tiles
    if with_people and figures.people_by_tile is not None:
        seen = np.flatnonzero(figures.people_by_tile)
        answer["people"] = {
            "total": figures.people,
            "value": classic_value(seen, figures.people_by_tile[seen], figures.grid_size),
            "error": round(figures.people_error, 4),
        }
    return msgspec.json.encode(answer)


def as_csv(figures: Figures) -> bytes:
    """A row a tile that is not cold: the range, the tile's column and row, samples, people."""
    start, end = (_iso(time_ms) for time_ms in (figures.start_ms, figures.end_ms))
    lines = ["start,end,x,y,count,people"]
    tiles = np.flatnonzero(figures.counts)
    people = figures.people_by_tile[tiles].tolist() if figures.people_by_tile is not None else [""] * len(tiles)
    for tile, count, seen in zip(tiles.tolist(), figures.counts[tiles].tolist(), people, strict=True):
        y, x = divmod(tile, figures.grid_size)
        lines.append(f"{start},{end},{x},{y},{count},{seen}")
    return ("\r\n".join(lines) + "\r\n").encode()


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Samples as the gateway took them: columns, many sessions at once, all that depends on the arrival already resolved.

A *run* is what one message brought: it has one page, session and device class, and ``size`` samples that stand together
in the sample columns, in order. The runs' sizes add up to the samples' length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.pages import Page

__all__ = ["NO_LOAD", "NO_NUMBER", "Anchored", "Numbered", "Runs", "Samples", "part_of"]

NO_LOAD = -1  #: a run's `load` where the message can't be told from a repeat (classic events)


NO_NUMBER = -1


@dataclass(slots=True, frozen=True)
class Numbered:
    """Numbers that were given in this process, so that nobody need look for the names again: to (session, load) of each run by an intake,
    to each page by Group By.

    Within one table (told from all others by its number) a number is always the same. No record has them.
    """

    table: int
    number: npt.NDArray[np.int64]  #: small; `NO_NUMBER`: this one has none


@dataclass(slots=True, frozen=True)
class Runs:
    """One row a message. `page`, `session` and `load` are places in the tables of `Samples`."""

    page: npt.NDArray[Any]
    session: npt.NDArray[Any]
    device: npt.NDArray[Any]  #: place in `layers.DEVICES`
    load: npt.NDArray[Any]  #: or `NO_LOAD`
    seq: npt.NDArray[Any]
    width: npt.NDArray[Any]  #: of the document, CSS pixels
    height: npt.NDArray[Any]
    size: npt.NDArray[Any]  #: samples
    numbered: Numbered | None = None

    def __len__(self) -> int:
        return len(self.size)


@dataclass(slots=True, frozen=True)
class Anchored:
    """Beside the tile: the zone or element that each sample lay on, and where in its box. Columns as long as the samples'."""

    anchor: npt.NDArray[Any]  #: place in the samples' `anchors`; -1: none
    x: npt.NDArray[Any]  #: thousandths of the box's width, from its left edge
    y: npt.NDArray[Any]  #: thousandths of the box's height, from its top edge

    def take(self, places: npt.NDArray[Any]) -> Anchored:
        return Anchored(self.anchor[places], self.x[places], self.y[places])


@dataclass(slots=True, frozen=True)
class Samples:
    """A batch of samples: the value of one `clickstream` record, in memory. Without anchors, `anchors` is empty and `anchored` None."""

    arrived_ms: int
    pages: list[Page]
    origins: list[str | None]  #: of each page: where a browser said that it sent from
    sessions: list[str]
    loads: list[str]
    runs: Runs
    time_ms: npt.NDArray[np.int64]  #: event time, ms since the epoch
    x: npt.NDArray[np.float64]  #: position in the document, CSS pixels
    y: npt.NDArray[np.float64]
    kind: npt.NDArray[np.uint8]  #: place in `kinds`
    kinds: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)  #: names of zones and elements that samples lay on
    anchored: Anchored | None = None

    def __len__(self) -> int:
        return len(self.time_ms)

    def has_any(self, kinds: Iterable[int]) -> bool:
        """Whether there is a sample of one of these kinds, places in `kinds`: a look at bytes, where most records have none."""
        return any(map(self.kind.tobytes().__contains__, kinds))


def _named_anchors(anchors: list[str], anchored: Anchored | None) -> tuple[list[str], Anchored | None]:
    """The anchors of a part of samples, with a table of only what it names."""
    if anchored is None or anchored.anchor.max(initial=-1) < 0:
        return [], None
    used, place = np.unique(anchored.anchor, return_inverse=True)
    if used[0] < 0:
        used, place = used[1:], place - 1
    return [anchors[at] for at in used.tolist()], Anchored(place, anchored.x, anchored.y)


def part_of(samples: Samples, rows: npt.NDArray[Any], size: npt.NDArray[Any], chosen: npt.NDArray[Any]) -> Samples:
    """Some runs of samples, with tables of only what these name: no other name goes along.

    `rows` are places of runs, `size` how many samples of each are left, `chosen` these samples: a mask, or places in the runs' order.
    """
    runs = samples.runs
    pages, page = np.unique(runs.page[rows], return_inverse=True)
    sessions, session = np.unique(runs.session[rows], return_inverse=True)
    loads, load = np.unique(runs.load[rows], return_inverse=True)
    if len(loads) and loads[0] == NO_LOAD:
        loads, load = loads[1:], load - 1  # which makes those without a load, the first, `NO_LOAD` again
    anchored = samples.anchored.take(chosen) if samples.anchored is not None else None
    anchors, anchored = _named_anchors(samples.anchors, anchored)
    return replace(
        samples,
        pages=[samples.pages[at] for at in pages.tolist()],
        origins=[samples.origins[at] for at in pages.tolist()],
        sessions=[samples.sessions[at] for at in sessions.tolist()],
        loads=[samples.loads[at] for at in loads.tolist()],
        runs=Runs(page, session, runs.device[rows], load, runs.seq[rows], runs.width[rows], runs.height[rows], size),
        time_ms=samples.time_ms[chosen],
        x=samples.x[chosen],
        y=samples.y[chosen],
        kind=samples.kind[chosen],
        anchors=anchors,
        anchored=anchored,
    )

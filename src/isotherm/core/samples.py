"""Samples as the gateway took them: columns, many sessions at once, all that depends on the arrival already resolved.

A *run* is what one message brought: it has one page, session and device class, and ``size`` samples that stand together
in the sample columns, in order. The runs' sizes add up to the samples' length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.pages import Page

__all__ = ["NO_LOAD", "Anchored", "Runs", "Samples", "named_anchors"]

NO_LOAD = -1  #: a run's `load` where the message can't be told from a repeat (classic events)


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


def named_anchors(anchors: list[str], anchored: Anchored | None) -> tuple[list[str], Anchored | None]:
    """The anchors of a part of samples, with a table of only what it names."""
    if anchored is None or anchored.anchor.max(initial=-1) < 0:
        return [], None
    used, place = np.unique(anchored.anchor, return_inverse=True)
    if used[0] < 0:
        used, place = used[1:], place - 1
    return [anchors[at] for at in used.tolist()], Anchored(place, anchored.x, anchored.y)

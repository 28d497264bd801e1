"""Erasing: samples of a record without those of a session, of a page, or of before some time. Tables are made anew, so no name stays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.samples import NO_LOAD, Runs, Samples, named_anchors

__all__ = ["Erasure"]


@dataclass(slots=True, frozen=True)
class Erasure:
    """What is to go; of several conditions all must hold. `page` is a page key."""

    session: str | None = None
    page: str | None = None
    before_ms: int | None = None

    def without(self, samples: Samples) -> Samples:
        """The samples that stay; the very same object where all do."""
        runs = samples.runs
        goes = np.ones(len(runs), np.bool_)
        if self.session is not None:
            goes &= np.array([name == self.session for name in samples.sessions], np.bool_)[runs.session]
        if self.page is not None:
            goes &= np.array([page.key == self.page for page in samples.pages], np.bool_)[runs.page]
        gone = np.repeat(goes, runs.size)
        if self.before_ms is not None:
            gone &= samples.time_ms < self.before_ms
            left = np.bincount(np.repeat(np.arange(len(runs)), runs.size)[~gone], minlength=len(runs))
        else:
            left = np.where(goes, 0, runs.size)
        if not gone.any() and not (goes & (runs.size == 0)).any():
            return samples
        return _of(samples, np.flatnonzero((left > 0) | ~goes), left, ~gone)


def _of(samples: Samples, rows: npt.NDArray[Any], left: npt.NDArray[Any], kept: npt.NDArray[np.bool_]) -> Samples:
    runs = samples.runs
    pages, page = np.unique(runs.page[rows], return_inverse=True)
    sessions, session = np.unique(runs.session[rows], return_inverse=True)
    loads, load = np.unique(runs.load[rows], return_inverse=True)
    first = 1 if len(loads) and loads[0] == NO_LOAD else 0
    anchored = samples.anchored.take(np.flatnonzero(kept)) if samples.anchored is not None else None
    anchors, anchored = named_anchors(samples.anchors, anchored)
    return replace(
        samples,
        pages=[samples.pages[at] for at in pages.tolist()],
        origins=[samples.origins[at] for at in pages.tolist()],
        sessions=[samples.sessions[at] for at in sessions.tolist()],
        loads=[samples.loads[at] for at in loads[first:].tolist()],
        runs=Runs(
            page=page,
            session=session,
            device=runs.device[rows],
            load=load - first,
            seq=runs.seq[rows],
            width=runs.width[rows],
            height=runs.height[rows],
            size=left[rows],
        ),
        time_ms=samples.time_ms[kept],
        x=samples.x[kept],
        y=samples.y[kept],
        kind=samples.kind[kept],
        anchors=anchors,
        anchored=anchored,
    )

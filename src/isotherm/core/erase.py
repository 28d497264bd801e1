"""Erasing: samples of a record without those of a session, of a page, or of before some time. Tables are made anew, so no name stays.

Of what was rolled up, a session's marks can go; counts tell of no session.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isotherm.core.people import Marks, hash_of
from isotherm.core.samples import Samples, part_of

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
        rows = np.flatnonzero((left > 0) | ~goes)
        return part_of(samples, rows, left[rows], ~gone)

    def without_marks(self, page: str, begin_ms: int, marks: Marks) -> Marks:
        """The marks of a page's bucket that stay: all but the session's; of a bucket that begins before the time, all of them."""
        spared = self.page not in (None, page) or (self.before_ms is not None and begin_ms >= self.before_ms)
        return marks if self.session is None or spared else marks.without(hash_of(self.session))

"""Exposure rolled up: minutes, hours and days of what was in view, beside those of tiles (`rollup`).

A bucket holds cells, ``device x bands + band``, with the milliseconds that the band was in view; and behind those of all devices, cells
``(3 + device) x bands + band``, with the time that was spent at the very top of the page by the last band in view then: where the first
screen ends. Who had which band in view are marks of the first. A stretch that lies in two minutes is cut where they meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.counts import Counts
from isotherm.core.exposure import Exposed, distinct, fold_of
from isotherm.core.layers import DEVICES
from isotherm.core.people import MARKS_MAX, Marks
from isotherm.core.rollup import Contents, groups
from isotherm.core.tiers import TIERS_MS, Floors

__all__ = ["ExposureBucket", "exposed_in", "fold_exposure"]

_DEVICES: Final = len(DEVICES)
Ints = npt.NDArray[np.int64]


class ExposureBucket(NamedTuple):
    """What is to be added to the exposure of a page's bucket."""

    page: str
    tier: int
    number: int  #: event time // the tier's span
    contents: Contents


def fold_exposure(
    counts: Sequence[Counts], *, bands: int, floors: Floors, only_page: str | None = None, marks_max: int = MARKS_MAX
) -> list[ExposureBucket]:
    """The buckets of all tiers that get something, above the floors."""
    pages: dict[str, int] = {}
    parts = []
    for one in counts:
        told = one.stretches
        if told is None or (only_page is not None and only_page not in one.pages):
            continue
        if only_page is not None:
            told = told.only([key == only_page for key in one.pages])
        keys = one.pages if only_page is None else [only_page]
        place = np.array([pages.setdefault(key, len(pages)) for key in keys], np.int64)
        parts.append(np.stack((place[told.page], *told.columns())))
    if not parts:
        return []
    table, keys = np.concatenate(parts, axis=1), list(pages)
    buckets = []
    for tier, (span_ms, floor_ms) in enumerate(zip(TIERS_MS, floors.by_tier, strict=True)):
        cut = _cut(table, span_ms)
        cut = cut[:, cut[5] >= floor_ms]
        for (page_at, number), rows in groups(cut[0], cut[5] // span_ms):
            buckets.append(ExposureBucket(keys[page_at], tier, number, _contents(cut[1:, rows], bands, marks_max)))
    return buckets


def _cut(table: Ints, span_ms: int) -> Ints:
    """Columns as they were, the last two start and end: each within one span."""
    start, end = table[5], table[6]
    pieces = (end - 1) // span_ms - start // span_ms + 1
    rows = np.repeat(np.arange(table.shape[1]), pieces)
    number = start[rows] // span_ms + np.arange(len(rows)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    cut = table[:, rows]
    cut[5] = np.maximum(start[rows], number * span_ms)
    cut[6] = np.minimum(end[rows], (number + 1) * span_ms)
    return cut


def _contents(columns: Ints, bands: int, marks_max: int) -> Contents:
    person, device, top, bottom, start, end = columns
    span = end - start
    wide, cells = bands + 1, 2 * _DEVICES * bands
    differences = np.bincount(device * wide + top, weights=span, minlength=_DEVICES * wide)
    differences -= np.bincount(device * wide + bottom, weights=span, minlength=_DEVICES * wide)
    ms = np.cumsum(differences.reshape(_DEVICES, wide), axis=1)[:, :bands].reshape(-1)
    at_top = top == 0
    first_screen = np.bincount(((device + _DEVICES) * bands + bottom - 1)[at_top], weights=span[at_top], minlength=cells)
    first_screen[: len(ms)] = ms
    found = np.flatnonzero(first_screen)
    who, first, last = distinct(person * _DEVICES + device, top, bottom)
    long = last - first
    rows = np.repeat(np.arange(len(who)), long)
    band = first[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(long) - long, long)
    marks = Marks.of(who[rows] // _DEVICES, who[rows] % _DEVICES * bands + band, marks_max)
    return Contents(found, first_screen[found].astype(np.int64), marks)


def exposed_in(contents: Contents, devices: Sequence[int], *, bands: int, start_ms: int, end_ms: int) -> Exposed:
    """What buckets together say of a page, as some device classes had it."""
    chosen = np.array(devices, np.int64)
    first_screen = contents.by_tile(chosen + _DEVICES, bands)
    return Exposed(
        start_ms, end_ms, contents.by_tile(chosen, bands), contents.marks.by_tile(chosen, bands), contents.marks.within(chosen, bands),
        fold_of(first_screen), contents.marks.level,
    )  # fmt: skip

"""What must hold in a digest (`digest`) before anything is taken from it.

A right checksum says that a file is as it was written, not that we wrote it. What is taken from it goes to Group By, the window and the
history, which look at a place in a table as at one that their own stages made. So each place is looked up here, each length added up and
each number held against what it can be, once a column; and what does not hold is no digest: its records are read.

    lengths    of each record's parts: from 0, together as long as the columns
    places     within the tables of the digest, or of their record
    numbers    as counting makes them; times within `TIME_MS_MAX`, since they are added to and multiplied
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from isotherm.core.digest_bytes import NOBODY, DigestError, Head, Packed
from isotherm.core.layers import DEVICES, KINDS, LAYERS
from isotherm.core.limits import TIME_MS_MAX
from isotherm.core.pages import Page
from isotherm.core.rage import BURST_SEQ
from isotherm.core.samples import NO_LOAD

__all__ = ["check_counted", "check_remembered"]

_NUMBER_MAX: Final = 2**53
_COUNT_MAX: Final = 2**31 - 1
_TOGETHER_MAX: Final = 2**27  #: samples in all: a digest is cut long before
_IN_VIEW_MS_MAX: Final = 2**37  #: in all: 4 million samples, half a minute each. The history cuts each stretch into its minutes
_PERSON_MAX: Final = 2**32 - 1
_FLOATS: Final = frozenset(("run.width", "run.height", "click.x", "click.y"))
_TABLE_MAX: Final = 1 << 24

Columns = Mapping[str, Packed]


def check_remembered(head: Head, columns: Columns, grid_size: int) -> None:
    """Raises `DigestError` where what is remembered does not hold together."""
    records, runs = len(columns["record.offset"].values), len(columns["run.page"].values)
    for name in ("taken", "arrived", "pages", "runs", "rows", "samples", "clicks", "zone_rows", "stretches"):
        _expect(len(columns[f"record.{name}"].values) == records, "record")
    _alike(columns, "page", "run", "click", "view")
    _whole(columns, "record", "page", "run", "click", "view")
    offset = columns["record.offset"].wide()
    _expect(bool(offset[0] >= 0 and offset[-1] < _NUMBER_MAX and (np.diff(offset) > 0).all()), "record.offset")
    for name in ("taken", "arrived"):
        _between(columns, f"record.{name}", 0, _NUMBER_MAX)
    _adds_up(columns, "pages", "page.place"), _adds_up(columns, "clicks", "click.run")
    runs_of = _adds_up(columns, "runs", "run.page")
    _expect(len(set(head.pages)) == len(head.pages), "pages")
    try:
        for key in head.pages:
            Page.from_key(key)
    except ValueError:
        raise DigestError("its pages are none") from None
    _between(columns, "page.place", 0, len(head.pages) - 1)
    _between(columns, "page.origin", NOBODY, len(head.origins) - 1)
    _between(columns, "page.visitors", 0, _NUMBER_MAX)
    _between(columns, "run.page", 0, len(head.pages) - 1)
    _between(columns, "run.session", 0, _COUNT_MAX)
    _between(columns, "run.load", NO_LOAD, _COUNT_MAX)
    _between(columns, "run.seq", BURST_SEQ, _NUMBER_MAX)
    _between(columns, "run.size", 0, _COUNT_MAX)
    _within(columns, "click.run", "clicks", runs_of)
    _between(columns, "click.device", 0, len(DEVICES) - 1)
    _between(columns, "click.zone", NOBODY, len(head.zones) - 1)
    _between(columns, "view.page", 0, len(head.pages) - 1)
    _between(columns, "view.session", 0, _COUNT_MAX)
    _between(columns, "view.device", 0, len(DEVICES) - 1)
    _between(columns, "view.person", 0, _PERSON_MAX)
    for name in ("page.newest", "run.last", "click.time", "view.since_ms", "view.told_ms", "view.active_ms", "view.due"):
        _between(columns, name, -TIME_MS_MAX, TIME_MS_MAX)
    for name in ("click.in_x", "click.in_y"):
        _between(columns, name, -_COUNT_MAX - 1, _COUNT_MAX)
    for name in sorted(_FLOATS):
        numbers = columns[name].wide(dtype=np.float64)
        _expect(bool(np.isfinite(numbers).all()) and (name.startswith("click") or not runs or numbers.min() > 0), name)
    _bands(columns, "view", grid_size, left=True)
    open_ = columns["view.bottom"].wide() > 0  # what is told of it next is as long as that, and half a minute
    _in_view((columns["view.active_ms"].wide() - columns["view.told_ms"].wide())[open_], -_COUNT_MAX, "view.told_ms")


def check_counted(head: Head, columns: Columns, grid_size: int, hop_ms: int) -> None:
    """The same of what is counted; `columns` are all, what is remembered was found sound."""
    _alike(columns, "row", "zone", "stretch")
    _whole(columns, "row", "sample", "zone", "session", "stretch")
    panes_max = TIME_MS_MAX // hop_ms
    pages_of = columns["record.pages"].wide()
    rows_of = _adds_up(columns, "rows", "row.page")
    samples_of = _adds_up(columns, "samples", "sample.row")
    _adds_up(columns, "zone_rows", "zone.page"), _adds_up(columns, "stretches", "stretch.page")
    _within(columns, "row.page", "rows", pages_of)
    _between(columns, "row.layer", 0, LAYERS - 1)
    _between(columns, "row.pane", -panes_max, panes_max)
    _between(columns, "row.tile", 0, grid_size * grid_size - 1)
    _within(columns, "sample.row", "samples", rows_of, NOBODY)
    _within(columns, "zone.page", "zone_rows", pages_of)
    _between(columns, "zone.zone", 0, len(head.zones) - 1)
    _between(columns, "zone.pane", -panes_max, panes_max)
    _between(columns, "zone.kind", 0, len(KINDS) - 1)
    _between(columns, "zone.person", 0, _PERSON_MAX)
    for name in ("row.count", "zone.count"):
        _between(columns, name, 1, _COUNT_MAX)
        _expect(_sum(columns[name]) <= _TOGETHER_MAX, name)
    _check_people(head, columns, samples_of)
    _check_stretches(columns, grid_size)


def _check_people(head: Head, columns: Columns, samples_of: npt.NDArray[np.int64]) -> None:
    """Who is behind the rows is told by the batches: of a record's samples by all of its batches, or none, each on one of its pages."""
    if not head.people:
        return
    _between(columns, "session.hash", 0, _PERSON_MAX)
    sessions = len(columns["session.hash"].values)
    _between(columns, "run.session", 0, sessions - 1)
    runs_of, pages_of = columns["record.runs"].wide(), columns["record.pages"].wide()
    record = np.repeat(np.arange(len(runs_of)), runs_of)
    sizes = np.bincount(record, weights=columns["run.size"].wide(), minlength=len(runs_of))
    _expect(bool(((samples_of == 0) | (samples_of == sizes)).all()), "sample.row")
    number = len(head.pages)
    own = np.repeat(np.arange(len(pages_of)) * number, pages_of) + columns["page.place"].wide()
    said = record * number + columns["run.page"].wide()
    if len(runs_of) * number <= _TABLE_MAX:
        known = np.zeros(len(runs_of) * number, np.bool_)
        known[own] = True
        _expect(bool(known[said].all()), "run.page")
    else:
        _expect(bool(np.isin(said, own).all()), "run.page")


def _check_stretches(columns: Columns, grid_size: int) -> None:
    _within(columns, "stretch.page", "stretches", columns["record.pages"].wide())
    _between(columns, "stretch.person", 0, _PERSON_MAX)
    _between(columns, "stretch.device", 0, len(DEVICES) - 1)
    _bands(columns, "stretch", grid_size, left=False)
    for name in ("stretch.start_ms", "stretch.end_ms"):
        _between(columns, name, -TIME_MS_MAX, TIME_MS_MAX)
    _in_view(columns["stretch.end_ms"].wide() - columns["stretch.start_ms"].wide(), 1, "stretch.end_ms")


# -- one column


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise DigestError(f"its column {what} is made up")


def _span(column: Packed) -> tuple[int, int] | None:
    """The least and the most of it; None: it is empty."""
    values, base = column
    if not len(values):
        return None
    return int(values.min()) + base, int(values.max()) + base


def _between(columns: Columns, name: str, least: int, most: int) -> None:
    span = _span(columns[name])
    _expect(span is None or least <= span[0] <= span[1] <= most, name)


def _bands(columns: Columns, table: str, grid_size: int, *, left: bool) -> None:
    """Rows of the grid, the last one behind the first; or none: 0, where a view was `left`."""
    top, bottom = columns[f"{table}.top"].wide(), columns[f"{table}.bottom"].wide()
    shown = (top < bottom) | (bottom == 0) if left else top < bottom
    _expect(bool(((top >= 0) & (bottom <= grid_size) & (bottom >= 0) & shown).all()), f"{table}.bottom")


def _in_view(long_ms: npt.NDArray[np.int64], least: int, what: str) -> None:
    _expect(not len(long_ms) or bool(long_ms.min() >= least and long_ms.max() <= _COUNT_MAX and long_ms.sum() <= _IN_VIEW_MS_MAX), what)


def _sum(column: Packed) -> int:
    return int(column.wide().sum())


def _alike(columns: Columns, *tables: str) -> None:
    """The columns of a table have one length."""
    for table in tables:
        lengths = {len(column.values) for name, column in columns.items() if name.startswith(f"{table}.")}
        _expect(len(lengths) == 1, table)


def _whole(columns: Columns, *tables: str) -> None:
    """Only what may be a fraction is one."""
    for name, column in columns.items():
        if name.partition(".")[0] in tables and name not in _FLOATS:
            _expect(column.values.dtype.kind != "f", name)


def _adds_up(columns: Columns, what: str, name: str) -> npt.NDArray[np.int64]:
    """How many elements of the column each record has."""
    length = len(columns[name].values)
    _between(columns, f"record.{what}", 0, length)
    lengths: npt.NDArray[np.int64] = columns[f"record.{what}"].wide()
    _expect(int(lengths.sum()) == length, f"record.{what}")
    return lengths


def _within(columns: Columns, name: str, what: str, sizes: npt.NDArray[Any], least: int = 0) -> None:
    """Each record's elements are places in a table of its own, which is so large."""
    lengths = columns[f"record.{what}"].wide()
    _between(columns, name, least, _NUMBER_MAX)
    some = lengths > 0
    if some.any():
        values, base = columns[name]
        starts = (np.cumsum(lengths) - lengths)[some]
        _expect(bool((np.maximum.reduceat(values, starts).astype(np.int64) + base < sizes[some]).all()), name)

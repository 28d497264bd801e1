"""Joining: the samples of many records as one, for whoever reads a long stretch of the log or counts a hop's; and the counts of many pages
as one, for the aggregator. A record of two samples is all overhead.

What `sample_records` and `count_records` check of each record is checked here once for all of them; so it raises for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.columns import ColumnError, unpack, unpack_many
from isotherm.core.counts import Counts
from isotherm.core.layers import DEVICES, LAYERS
from isotherm.core.limits import TIME_MS_MAX
from isotherm.core.pages import Page
from isotherm.core.record_columns import ages, near, whole
from isotherm.core.records import Clickstream, GroupedByPage, RecordError
from isotherm.core.samples import NO_LOAD, NO_NUMBER, Anchored, Numbered, Runs, Samples

__all__ = ["joined", "joined_counts", "joined_samples"]

_RUN_COLUMNS = ("page", "session", "device", "load", "seq", "w", "h", "n")
_COUNT_COLUMNS = ("pane", "layer", "tile", "count")
_INT32_MAX = 2**31 - 1
_SAMPLE_COLUMNS = ("age", "x", "y", "kind")


class _Table:
    """Names of all records, each once, and for each record's names where they are."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.moved: list[int] = []
        self.starts = [0]

    def add(self, names: Iterable[str]) -> None:
        places = self.places
        self.moved += [places.setdefault(name, len(places)) for name in names]
        self.starts.append(len(self.moved))

    @property
    def names(self) -> list[str]:
        return list(self.places)

    def moved_to(self, column: npt.NDArray[Any], of: npt.NDArray[np.intp], none: int | None = None) -> npt.NDArray[np.int64]:
        """Places in the records' own tables as places in this one; `of` tells of which record each is. Raises `RecordError`."""
        starts = np.array(self.starts)
        known = column != none if none is not None else np.ones(len(column), np.bool_)
        at = column + starts[of]
        if not ((column >= 0) & (at < starts[of + 1]))[known].all():
            raise RecordError("expected places in a record's own tables")
        found = np.full(len(column), -1, np.int64)
        found[known] = np.array(self.moved, np.int64)[at[known].astype(np.intp)]
        return found


def joined(records: Sequence[Clickstream]) -> Samples:
    """The samples of records that follow each other, one at least; `arrived_ms` is that of the last. Raises `RecordError`."""
    try:
        return _joined(records)
    except (ColumnError, ValueError) as error:
        raise RecordError(str(error)) from None


def joined_samples(parts: Sequence[Samples]) -> Samples:
    """Samples that follow each other as one, one part at least; `arrived_ms` is that of the last. Of a page that several name it has the
    last origin."""
    if len(parts) == 1:
        return parts[0]
    pages: dict[Page, int] = {}
    origins: dict[Page, str | None] = {}
    sessions, loads, kinds, anchors = (_Table() for _ in range(4))
    moved: list[int] = []
    for part in parts:
        moved += [pages.setdefault(page, len(pages)) for page in part.pages]
        origins.update(zip(part.pages, part.origins, strict=True))
        for table, names in ((sessions, part.sessions), (loads, part.loads), (kinds, part.kinds), (anchors, part.anchors)):
            table.add(names)
    runs = [part.runs for part in parts]
    of_run, of_sample = np.repeat(np.arange(len(parts)), [len(one) for one in runs]), [len(part) for part in parts]
    starts = np.cumsum([0, *(len(part.pages) for part in parts[:-1])])
    load = np.concatenate([one.load for one in runs])
    kind = np.concatenate([part.kind for part in parts])
    if any(part.kinds != parts[0].kinds for part in parts):
        kind = kinds.moved_to(kind, np.repeat(np.arange(len(parts)), of_sample)).astype(np.uint8)
    return Samples(
        arrived_ms=parts[-1].arrived_ms,
        pages=list(pages),
        origins=[origins[page] for page in pages],
        sessions=sessions.names,
        loads=loads.names,
        runs=Runs(
            page=np.array(moved, np.int64)[np.concatenate([one.page for one in runs]) + starts[of_run]],
            session=sessions.moved_to(np.concatenate([one.session for one in runs]), of_run),
            device=np.concatenate([one.device for one in runs]),
            load=loads.moved_to(load, of_run, NO_LOAD) if loads.places else load,
            seq=np.concatenate([one.seq for one in runs]),
            width=np.concatenate([one.width for one in runs]),
            height=np.concatenate([one.height for one in runs]),
            size=np.concatenate([one.size for one in runs]),
            numbered=_joined_numbers(runs),
        ),
        time_ms=np.concatenate([part.time_ms for part in parts]),
        x=np.concatenate([part.x for part in parts]),
        y=np.concatenate([part.y for part in parts]),
        kind=kind,
        kinds=kinds.names,
        anchors=anchors.names,
        anchored=_joined_anchors(parts, anchors, of_sample) if any(part.anchored is not None for part in parts) else None,
    )


def _joined_numbers(runs: Sequence[Runs]) -> Numbered | None:
    """The runs' numbers, where all that have one have it of one table."""
    tables = {one.numbered.table for one in runs if one.numbered is not None}
    if len(tables) != 1:
        return None
    every = [np.full(len(one), NO_NUMBER) if one.numbered is None else one.numbered.number for one in runs]
    return Numbered(tables.pop(), np.concatenate(every))


def _joined_anchors(parts: Sequence[Samples], anchors: _Table, lengths: list[int]) -> Anchored:
    """What the samples of parts lay on, as places in one table."""
    of_parts = [
        part.anchored or Anchored(np.full(length, -1), *(np.zeros(length, np.int32),) * 2)
        for part, length in zip(parts, lengths, strict=True)
    ]
    places = np.concatenate([one.anchor for one in of_parts])
    of = np.repeat(np.arange(len(parts)), lengths)
    return Anchored(
        anchors.moved_to(places, of, -1), np.concatenate([one.x for one in of_parts]), np.concatenate([one.y for one in of_parts])
    )


def joined_counts(records: Sequence[GroupedByPage]) -> Counts:
    """The counts of records of one source, offset, hop and grid, one at least, each of another page. Raises `RecordError`."""
    try:
        columns = [unpack_many([getattr(record, name) for record in records]) for name in _COUNT_COLUMNS]
    except ColumnError as error:
        raise RecordError(str(error)) from None
    (pane, lengths), (layer, layers), (tile, tiles), (count, numbers) = columns
    if not (np.array_equal(lengths, layers) and np.array_equal(lengths, tiles) and np.array_equal(lengths, numbers)):
        raise RecordError("expected columns of one length")
    near("pane", pane, TIME_MS_MAX // max(1, records[0].pane_ms))
    if len(pane):
        if not (layer.min() >= 0 and layer.max() < LAYERS and tile.min() >= 0 and tile.max() < records[0].grid_size ** 2):
            raise RecordError("expected layers that there are, and tiles within the grid")
        if not (count.min() > 0 and count.max() <= _INT32_MAX):
            raise RecordError("expected counts above 0, of 32 bits")
    return Counts(
        pages=[record.site + record.path for record in records],
        origins=[record.origin for record in records],
        visitors=[record.visitors for record in records],
        newest_ms=[record.newest for record in records],
        page=np.repeat(np.arange(len(records)), lengths),
        layer=layer,
        pane=pane,
        tile=tile.astype(np.int32),
        count=count.astype(np.int32),
    )


def _joined(records: Sequence[Clickstream]) -> Samples:
    pages, sessions, loads, kinds, anchors = (_Table() for _ in range(5))
    of_runs: list[tuple[npt.NDArray[Any], ...]] = []
    of_samples: list[tuple[npt.NDArray[Any], ...]] = []
    of_anchors: list[tuple[npt.NDArray[Any], ...]] = []
    for record in records:
        for table, names in ((pages, record.pages), (sessions, record.sessions), (loads, record.loads), (kinds, record.kinds)):
            table.add(names)
        runs, samples, anchored = record.runs, record.samples, record.anchors
        of_runs.append(tuple(unpack(getattr(runs, name)) for name in _RUN_COLUMNS))
        of_samples.append(tuple(unpack(getattr(samples, name)) for name in _SAMPLE_COLUMNS))
        if anchored:
            anchors.add(anchored.names)
            in_box = (whole(f"anchors.{name}", getattr(anchored, name), np.int32) for name in ("x", "y"))  # clicks of before join them
            of_anchors.append((unpack(anchored.at), *in_box))
        else:
            anchors.add(())
            nothing = np.zeros(len(of_samples[-1][0]), np.int32)
            of_anchors.append((nothing, nothing, nothing))
    run_record, run_columns = _columns(of_runs)
    sample_record, sample_columns = _columns(of_samples)
    anchor_record, (anchor, anchor_x, anchor_y) = _columns(of_anchors)
    page, session, device, load, seq, width, height, size = run_columns
    age, x, y, kind = sample_columns
    _check(size, device, width, height, run_record, sample_record, anchor_record)
    arrived = np.array([record.at for record in records], np.int64)
    return Samples(
        arrived_ms=records[-1].at,
        pages=[Page.from_key(key) for key in pages.places],
        origins=[None] * len(pages.places),
        sessions=sessions.names,
        loads=loads.names,
        runs=Runs(
            page=pages.moved_to(page, run_record),
            session=sessions.moved_to(session, run_record),
            device=device.astype(np.int64),
            load=loads.moved_to(load, run_record, NO_LOAD),
            seq=seq.astype(np.int64),
            width=width.astype(np.float64),
            height=height.astype(np.float64),
            size=size.astype(np.int64),
        ),
        time_ms=arrived[sample_record] - ages(age),
        x=x.astype(np.float64),
        y=y.astype(np.float64),
        kind=kinds.moved_to(kind, sample_record).astype(np.uint8),
        kinds=kinds.names,
        anchors=anchors.names,
        anchored=Anchored(anchors.moved_to(anchor.astype(np.int64) - 1, anchor_record, -1), anchor_x, anchor_y),
    )


def _columns(parts: list[tuple[npt.NDArray[Any], ...]]) -> tuple[npt.NDArray[np.intp], list[npt.NDArray[Any]]]:
    """The records' columns joined, and of which record each row is. Raises `RecordError`: columns of one record differ in length."""
    lengths = [len(part[0]) for part in parts]
    if any(len(column) != length for part, length in zip(parts, lengths, strict=True) for column in part):
        raise RecordError("expected columns of one length")
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return np.repeat(np.arange(len(parts)), lengths), columns


def _check(
    size: npt.NDArray[Any],
    device: npt.NDArray[Any],
    width: npt.NDArray[Any],
    height: npt.NDArray[Any],
    run_record: npt.NDArray[np.intp],
    sample_record: npt.NDArray[np.intp],
    anchor_record: npt.NDArray[np.intp],
) -> None:
    if not np.array_equal(sample_record, anchor_record) or not np.array_equal(np.repeat(run_record, size.astype(np.intp)), sample_record):
        raise RecordError("expected sample columns of one length, the sum of the runs' sizes")
    if len(size) and not (size.min() >= 0 and device.min() >= 0 and device.max() < len(DEVICES) and width.min() > 0 and height.min() > 0):
        raise RecordError("expected sizes, devices, and documents above 0")

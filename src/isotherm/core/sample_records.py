"""Samples, as records of the topic `clickstream`, and back."""

from __future__ import annotations

import msgspec
import numpy as np

from isotherm.core.columns import ColumnError, pack, unpack
from isotherm.core.layers import DEVICES
from isotherm.core.pages import Page
from isotherm.core.record_columns import ages, places, sizes_of_runs, whole
from isotherm.core.records import AnchorColumns, Clickstream, RecordError, RunColumns, SampleColumns
from isotherm.core.samples import NO_LOAD, Anchored, Runs, Samples

__all__ = ["samples_from_record", "samples_to_record"]


def samples_to_record(samples: Samples) -> Clickstream:
    runs = samples.runs
    return Clickstream(
        at=samples.arrived_ms,
        pages=[page.key for page in samples.pages],
        origins=samples.origins,
        sessions=samples.sessions,
        loads=samples.loads,
        kinds=samples.kinds,
        runs=RunColumns(
            page=pack(runs.page),
            session=pack(runs.session),
            device=pack(runs.device),
            load=pack(runs.load),
            seq=pack(runs.seq),
            w=pack(runs.width),
            h=pack(runs.height),
            n=pack(runs.size),
        ),
        samples=SampleColumns(
            age=pack(samples.arrived_ms - samples.time_ms),
            x=pack(samples.x),
            y=pack(samples.y),
            kind=pack(samples.kind),
        ),
        anchors=_anchors_to_record(samples),
    )


def _anchors_to_record(samples: Samples) -> AnchorColumns | msgspec.UnsetType:
    anchored = samples.anchored
    if anchored is None:
        return msgspec.UNSET
    return AnchorColumns(samples.anchors, pack(anchored.anchor + 1), pack(anchored.x), pack(anchored.y))


def _anchored_from_record(columns: AnchorColumns | msgspec.UnsetType, length: int) -> Anchored | None:
    if isinstance(columns, msgspec.UnsetType):
        return None
    anchor = places("anchors.at", columns.at, range(len(columns.names) + 1)) - 1  # in the record 0 is none
    anchored = Anchored(anchor, whole("anchors.x", columns.x, np.int32), whole("anchors.y", columns.y, np.int32))
    if not len(anchored.anchor) == len(anchored.x) == len(anchored.y) == length:
        raise RecordError("expected anchor columns as long as the samples'")
    return anchored


def samples_from_record(record: Clickstream) -> Samples:
    """The samples of a record. Raises `RecordError` where its columns do not fit together."""
    try:
        columns = record.runs
        age_ms = ages(unpack(record.samples.age))
        runs = Runs(
            page=places("page", columns.page, record.pages),
            session=places("session", columns.session, record.sessions),
            device=places("device", columns.device, DEVICES),
            load=places("load", columns.load, record.loads, NO_LOAD),
            seq=whole("seq", columns.seq),
            width=unpack(columns.w).astype(np.float64),
            height=unpack(columns.h).astype(np.float64),
            size=sizes_of_runs(columns.n, len(age_ms)),
        )
        samples = Samples(
            arrived_ms=record.at,
            pages=[Page.from_key(key) for key in record.pages],
            origins=record.origins,
            sessions=record.sessions,
            loads=record.loads,
            runs=runs,
            time_ms=record.at - age_ms,
            x=unpack(record.samples.x).astype(np.float64),
            y=unpack(record.samples.y).astype(np.float64),
            kind=places("kind", record.samples.kind, record.kinds, dtype=np.uint8),
            kinds=record.kinds,
            anchors=[] if isinstance(record.anchors, msgspec.UnsetType) else record.anchors.names,
            anchored=_anchored_from_record(record.anchors, len(age_ms)),
        )
    except (ColumnError, ValueError) as error:
        raise RecordError(str(error)) from None
    _check(samples)
    return samples


def _check(samples: Samples) -> None:
    runs, length = samples.runs, len(samples)
    lengths = {
        len(runs.page),
        len(runs.session),
        len(runs.device),
        len(runs.load),
        len(runs.seq),
        len(runs.width),
        len(runs.height),
    }
    if lengths != {len(runs)} or len(samples.origins) != len(samples.pages):
        raise RecordError("expected run columns of one length")
    if {len(samples.x), len(samples.y), len(samples.kind)} != {length}:
        raise RecordError("expected sample columns of one length, the sum of the runs' sizes")
    if not len(runs):
        return
    for numbers in (runs.width, runs.height, samples.x, samples.y):
        if not np.isfinite(numbers).all():
            raise RecordError("expected positions and sizes to be finite")
    if runs.width.min() <= 0 or runs.height.min() <= 0:
        raise RecordError("expected document widths and heights above 0")

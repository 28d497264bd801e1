"""Visits: who was where, read from a record without its samples, for what must be remembered of it after a start."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from isotherm.core.columns import ColumnError, unpack
from isotherm.core.record_columns import ages, places, sizes_of_runs, whole
from isotherm.core.records import Int53, RecordError, decoded
from isotherm.core.samples import NO_LOAD

__all__ = ["Visit", "visits_of"]


class _RememberedRuns(msgspec.Struct):
    page: str
    session: str
    load: str
    seq: str
    n: str


class _RememberedSamples(msgspec.Struct):
    age: str


class _Remembered(msgspec.Struct):
    """The part of `Clickstream` that tells who was where."""

    at: Int53
    pages: list[str]
    sessions: list[str]
    loads: list[str]
    runs: _RememberedRuns
    samples: _RememberedSamples


_remembered_decoder = msgspec.json.Decoder(_Remembered)


class Visit(NamedTuple):
    """A batch that was counted once, as far as it must be remembered."""

    page: str  #: page key
    session: str
    load: str | None  #: None: it can't be told from a repeat
    seq: int
    last_ms: int | None  #: event time of its last sample; None: it had none


def visits_of(value: bytes) -> tuple[int, list[Visit]]:
    """The arrival and the batches of a record that was processed before: a tenth of the work of its samples. Raises `RecordError`.

    It is as strict as `samples_from_record`: what went to the dead letters then is not remembered now.
    """
    record = decoded(_remembered_decoder, value)
    runs = record.runs
    try:
        page, session = places("page", runs.page, record.pages), places("session", runs.session, record.sessions)
        load, seq = places("load", runs.load, record.loads, NO_LOAD), whole("seq", runs.seq)
        age_ms = ages(unpack(record.samples.age))
        size = sizes_of_runs(runs.n, len(age_ms))
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(page) == len(session) == len(load) == len(seq) == len(size):
        raise RecordError("expected run columns of one length")
    visits, end = [], 0
    columns = zip(page.tolist(), session.tolist(), load.tolist(), seq.tolist(), size.tolist(), strict=True)
    for page_at, session_at, load_at, number, samples in columns:
        end += samples
        known = record.loads[load_at] if load_at != NO_LOAD else None
        last_ms = record.at - int(age_ms[end - 1]) if samples else None
        visits.append(Visit(record.pages[page_at], record.sessions[session_at], known, number, last_ms))
    return record.at, visits

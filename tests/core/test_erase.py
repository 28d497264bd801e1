"""Erasing: what is asked for goes, with its names; all else stays as it was."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.erase import Erasure
from isotherm.core.pages import Page
from isotherm.core.records import decode_clickstream, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.samples import NO_LOAD, Runs, Samples

SESSIONS = ["s0", "s1", "s2"]
PAGES = [Page("default", "/a"), Page("default", "/b"), Page("shop", "/a")]
LOADS = ["l0", "l1"]


class Row(NamedTuple):
    """One sample, as a person would note it."""

    session: str
    page: str
    load: str | None
    seq: int
    time_ms: int
    x: float


def runs() -> st.SearchStrategy[list[tuple[int, int, int, list[int]]]]:
    """Session, page, load, times of each run."""
    times = st.lists(st.integers(0, 10), max_size=4)
    return st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(NO_LOAD, 1), times), max_size=8)


def samples_of(drawn: list[tuple[int, int, int, list[int]]]) -> Samples:
    times = [time for *_, run in drawn for time in run]
    column = lambda values: np.array(list(values), np.int64)  # noqa: E731
    return Samples(
        arrived_ms=100, pages=PAGES, origins=[None, "https://b", None], sessions=SESSIONS, loads=LOADS,
        runs=Runs(
            page=column(run[1] for run in drawn), session=column(run[0] for run in drawn), device=column(0 for _ in drawn),
            load=column(run[2] for run in drawn), seq=column(range(len(drawn))), width=np.full(len(drawn), 1000.0),
            height=np.full(len(drawn), 1000.0), size=column(len(run[3]) for run in drawn),
        ),
        time_ms=column(times), x=np.arange(len(times), dtype=np.float64), y=np.zeros(len(times)),
        kind=np.zeros(len(times), np.uint8), kinds=["move", "click"],
    )  # fmt: skip


def rows_of(samples: Samples) -> list[Row]:
    run_of = np.repeat(np.arange(len(samples.runs)), samples.runs.size).tolist()
    return [
        Row(
            samples.sessions[samples.runs.session[run]],
            samples.pages[samples.runs.page[run]].key,
            None if samples.runs.load[run] == NO_LOAD else samples.loads[samples.runs.load[run]],
            int(samples.runs.seq[run]),
            int(samples.time_ms[at]),
            float(samples.x[at]),
        )
        for at, run in enumerate(run_of)
    ]


@given(
    drawn=runs(),
    session=st.none() | st.sampled_from([*SESSIONS, "nobody"]),
    page=st.none() | st.sampled_from([page.key for page in PAGES]),
    before_ms=st.none() | st.integers(0, 11),
)
def test_what_is_asked_for_goes_and_nothing_else(
    drawn: list[tuple[int, int, int, list[int]]], session: str | None, page: str | None, before_ms: int | None
) -> None:
    """Equals a filter over single samples, also after the record was written and read; of several conditions all must hold."""
    samples = samples_of(drawn)
    left = Erasure(session, page, before_ms).without(samples)

    def goes(row: Row) -> bool:
        return (
            (session is None or row.session == session)
            and (page is None or row.page == page)
            and (before_ms is None or row.time_ms < before_ms)
        )

    expected = [row for row in rows_of(samples) if not goes(row)]
    assert rows_of(left) == expected
    assert rows_of(samples_from_record(decode_clickstream(encode(samples_to_record(left))))) == expected


@given(drawn=runs())
def test_no_name_stays(drawn: list[tuple[int, int, int, list[int]]]) -> None:
    """A session that is erased stands nowhere in the record that is kept."""
    left = Erasure(session="s1").without(samples_of(drawn))
    if any(run[0] == 1 for run in drawn):
        assert b'"s1"' not in encode(samples_to_record(left))

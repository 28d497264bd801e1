"""Records of what of a page was in view: what is told is read as it was, of pages that are asked for alone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.columns import pack
from isotherm.core.counts import Counts, StretchCounts
from isotherm.core.part_records import PartsRecord, counts_to_parts, parts_from_value
from isotherm.core.records import RecordError, encode
from isotherm.core.views import Stretch

GRID = 50
PAGES = ("default/", "default/p/1", "shop/")
AT_MS = 1_700_000_000_000

spans = st.tuples(st.integers(0, GRID - 1), st.integers(0, GRID - 1)).map(lambda ends: (min(ends), max(ends) + 1))
stretches = st.builds(
    lambda page, person, device, span, start, long: Stretch(page, person, device, *span, AT_MS + start, AT_MS + start + long),
    st.sampled_from(PAGES), st.integers(0, 2**32 - 1), st.integers(0, 2), spans, st.integers(-(10**7), 10**7), st.integers(1, 30_000),
)  # fmt: skip


def counts(told: list[Stretch]) -> Counts:
    """As a tick tells them."""
    none, many = np.zeros(0, np.int64), len(PAGES)
    rows = StretchCounts.of(told, {page: place for place, page in enumerate(PAGES)})
    return Counts(
        list(PAGES), [None] * many, [0] * many, [0] * many, none, none, none, none.astype(np.int32), none.astype(np.int32), stretches=rows
    )


def parts(told: list[Stretch], asked: set[str]) -> list[tuple[str, PartsRecord]]:
    return counts_to_parts(counts(told), partition=3, offset=7, pane_ms=250, exposure_of=asked)


@given(st.lists(stretches, max_size=20), st.sets(st.sampled_from(PAGES)))
def test_what_was_in_view_is_read_as_it_was_told(told: list[Stretch], asked: set[str]) -> None:
    """Page by page, in its order; nothing of a page that nobody asks for, or of which there is nothing."""
    read = []
    for page, record in parts(told, asked):
        found = parts_from_value(encode(record), 250, GRID)
        assert (found.partition, found.offset, found.zones, found.spots) == (3, 7, None, None)
        assert found.stretches is not None
        read += [Stretch(page, *row) for row in zip(*(column.tolist() for column in found.stretches.columns()), strict=True)]
    assert read == [stretch for page in PAGES if page in asked for stretch in told if stretch.page == page]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda told: told | {"top": pack(np.array([GRID]))}, "stretches.top"),
        (lambda told: told | {"bottom": pack(np.array([GRID + 1]))}, "stretches.bottom"),
        (lambda told: told | {"bottom": told["top"]}, "end behind"),
        (lambda told: told | {"end": told["start"]}, "end behind"),
        (lambda told: told | {"device": pack(np.array([3]))}, "stretches.device"),
        (lambda told: told | {"person": pack(np.array([-1]))}, "stretches.person"),
        (lambda told: told | {"person": pack(np.array([1, 2]))}, "one length"),
        (lambda told: told | {"start": "x"}, "column"),
    ],
)
def test_what_can_t_be_is_refused(change: Callable[[dict[str, str]], dict[str, str]], word: str) -> None:
    """A record of another's making never gets into the window."""
    ((_, record),) = parts([Stretch(PAGES[0], 1, 0, 4, 8, AT_MS, AT_MS + 1000)], {PAGES[0]})
    whole = msgspec.json.decode(encode(record))
    with pytest.raises(RecordError, match=word):
        parts_from_value(msgspec.json.encode(whole | {"stretches": change(whole["stretches"])}), 250, GRID)

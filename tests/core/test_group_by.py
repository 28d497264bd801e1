"""Group By: what each record becomes, page by page."""

from __future__ import annotations

import pytest

from isotherm.core.count_records import counts_to_records
from isotherm.core.group_by import GroupBy
from tests.core.test_windows import START_MS, to_samples

pytestmark = pytest.mark.usefixtures("both_ways")
ONE = {"page": "default/", "session": "s", "load": "l", "seq": 0, "width": 4, "height": 4, "viewport": 1280.0}
ONE |= {"kind": [0], "x": [1], "y": [1], "age": [0]}


def group(group_by: GroupBy, *made: dict[str, object], now_ms: int = START_MS):  # type: ignore[no-untyped-def]
    samples = to_samples([ONE | one for one in made], now_ms)
    assert samples is not None
    return group_by.group(samples)


def test_a_crowd_on_one_page_is_one_row_a_tile() -> None:
    """Combined before it is re-keyed: a thousand sessions on one tile are one count of a thousand."""
    group_by = GroupBy(grid_size=4, hop_ms=250)
    counts = group(group_by, *({"session": f"s{number}"} for number in range(1000)))
    assert (counts.pages, counts.count.tolist(), counts.visitors) == (["default/"], [1000], [1000])


def test_a_page_that_was_left_is_told_too() -> None:
    """Its visitors are one less, though no sample fell on it."""
    group_by = GroupBy(grid_size=4, hop_ms=250)
    group(group_by, {"seq": 1})
    counts = group(group_by, {"seq": 2, "page": "default/p/1"}, now_ms=START_MS + 1000)
    assert dict(zip(counts.pages, counts.visitors, strict=True)) == {"default/p/1": 1, "default/": 0}
    records = dict(counts_to_records(counts, partition=3, offset=9, pane_ms=250, grid_size=4))
    assert records["default/"].count == "<B"
    assert (records["default/p/1"].partition, records["default/p/1"].offset) == (3, 9)


def test_a_repeated_batch_is_counted_as_such() -> None:
    """And adds nothing."""
    group_by = GroupBy(grid_size=4, hop_ms=250)
    group(group_by, {"seq": 1})
    counts = group(group_by, {"seq": 1}, now_ms=START_MS + 1000)
    assert (counts.count.tolist(), group_by.repeated) == ([], 1)


def test_the_silent_are_let_go() -> None:
    """And the page is told."""
    group_by = GroupBy(grid_size=4, hop_ms=250)
    group_by.expire(START_MS)
    group(group_by, {})
    for second in range(0, 70):
        left = group_by.expire(START_MS + 1000 * second)
        if left:
            break
    assert left == {"default/": 0}
    assert 60 <= second <= 62

"""Records joined are the same samples as one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.group_by import GroupBy
from isotherm.core.joining import joined
from isotherm.core.records import RecordError
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.spots import Spots
from tests.core.test_spots import HOP, PAGES, SKEW, START_MS, VIEWS, WINDOW, record, seen, told


@given(st.lists(st.lists(seen, max_size=4), min_size=1, max_size=6))
def test_joined_records_come_to_the_same_counts(given_records: list[list]) -> None:  # type: ignore[type-arg]
    """Of tiles and of spots."""
    records = [samples_to_record(record(noted, START_MS + 10 * at)) for at, noted in enumerate(given_records)]
    came_to = []
    for together in (False, True):
        group_by, spots = GroupBy(grid_size=5, hop_ms=HOP), Spots(window_ms=WINDOW, hop_ms=HOP, skew_ms=SKEW)
        for page in PAGES:
            spots.watch(page)
        group_by.spots_of = spots.asked
        tiles: dict[tuple[str, int, int, int], int] = {}
        for samples in [joined(records)] if together else map(samples_from_record, records):
            counts = group_by.group(samples)
            spots.merge(counts.spots)
            rows = zip(
                counts.page.tolist(), counts.layer.tolist(), counts.pane.tolist(), counts.tile.tolist(), counts.count.tolist(), strict=True
            )
            for page_at, layer, pane, tile, count in rows:
                key = (counts.pages[page_at], layer, pane, tile)
                tiles[key] = tiles.get(key, 0) + count
        spots.advance(START_MS + 1000)
        came_to.append((tiles, [told(spots.whole(view)) for view in VIEWS]))
    assert came_to[0] == came_to[1]


@given(st.lists(st.lists(seen, max_size=4), min_size=1, max_size=3))
def test_places_in_a_box_are_as_wide_as_of_one_record(given_records: list[list]) -> None:  # type: ignore[type-arg]
    """Clicks of records before come to stand beside them, and need not fit into what these few would."""
    records = [samples_to_record(record(noted, START_MS + 10 * at)) for at, noted in enumerate(given_records)]
    alone = [one.anchored for one in map(samples_from_record, records) if one.anchored is not None]
    together = joined(records).anchored
    assert together is not None
    assert {together.x.dtype, together.y.dtype} == {np.dtype(np.int32)}
    assert {column.dtype for one in alone for column in (one.x, one.y)} <= {np.dtype(np.int32)}


@pytest.mark.parametrize("column", ["page", "session", "load", "n", "w"])
def test_a_record_that_is_not_sound_is_refused(column: str) -> None:
    """As it is alone."""
    sound = samples_to_record(record([], START_MS))
    broken = samples_to_record(record([], START_MS))
    setattr(broken.runs, column, "<B" + "CQ==")
    with pytest.raises(RecordError):
        joined([sound, broken])
    assert len(joined([sound])) == 0
    assert np.array_equal(joined([sound, sound]).time_ms, [])

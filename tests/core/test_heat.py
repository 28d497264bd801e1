"""Heat as viewers get it: the classic shape, small pictures."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.heat import Heat, classic_json, levels

grids = st.integers(2, 60).flatmap(
    lambda side: st.tuples(st.just(side), st.dictionaries(st.integers(0, side * side - 1), st.integers(1, 10**6), max_size=40))
)


def heat_of(side: int, counts: dict[int, int]) -> Heat:
    cells = sorted(counts)
    return Heat(1_700_000_300_000, 300_000, side, np.array(cells, np.int64), np.array([counts[cell] for cell in cells], np.int64))


@given(grids)
def test_the_classic_shape_is_x_y_count(grid: tuple[int, dict[int, int]]) -> None:
    """As the public interface has it: decimal strings, no zero entries, start, end and grid size beside."""
    side, counts = grid
    classic = json.loads(classic_json(heat_of(side, counts)))
    assert classic.keys() == {"start", "end", "value", "grid-size"}
    assert (classic["start"], classic["end"], classic["grid-size"]) == (1_700_000_000_000, 1_700_000_300_000, side)
    expected: dict[str, dict[str, int]] = {}
    for cell, count in counts.items():
        expected.setdefault(str(cell % side), {})[str(cell // side)] = count
    assert classic["value"] == expected


@given(grids)
def test_a_small_picture_keeps_where_it_is_warm(grid: tuple[int, dict[int, int]]) -> None:
    """No more than 25 a side; the hottest is 255; what is warm is above 0, what is cold is 0."""
    side, counts = grid
    small, picture = levels(heat_of(side, counts), 25)
    shrink = -(-side // 25)
    assert small <= 25
    assert len(picture) == small * small
    warm = {(cell // side // shrink) * small + cell % side // shrink for cell in counts}
    assert set(np.flatnonzero(picture).tolist()) == warm
    assert picture.max(initial=0) == (255 if counts else 0)

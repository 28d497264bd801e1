"""Figures: what is told of people, and what is held back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from isotherm.core.heat import View
from isotherm.core.people import Marks
from isotherm.history.figures import Figures, as_csv, as_json, figures_of

COUNTS = np.array([0, 5, 2, 0], np.int64)
MARKS = Marks.of(np.array([7, 8, 9, 7], np.uint32), np.array([1, 1, 1, 2]))


def figures(marks: Marks | None, people_min: int = 0) -> Figures:
    return figures_of(
        View("default/", "move", "mobile"), COUNTS, marks, start_ms=0, end_ms=1000, grid_size=2, size=None, people_min=people_min
    )


def test_people_are_told_beside_the_counts() -> None:
    """Each tile's, and all of them."""
    told = json.loads(as_json(figures(MARKS), with_people=True))
    assert told["people"] == {"total": 3, "value": {"1": {"0": 3}, "0": {"1": 1}}, "error": 0}
    assert [line.split(b",")[2:] for line in as_csv(figures(MARKS)).splitlines()[1:]] == [
        [b"1", b"0", b"5", b"3"],
        [b"0", b"1", b"2", b"1"],
    ]


def test_people_that_nobody_knows_are_not_told_as_none() -> None:
    """Without a history there is heat and no word of people, in any form."""
    told = json.loads(as_json(figures(None), with_people=True))
    assert "people" not in told
    assert told["value"] == {"1": {"0": 5}, "0": {"1": 2}}
    assert as_csv(figures(None)).splitlines()[1].endswith(b",5,")
    assert figures(None).people is None


@pytest.mark.parametrize(("people_min", "shown"), [(0, [0, 5, 2, 0]), (1, [0, 5, 2, 0]), (2, [0, 5, 0, 0]), (4, [0, 0, 0, 0])])
def test_a_tile_with_too_few_people_is_as_if_cold(people_min: int, shown: list[int]) -> None:
    """And counted among those that are hidden; where nobody knows who was there, no tile has enough."""
    found = figures(MARKS, people_min)
    assert found.counts.tolist() == shown
    assert found.hidden_tiles == shown.count(0) - 2
    assert (found.people is None) == (people_min > 3)
    assert figures(None, people_min).counts.any() == (people_min < 2)

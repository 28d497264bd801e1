"""What is done now and then does not grow with what it need not look at: a guard that times nothing."""

from __future__ import annotations

import numpy as np
import pytest

from isotherm.core.counts import StretchCounts
from isotherm.core.exposure import Exposures
from tests.complexity.work import assert_flat, least_work

HOP_MS, WINDOW_MS, START_MS = 250, 300_000, 1_700_000_000_000
NOBODY = np.zeros((0, 6), np.int64)


def exposures_of(people: int, each: int, pages: int = 1) -> Exposures:
    """People with so many stretches each, over the window."""
    exposures = Exposures(grid_size=50, window_ms=WINDOW_MS, hop_ms=HOP_MS)
    exposures.advance(START_MS)
    exposures.attend("s/0")
    who, zero = np.arange(people), np.zeros(people, np.int64)
    keys = [f"s/{number}" for number in range(pages)]
    for number in range(each):
        end = zero + START_MS - WINDOW_MS + (number + 1) * WINDOW_MS // each
        exposures.merge(keys, StretchCounts(who % pages, who, zero, zero + number % 30, zero + number % 30 + 9, end - 500, end))
    exposures.people_on("s/0", [(0, 50)], NOBODY)
    return exposures


def test_who_saw_what_takes_no_look_at_all_stretches() -> None:
    """Of 500 people with 4, 40 and 400 stretches each."""
    asked = [(top, top + 3) for top in range(40)]
    made = [exposures_of(500, each) for each in (4, 40, 400)]
    assert_flat([least_work(lambda exposures=exposures: exposures.people_on("s/0", asked, NOBODY)) for exposures in made])


@pytest.mark.parametrize("pages", [1, 500])
def test_time_copies_no_page(pages: int) -> None:
    """The clock goes on by a hop: of 500 people with 4, 40 and 400 stretches each, of which some have left the window."""

    def work_of(exposures: Exposures) -> None:
        exposures.advance(exposures.end_ms + HOP_MS)

    made = [exposures_of(500, each, pages) for each in (4, 40, 400)]
    assert_flat([least_work(lambda exposures=exposures: work_of(exposures)) for exposures in made])


def test_the_guard_sees_a_look_at_all_stretches() -> None:
    """As it is of pages that are not attended to."""
    made = [exposures_of(500, each) for each in (4, 40)]
    for exposures in made:
        exposures.leave("s/0")
    with pytest.raises(AssertionError, match="bytes grow"):
        assert_flat([least_work(lambda exposures=exposures: exposures.people_on("s/0", [(0, 3)], NOBODY)) for exposures in made])

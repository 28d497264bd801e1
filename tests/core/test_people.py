"""People, each counted once."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.people import Marks, hash_of

TILES = 9
visits = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.integers(0, TILES - 1)), max_size=120)


def marks_of(made: list[tuple[int, int, int]], most: int = 10**6) -> Marks:
    session = np.array([hash_of(f"s{who}") for who, _, _ in made], np.uint32)
    return Marks.of(session, np.array([layer * TILES + tile for _, layer, tile in made], np.int64), most)


@settings(deadline=None)
@given(st.lists(visits, min_size=1, max_size=4), st.sets(st.integers(0, 2), min_size=1), st.sets(st.integers(0, TILES - 1)))
def test_people_equal_brute_force(parts: Any, layers: set[int], zone: set[int]) -> None:
    """Of whatever spans, layers and tiles: as many as a set of the sessions' names has."""
    joined = Marks.joined([marks_of(part) for part in parts])
    every = [visit for part in parts for visit in part if visit[1] in layers]
    wanted = np.isin(np.arange(TILES), list(zone))
    assert joined.within(np.array(sorted(layers)), TILES, wanted) == len({who for who, _, tile in every if tile in zone})
    assert joined.by_tile(np.array(sorted(layers)), TILES).tolist() == [
        len({who for who, _, at in every if at == tile}) for tile in range(TILES)
    ]
    for least in range(4):
        on_each = [len({who for who, _, at in every if at == tile}) for tile in range(TILES)]
        assert joined.enough(np.array(sorted(layers)), TILES, least).tolist() == [least < 2 or on >= least for on in on_each]


@settings(deadline=None)
@given(visits, st.integers(0, 41), st.integers(1, 30))
def test_a_session_that_is_taken_out_was_never_there(made: list[tuple[int, int, int]], who: int, most: int) -> None:
    """Its marks go, those of others stay, the level too; where it has none, nothing is made anew."""
    marks = marks_of(made, most)
    left = marks.without(hash_of(f"s{who}"))
    others = marks_of([visit for visit in made if visit[0] != who])
    assert (left.marks.tolist(), left.level) == ([mark for mark in marks.marks.tolist() if mark in others.marks], marks.level)
    assert (left is marks) == (len(left.marks) == len(marks.marks))


@settings(deadline=None)
@given(st.lists(visits, min_size=2, max_size=5), st.integers(1, 30))
def test_the_order_of_joining_changes_nothing_that_was_thinned_alike(parts: Any, most: int) -> None:
    """A set within its budget stays so when others join it; its sessions are whole: what one of them did is all there or not at all."""
    joined = Marks.joined([marks_of(part, most) for part in parts], most)
    assert len(joined.marks) <= most or joined.level == 31
    every = marks_of([visit for part in parts for visit in part])
    mask = np.uint64((1 << joined.level) - 1)
    assert joined.marks.tolist() == [mark for mark in every.marks.tolist() if not (mark >> 32) & int(mask)]


def test_a_crowd_is_told_within_the_documented_error() -> None:
    """20,000 people, 30 tiles each, of a budget of 16,384 marks: all of them are told within 15 %, those in a zone that half of them saw within 20 %."""
    chance = np.random.default_rng(5)
    people, each, tiles = 20_000, 30, 2500
    session = np.repeat(np.array([hash_of(f"visitor {number}") for number in range(people)], np.uint32), each)
    tile = chance.integers(0, tiles, people * each)
    marks = Marks.of(session, tile)
    assert len(marks.marks) <= 16_384
    assert abs(marks.within(np.array([0]), tiles) / people - 1) < 0.15
    zone = np.arange(tiles) < 58  # of 30 tiles, one within in half of the cases
    exact = len(np.unique(session[zone[tile]]))
    assert abs(marks.within(np.array([0]), tiles, zone) / exact - 1) < 0.2

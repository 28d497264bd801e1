"""How a hand moves."""

import itertools
from math import hypot
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.simulate.paths import Point, aim, bursts, drift, fitts_ms, read_line, rise

points = st.builds(Point, st.floats(0, 2000), st.floats(0, 2000))
seeds = st.integers(0, 1 << 32)


@given(seeds, points, points, st.floats(2, 400))
def test_an_aimed_movement_begins_at_the_hand_and_ends_at_the_target(seed: int, start: Point, target: Point, size: float) -> None:
    strokes = aim(Random(seed), start, target, size)
    assert len(strokes) <= 2
    if hypot(target.x - start.x, target.y - start.y) < 1:
        assert not strokes
        return
    assert strokes[0].at(0) == pytest.approx(start)
    assert strokes[-1].at(strokes[-1].duration_ms) == target
    for before, after in itertools.pairwise(strokes):
        assert before.end == after.start, "a hand does not jump"


@given(seeds, points, points)
def test_the_same_chance_gives_the_same_path(seed: int, start: Point, target: Point) -> None:
    assert aim(Random(seed), start, target, 40) == aim(Random(seed), start, target, 40)


def test_a_far_or_a_small_target_takes_longer_as_fitts_has_it() -> None:
    assert fitts_ms(100, 100) == pytest.approx(140 + 145)  # one bit
    assert fitts_ms(300, 100) == pytest.approx(140 + 2 * 145)  # log2(3 + 1) = 2
    assert fitts_ms(300, 10) > fitts_ms(300, 100) > fitts_ms(100, 100)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_movement_never_turns_back_on_its_way(one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    assert 0 <= rise(earlier) <= rise(later) + 1e-12 <= 1 + 1e-11


def test_it_starts_and_ends_at_rest_and_is_fastest_midway() -> None:
    def speed(u: float) -> float:
        return (rise(u + 0.01) - rise(u - 0.01)) / 0.02

    assert speed(0.01) < 0.02
    assert speed(0.99) < 0.02
    assert speed(0.5) == pytest.approx(1.875, abs=0.01)  # of minimum jerk: 15/8 of the mean


@given(seeds)
def test_hands_move_at_the_speed_of_hands(seed: int) -> None:
    """A screen's width is crossed in about a second: not at once, and not in ten."""
    strokes = aim(Random(seed), Point(100, 100), Point(1200, 500), 60)
    assert 400 < sum(stroke.duration_ms for stroke in strokes) < 2500


@given(seeds)
def test_paths_bend_but_stay_near_the_straight_line(seed: int) -> None:
    (stroke, *_) = aim(Random(seed), Point(0, 0), Point(1000, 0), 50)
    end = stroke.end
    for part in range(21):
        x, y = stroke.at(part / 20 * stroke.duration_ms)
        straight = end.y * x / end.x
        assert abs(y - straight) < 0.5 * hypot(*end)


@given(seeds, st.floats(-5000, 5000))
def test_bursts_of_scrolling_add_up_to_the_way(seed: int, distance: float) -> None:
    turns = bursts(Random(seed), distance)
    assert sum(turn for turn, _pause in turns) == pytest.approx(distance, abs=1e-6)
    assert all(abs(turn) <= 4 * 130 for turn, _pause in turns), "a finger turns a wheel some notches at once"
    assert all(pause >= 220 for _turn, pause in turns)


@given(seeds, points)
def test_a_resting_hand_stays_about_where_it_is(seed: int, at: Point) -> None:
    stroke = drift(Random(seed), at, reach_px=14)
    assert hypot(stroke.end.x - at.x, stroke.end.y - at.y) < 70


@given(seeds, points, st.floats(50, 700))
def test_a_line_is_followed_from_left_to_right_at_reading_speed(seed: int, at: Point, width: float) -> None:
    stroke = read_line(Random(seed), at, width)
    assert at.x < stroke.end.x <= at.x + width
    assert 2 < stroke.duration_ms / width < 8

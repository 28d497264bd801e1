"""Repeats: each (session, load, seq) counts once in ten minutes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.limits import REPEAT_GAPS_MAX
from isotherm.core.repeats import Repeats


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 12)), max_size=80))
def test_only_the_first_is_fresh(numbers: list[tuple[str, str, int]]) -> None:
    """In whatever order they come, gaps or not, as a set would tell."""
    repeats, seen = Repeats(), set()
    repeats.turn(0)
    for number in numbers:
        assert repeats.fresh(*number) == (number not in seen)
        seen.add(number)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40))
def test_what_was_seen_within_the_memory_is_known(waits_ms: list[int]) -> None:
    """A repeat that comes no later than the memory's length after the first is told, whenever generations turn."""
    repeats, now_ms, first_seen = Repeats(memory_ms=1000), 0, {}
    for seq, wait_ms in enumerate(waits_ms):
        now_ms += wait_ms
        repeats.turn(now_ms)
        assert repeats.fresh("s", str(seq), 0)
        first_seen[str(seq)] = now_ms
        for load, at_ms in first_seen.items():
            if now_ms - at_ms <= 1000:
                assert not repeats.fresh("s", load, 0)


def test_silent_loads_are_forgotten() -> None:
    """Memory is bounded by who was there in two memories' time."""
    repeats = Repeats(memory_ms=1000)
    for step in range(100):
        repeats.turn(step * 500)
        repeats.fresh("s", str(step), 0)
    assert len(repeats) <= 6


def test_a_clock_that_leaps_ahead_forgets_nothing_at_once() -> None:
    """What was sent a moment before the leap is told from its repeat after it."""
    repeats = Repeats(memory_ms=1000)
    repeats.turn(0)
    assert repeats.fresh("s", "l", 0)
    repeats.turn(3_600_000)
    assert not repeats.fresh("s", "l", 0)


def test_a_hostile_numbering_is_bounded() -> None:
    """Numbers with gaps only: a bounded set is kept, and nothing seen counts again."""
    repeats = Repeats()
    repeats.turn(0)
    for seq in range(0, 4 * REPEAT_GAPS_MAX, 2):
        assert repeats.fresh("s", "l", seq)
    assert not any(repeats.fresh("s", "l", seq) for seq in range(0, 4 * REPEAT_GAPS_MAX, 2))

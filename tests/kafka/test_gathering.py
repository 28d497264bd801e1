"""When a gateway writes what came in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isotherm.runtimes.kafka.gathering import Gathering


def test_in_steady_traffic() -> None:
    """What comes in all the time is written once a hop, 60 ms before its end."""
    gathering, now_ms, written = Gathering(250), 1_000_000, []
    for _ in range(5):
        now_ms = gathering.due_ms(now_ms)
        gathering.wrote(now_ms)
        written.append(now_ms)
        now_ms += 1
    assert written == [1_000_010, 1_000_190, 1_000_440, 1_000_690, 1_000_940]


def test_after_a_pause() -> None:
    """Nothing was written for a hop: the first sample goes at once, and what follows it waits for the hop's end."""
    gathering = Gathering(250)
    gathering.wrote(1_000_000)
    assert gathering.due_ms(1_000_600) == 1_000_610
    gathering.wrote(1_000_610)
    assert gathering.due_ms(1_000_620) == 1_000_690


def test_a_clock_that_is_set_back() -> None:
    """Nothing waits for a time that was."""
    gathering = Gathering(250)
    gathering.wrote(1_000_000)
    assert gathering.due_ms(400_000) == 400_010


@given(hop_ms=st.integers(1, 600_000), now_ms=st.integers(0, 2**42), written_ms=st.integers(0, 2**42))
def test_bounds(hop_ms: int, now_ms: int, written_ms: int) -> None:
    """Whatever the hop and the clock: no sample waits longer than 250 ms."""
    gathering = Gathering(hop_ms)
    gathering.wrote(written_ms)
    assert now_ms <= gathering.due_ms(now_ms) <= now_ms + 250

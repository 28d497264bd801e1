"""Gathering: what is put in comes out as columns, compiled and in Python alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.gathering import Columns, GatheringInPython, gathering

pytestmark = pytest.mark.usefixtures("both_ways")
DTYPES = (np.int64,) * 6 + (np.float64,) * 2 + (np.int64,) + (np.float64,) * 2 + (np.uint8,)

places = st.integers(0, 2**31)
floats = st.floats(allow_nan=False, allow_infinity=False)
samples = st.tuples(floats, floats, st.integers(-(2**40), 2**40), st.integers(0, 255))  # x, y, age, kind
messages = st.tuples(
    st.tuples(places, places, st.integers(0, 2), st.integers(-1, 2**31), st.integers(0, 2**53 - 1), floats, floats),
    st.integers(0, 2**45),
    st.one_of(samples, st.lists(samples, max_size=6)),
)


def put(into: Any, run: Any, now_ms: int, brought: Any) -> None:
    if isinstance(brought, tuple):
        x, y, age, kind = brought
        into.event(*run, now_ms - age, x, y, kind)
        return
    x, y, age, kind = zip(*brought, strict=True) if brought else ((),) * 4
    block = np.array([*x, *y], np.float64).tobytes() + np.array(age, np.int64).tobytes()
    into.batch(*run, now_ms, block, np.array(kind, np.uint8))


@given(st.lists(st.lists(messages, max_size=80), max_size=3))
def test_columns_hold_what_was_put_in(takes: list[list[Any]]) -> None:
    """Message by message, in order, and nothing of what was taken before; in Python it is the same."""
    both = gathering(), GatheringInPython()
    for made in takes:
        for message in made:
            for one in both:
                put(one, *message)
        expected: list[list[Any]] = [[] for _ in DTYPES]
        for (page, session, device, load, seq, width, height), now_ms, brought in made:
            several = [brought] if isinstance(brought, tuple) else brought
            for column, value in zip(expected, (page, session, device, load, seq, len(several), width, height), strict=False):
                column.append(value)
            for x, y, age, kind in several:
                for column, value in zip(expected[8:], (now_ms - age, x, y, kind), strict=True):
                    column.append(value)
        for one in both:
            assert len(one) == len(expected[-1])
            taken = Columns(*one.take())
            assert [np.frombuffer(column, dtype).tolist() for column, dtype in zip(taken, DTYPES, strict=True)] == expected


def test_many_samples_fit() -> None:
    """However many come before they are taken; afterwards it is as new."""
    one, block = gathering(), np.arange(3000, dtype=np.float64).tobytes()
    for _ in range(200):
        one.batch(0, 0, 0, 0, 0, 1.0, 1.0, 0, block, bytes(1000))
    assert len(one) == 200_000
    assert np.frombuffer(Columns(*one.take()).x, np.float64).tolist() == list(range(1000)) * 200
    assert (len(one), Columns(*one.take()).x) == (0, b"")


def test_columns_of_other_lengths_are_refused() -> None:
    """A kind for each sample, or nothing is taken."""
    one = gathering()
    with pytest.raises(ValueError, match="a kind for each sample"):
        one.batch(0, 0, 0, 0, 0, 1.0, 1.0, 0, bytes(48), bytes(3))
    assert (len(one), Columns(*one.take()).page) == (0, b"")

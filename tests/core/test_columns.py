"""Packed columns: text that keeps every number."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from isotherm.core.columns import ColumnError, pack, pack_few, unpack

numbers = st.one_of(
    stnp.arrays(np.int64, st.integers(0, 20), elements=st.integers(-(2**62), 2**62)),
    stnp.arrays(np.int64, st.integers(0, 20), elements=st.integers(-300, 70_000)),
    stnp.arrays(np.float64, st.integers(0, 20), elements=st.floats(allow_nan=False, allow_infinity=False)),
    stnp.arrays(np.float64, st.integers(0, 20), elements=st.integers(-5, 5000).map(float)),
)


@given(numbers)
def test_what_is_packed_is_unpacked_exactly(column: np.ndarray) -> None:
    """Every value survives, whatever type the text took."""
    assert unpack(pack(column)).tolist() == column.tolist()


@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-300, 70_000), st.integers(0, 300)), max_size=20))
def test_a_short_list_is_packed_as_an_array_is(values: list[int]) -> None:
    """Quicker, and the same text."""
    assert pack_few(values) == pack(np.array(values, np.int64))


@pytest.mark.parametrize(
    ("column", "letter"),
    [
        ([0, 255], "B"),
        ([256], "H"),
        ([65536], "I"),
        ([-1], "b"),
        ([-129], "h"),
        ([-40000], "i"),
        ([2**40], "q"),
        ([0.5], "f"),
        ([0.1], "d"),
    ],
)
def test_the_smallest_type_that_is_exact_is_taken(column: list[float], letter: str) -> None:
    """A byte where a byte does."""
    assert pack(np.array(column))[1] == letter


def test_the_example_of_the_wire_document_holds() -> None:
    """docs/wire.md shows this string."""
    assert unpack("<HgAKPAo8C").tolist() == [640, 655, 655]


@pytest.mark.parametrize("text", ["", "<", "H", "HgAK", "<ZgAKP", "<H*", "<HgA==x", "<HAA==", "<Hgä=="])
def test_what_is_no_column_is_refused_with_a_word(text: str) -> None:
    """Never another error than ours."""
    with pytest.raises(ColumnError, match="expected"):
        unpack(text)


@given(st.text(max_size=30))
def test_no_text_breaks_it(text: str) -> None:
    """Any text gives a column or a `ColumnError`."""
    with contextlib.suppress(ColumnError):
        unpack("<" + text)

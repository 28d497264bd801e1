"""Packed columns: text that keeps every number."""

from __future__ import annotations

import base64
import contextlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from isotherm.core import counting
from isotherm.core.columns import ColumnError, pack, pack_few, pack_parts, unpack, unpack_floats, unpack_many, unpack_samples, unpack_within

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


texts = st.one_of(
    numbers.map(pack),
    stnp.arrays(np.float64, st.integers(0, 5)).map(lambda column: "<d" + base64.b64encode(column.tobytes()).decode()),
    st.builds(lambda letter, data: f"<{letter}{data}", st.sampled_from("BHIbhiqfdx"), st.text("AB/+=\n-é\ud800", max_size=12)),
    st.text(max_size=6),
)


@given(texts, st.sampled_from([0, 255, 600_000]))
def test_in_one_step_it_is_the_same_or_left_to_two(text: str, most: int) -> None:
    """Numbers of 64 bits at once, or None: of what is no column, not finite, or not within the bounds."""
    try:
        column = unpack(text)
    except ColumnError:
        assert unpack_floats(text) is None
        assert unpack_within(text, most) is None
        return
    floats, whole = unpack_floats(text), unpack_within(text, most)
    fine = bool(np.isfinite(column).all())
    near = column.dtype.kind != "f" and bool(((column >= 0) & (column <= most)).all())
    if counting.compiled is None:
        assert floats is whole is None
        return
    assert (floats is None) == (not fine)
    assert (whole is None) == (not near)
    if floats is not None:
        assert floats.tolist() == column.astype(np.float64).tolist()
    if whole is not None:
        assert whole.tolist() == column.tolist()


@given(
    st.one_of(
        numbers,
        numbers.map(lambda column: column[::2]),
        numbers.filter(lambda column: column.dtype == np.int64).map(lambda column: column.astype(np.int32)),
        stnp.arrays(np.int64, st.integers(0, 700), elements=st.integers(-(2**63), 2**63 - 1)),
        stnp.arrays(np.float64, st.integers(0, 700)).filter(lambda column: bool(np.isfinite(column).all())),
        st.lists(st.sampled_from([0.0, -0.0, 255.0, 256.0, -129.0, 2.0**53, 2.0**53 - 1, 1e30, 3.4e38, 3.5e38, 1e300, 0.5, 0.1])).map(
            np.array
        ),
        st.lists(st.sampled_from([0, -1, 127, 128, -128, -129, 255, 256, 2**16, 2**31, -(2**31), -(2**31) - 1, 2**32 - 1, 2**32])).map(
            lambda column: np.array(column, np.int64)
        ),
    )
)
def test_packed_in_one_call_it_is_the_same_text(column: np.ndarray) -> None:
    """Compiled or not, whatever the type, also where only every other element is meant."""
    text = pack(column)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "compiled", None)
        assert pack(column) == text


@given(st.lists(texts, max_size=6))
def test_many_columns_at_once_are_as_one_by_one(columns: list[str]) -> None:
    """The same numbers, or a refusal where one of them is no column of whole numbers; compiled or not."""
    for compiled in {counting.compiled, None}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(counting, "compiled", compiled)
            try:
                expected = [unpack(text) for text in columns]
                assert all(column.dtype.kind != "f" for column in expected)
            except (ColumnError, AssertionError):
                with pytest.raises(ColumnError, match="expected"):
                    unpack_many(columns)
            else:
                found, lengths = unpack_many(columns)
                assert found.dtype == lengths.dtype == np.int64
                assert found.tolist() == [number for column in expected for number in column.tolist()]
                assert lengths.tolist() == list(map(len, expected))


@given(numbers, st.lists(st.integers(0, 20), max_size=6))
def test_parts_are_packed_in_one_type(column: np.ndarray, cuts: list[int]) -> None:
    """From each end to the next, as text that keeps every number; compiled or not, the same."""
    ends = [0, *sorted(min(cut, len(column)) for cut in cuts)]
    packed = pack_parts(column, ends)
    assert [unpack(text).tolist() for text in packed] == [column[start:end].tolist() for start, end in pairwise(ends)]
    assert {text[1] for text in packed} <= {pack(column)[1]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "compiled", None)
        assert pack_parts(column, ends) == packed


@given(st.lists(st.one_of(texts, numbers.map(lambda column: pack(column[:3])), st.just("<HgAKPAo8C")), min_size=3, max_size=3))
def test_three_columns_in_one_step_are_those_of_three(three: list[str]) -> None:
    """One behind the other, where all are of one length; else None."""
    block = unpack_samples(*three, 600_000)
    x, y, age = unpack_floats(three[0]), unpack_floats(three[1]), unpack_within(three[2], 600_000)
    if x is None or y is None or age is None or not len(x) == len(y) == len(age):
        assert block is None
        return
    assert block == x.tobytes() + y.tobytes() + age.tobytes()


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

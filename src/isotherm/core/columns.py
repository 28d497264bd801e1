"""Columns of numbers as text: how arrays travel inside JSON, on the wire and in the topics.

A packed column is ``<``, one letter for the type of its elements (those of Python's ``struct``), then the elements' bytes,
little-endian, in base64. ``docs/wire.md`` has it for strangers.

    "<HgAKPAo8C"  is  [640, 655, 655]
     │└ base64 of 80 02 8f 02 8f 02
     └ unsigned, 16 bits
"""

from __future__ import annotations

import binascii
import sys
from array import array
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from isotherm.core import counting

__all__ = ["ColumnError", "pack", "pack_few", "pack_parts", "unpack", "unpack_floats", "unpack_many", "unpack_samples", "unpack_within"]

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    letter: np.dtype("<" + code)
    for letter, code in {
        "B": "u1", "H": "u2", "I": "u4", "b": "i1", "h": "i2", "i": "i4", "q": "i8", "f": "f4", "d": "f8",
    }.items()
}  # fmt: skip
#: what `array` packs in the same way on this machine
_SAME_AS_ARRAY: Final = frozenset(
    letter for letter, dtype in _DTYPES.items() if sys.byteorder == "little" and array(letter).itemsize == dtype.itemsize
)
_AT_ONCE: Final = frozenset((np.dtype(np.int64), np.dtype(np.float64)))  #: what is packed in one compiled call
_UNSIGNED: Final = (("B", 0xFF), ("H", 0xFFFF), ("I", 0xFFFF_FFFF))
_SIGNED: Final = (("b", 1 << 7), ("h", 1 << 15), ("i", 1 << 31))


class ColumnError(ValueError):
    """A string that is no packed column; the message says why."""


def pack(column: npt.NDArray[Any]) -> str:
    """The column as text, in the smallest type that keeps every value exactly.

    Integers and floats of any width; floats must be finite. Whole floats travel as integers.
    """
    if column.dtype == np.uint8:  # as kinds are: nothing to choose
        return "<B" + binascii.b2a_base64(column.tobytes(), newline=False).decode("ascii")
    if counting.compiled is not None and column.dtype in _AT_ONCE and column.flags.c_contiguous:
        text = counting.compiled.packed(column, column.dtype == np.float64)
        if text is not None:
            return text
    letter = _letter(column)
    data = column.astype(_DTYPES[letter], copy=False).tobytes()
    return "<" + letter + binascii.b2a_base64(data, newline=False).decode("ascii")


def pack_few(values: list[int]) -> str:
    """The same of a short list of integers: numpy's calls would cost more than its loops save."""
    low, high = (min(values), max(values)) if values else (0, 0)
    letter = _integer_letter(low, high)
    if letter not in _SAME_AS_ARRAY:
        return pack(np.array(values, np.int64))
    return "<" + letter + binascii.b2a_base64(array(letter, values).tobytes(), newline=False).decode("ascii")


def pack_parts(column: npt.NDArray[Any], ends: list[int]) -> list[str]:
    """Parts of a column, each as text of its own: from each of the `ends`, which begin with 0, to the next. All in one type."""
    letter = _letter(column)
    dtype = _DTYPES[letter]
    data, size, head = column.astype(dtype, copy=False).tobytes(), dtype.itemsize, "<" + letter
    if counting.compiled is not None:
        return counting.compiled.texts(data, size, letter, ends)
    to_text = binascii.b2a_base64
    return [head + to_text(data[start * size : end * size], newline=False).decode("ascii") for start, end in pairwise(ends)]


def unpack(text: str) -> npt.NDArray[Any]:
    """The array that a packed column holds (read-only, its own dtype). Raises `ColumnError`."""
    if len(text) < 2 or text[0] != "<" or text[1] not in _DTYPES:
        raise ColumnError("expected a packed column: `<`, one of the letters B H I b h i q f d, then base64")
    try:
        data = binascii.a2b_base64(text[2:], strict_mode=True)
    except ValueError as error:  # of binascii, or for what is not ASCII
        raise ColumnError(f"expected base64 in a packed column: {str(error).lower()}") from None
    dtype = _DTYPES[text[1]]
    if len(data) % dtype.itemsize:
        raise ColumnError(f"expected whole elements of {dtype.itemsize} bytes in a packed column, got {len(data)} bytes")
    return np.frombuffer(data, dtype)


def unpack_floats(text: str) -> npt.NDArray[np.float64] | None:
    """The same as finite float64, in one step; None: it takes `unpack` to tell what is wrong, or there are no compiled loops."""
    found = counting.compiled.numbers(text, -1) if counting.compiled is not None else None
    return np.frombuffer(found, np.float64) if found is not None else None


def unpack_within(text: str, most: int) -> npt.NDArray[np.int64] | None:
    """The same of a column of integers that all lie from 0 to `most`; None: there are others, or it takes `unpack` to tell."""
    found = counting.compiled.numbers(text, most) if counting.compiled is not None else None
    return np.frombuffer(found, np.int64) if found is not None else None


def unpack_many(texts: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The whole numbers of many packed columns, one behind the other, and how long each column is. Raises `ColumnError`."""
    found = counting.compiled.whole(texts) if counting.compiled is not None else None
    if found is not None:
        return np.frombuffer(found[0], np.int64), np.frombuffer(found[1], np.int64)
    columns = [unpack(text) for text in texts]
    if any(column.dtype.kind == "f" for column in columns):
        raise ColumnError("expected columns of whole numbers")
    lengths = np.array([len(column) for column in columns], np.int64)
    return np.concatenate([np.zeros(0, np.int64), *columns]).astype(np.int64, copy=False), lengths


def unpack_samples(x: object, y: object, age: object, most: int) -> bytes | None:
    """Three packed columns of one length, one behind the other: two of finite float64, and one of int64 that all lie from 0 to `most`.

    None: they are no such columns, or it takes `unpack` to tell what is wrong, or there are no compiled loops.
    """
    return counting.compiled.sample_columns(x, y, age, most) if counting.compiled is not None else None


def _letter(column: npt.NDArray[Any]) -> str:
    if column.size == 0:
        return "B"
    low, high = column.min(), column.max()
    if column.dtype.kind == "f" and not (abs(low) < 2**53 and abs(high) < 2**53 and np.all(column == np.floor(column))):
        with np.errstate(over="ignore"):
            return "f" if np.all(column.astype("<f4") == column) else "d"
    return _integer_letter(low, high)


def _integer_letter(low: Any, high: Any) -> str:
    """The smallest type that holds whole numbers from `low` to `high`."""
    if low >= 0:
        for letter, most in _UNSIGNED:
            if high <= most:
                return letter
    for letter, bound in _SIGNED:
        if -bound <= low and high < bound:
            return letter
    return "q"

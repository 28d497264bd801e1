"""The columns of a record, unpacked and checked: whoever works on them need not doubt a number."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import numpy as np
import numpy.typing as npt

from isotherm.core.columns import unpack
from isotherm.core.limits import TIME_MS_MAX
from isotherm.core.records import INT53, RecordError

__all__ = ["ages", "near", "panes", "places", "sizes_of_runs", "whole"]


def whole(name: str, text: str, dtype: type[np.generic] = np.int64) -> npt.NDArray[Any]:
    """A packed column of whole numbers that fit the type. Raises `RecordError`, `ColumnError`."""
    column = unpack(text)
    if np.can_cast(column.dtype, dtype):
        return column.astype(dtype)
    with np.errstate(invalid="ignore"):
        numbers = column.astype(dtype)
    if not np.array_equal(numbers, column):
        raise RecordError(f"expected `{name}` to be whole numbers of {numbers.itemsize * 8} bits")
    return numbers


def places(name: str, text: str, table: Sized, least: int = 0, dtype: type[np.generic] = np.intp) -> npt.NDArray[Any]:
    """A packed column of places in a table. Raises `RecordError`, `ColumnError`."""
    found = whole(name, text, dtype)
    if len(found) and not (found.min() >= least and found.max() < len(table)):
        raise RecordError(f"expected `{name}` to be places in a table of {len(table)}")
    return found


def near(name: str, column: npt.NDArray[np.int64], most: int = TIME_MS_MAX) -> npt.NDArray[np.int64]:
    """The column, of times where nothing else is said. Raises `RecordError`: something of it is further from 0."""
    if len(column) and not (column.min() >= -most and column.max() <= most):
        raise RecordError(f"expected {name} from {-most} to {most}")
    return column


def panes(name: str, text: str, pane_ms: int) -> npt.NDArray[np.int64]:
    """A packed column of panes' numbers. Raises `RecordError`, `ColumnError`."""
    return near(name, whole(name, text), TIME_MS_MAX // max(1, pane_ms))


def ages(column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Samples' ages, in ms; what they are taken from has as many bits. Raises `RecordError`."""
    if not ((column >= -INT53) & (column <= INT53)).all():
        raise RecordError("expected ages of at most 53 bits")
    return column.astype(np.int64)


def sizes_of_runs(text: str, samples: int) -> npt.NDArray[Any]:
    """How many of so many samples each run has. Raises `RecordError`, `ColumnError`."""
    sizes = whole("n", text, np.intp)
    if len(sizes) and not (sizes.min() >= 0 and sizes.max() <= samples):
        raise RecordError("expected sizes from 0 to the number of samples")
    if int(sizes.sum()) != samples:
        raise RecordError("expected sample columns of one length, the sum of the runs' sizes")
    return sizes

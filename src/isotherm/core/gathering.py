"""Gathering: columns that grow by a message at a time and leave all at once: runs, and the samples of each, as in `Samples`.

It is here twice, as all that is done a message or a sample (`counting`): compiled (`loops/gathering.c`), or in Python.
"""

from __future__ import annotations

from array import array
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from isotherm.core import counting

__all__ = ["Columns", "Gathering", "GatheringInPython", "gathering"]

_RUN_NUMBERS: Final = 6
_RUN_COLUMNS: Final = 8


class Columns(NamedTuple):
    """The bytes of each column: whole numbers of 64 bits, but for sizes of documents and positions (float64), and kinds (uint8)."""

    page: bytes | bytearray
    session: bytes | bytearray
    device: bytes | bytearray
    load: bytes | bytearray
    seq: bytes | bytearray
    size: bytes | bytearray
    width: bytes | bytearray
    height: bytes | bytearray
    time_ms: bytes | bytearray
    x: bytes | bytearray
    y: bytes | bytearray
    kind: bytes | bytearray


class Gathering(Protocol):
    """What grows. Its length is the number of samples."""

    def __len__(self) -> int: ...

    def batch(
        self,
        page: int,
        session: int,
        device: int,
        load: int,
        seq: int,
        width: float,
        height: float,
        arrived_ms: int,
        columns: bytes,
        kind: bytes | npt.NDArray[np.uint8],
        /,
    ) -> None:
        """A run of as many samples as it has kinds. `columns` are x and y (float64) and ages (int64), one behind the other."""  # fmt: skip

    def event(
        self,
        page: int,
        session: int,
        device: int,
        load: int,
        seq: int,
        width: float,
        height: float,
        time_ms: int,
        x: float,
        y: float,
        kind: int,
        /,
    ) -> None:
        """A run of one sample."""  # fmt: skip

    def take(self) -> tuple[bytes | bytearray, ...]:
        """All `Columns`; from now on there are none."""
        ...


def gathering() -> Gathering:
    """An empty one, compiled where it can be."""
    return counting.compiled.Gathering() if counting.compiled is not None else GatheringInPython()


class GatheringInPython:
    """`Gathering` without the compiled loops."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._runs: list[tuple[float, ...]] = []
        self._time_ms, self._x, self._y, self._kind = array("q"), array("d"), array("d"), bytearray()

    def __len__(self) -> int:
        return len(self._kind)

    def batch(
        self, page: int, session: int, device: int, load: int, seq: int, width: float, height: float,
        arrived_ms: int, columns: bytes, kind: bytes | npt.NDArray[np.uint8], /,
    ) -> None:  # fmt: skip
        size = len(kind)
        if len(columns) != 24 * size:
            raise ValueError("expected a kind for each sample")
        self._x.frombytes(columns[: 8 * size])
        self._y.frombytes(columns[8 * size : 16 * size])
        self._time_ms.frombytes((arrived_ms - np.frombuffer(columns, np.int64, size, 16 * size)).tobytes())
        self._kind += bytes(kind)
        self._runs.append((page, session, device, load, seq, size, width, height))

    def event(
        self, page: int, session: int, device: int, load: int, seq: int, width: float, height: float,
        time_ms: int, x: float, y: float, kind: int, /,
    ) -> None:  # fmt: skip
        self._time_ms.append(time_ms)
        self._x.append(x)
        self._y.append(y)
        self._kind.append(kind)
        self._runs.append((page, session, device, load, seq, 1, width, height))

    def take(self) -> tuple[bytes | bytearray, ...]:
        runs: Any = np.array(self._runs, np.float64).reshape(-1, _RUN_COLUMNS).T  # all are exact as float64
        numbers = [column.astype(np.int64).tobytes() for column in runs[:_RUN_NUMBERS]]
        sizes = [column.tobytes() for column in runs[_RUN_NUMBERS:]]
        samples = self._time_ms.tobytes(), self._x.tobytes(), self._y.tobytes(), bytes(self._kind)
        self._begin()
        return (*numbers, *sizes, *samples)

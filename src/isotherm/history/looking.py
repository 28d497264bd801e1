"""Looking: the history as a process sees it that only reads what workers store. The same questions, the same answers.

What waits at the workers is not in it yet, so a range ends with what was stored last; and nobody here knows who is on the page now. A
store that is away makes questions fail, nothing else: it is opened at the first one, and again after an error.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy.typing as npt

from isotherm.core.tiers import MINUTE_MS
from isotherm.history.keeper import History, Step
from isotherm.history.places import open_reader
from isotherm.history.store import HistoryError, Retention

__all__ = ["StoredHistory"]

_T = TypeVar("_T")


class StoredHistory(History):
    """`range`, `steps` and the like at any time, `close` at the end."""

    def __init__(self, place: str, *, grid_size: int, hop_ms: int, window_ms: int, retention: Retention) -> None:
        super().__init__(Path(), grid_size=grid_size, hop_ms=hop_ms, window_ms=window_ms, retention=retention)
        self._place = place
        self._window_ms = window_ms

    async def now(self, page: str, end_ms: int) -> None:
        """Who is there now the workers know, not this process."""
        return None

    def marks(self, page: str, end_ms: int) -> None:
        """The same."""
        return None

    async def recent(self, page: str, layers: npt.NDArray[Any], end_ms: int, *, people_min: int = 0) -> list[Step]:
        """The last minutes, as they are stored."""
        minutes = max(1, self._window_ms // MINUTE_MS)
        last_ms = end_ms // MINUTE_MS * MINUTE_MS
        return await self.steps(page, layers, last_ms - minutes * MINUTE_MS, last_ms, MINUTE_MS, people_min=people_min)

    async def close(self) -> None:
        await super()._do(self._let_go)
        self._thread.shutdown()

    async def _do(self, work: Callable[[], _T]) -> _T:
        return await super()._do(lambda: self._looked(work))

    def _looked(self, work: Callable[[], _T]) -> _T:
        opened = self._reader is not None
        try:
            if self._reader is None:
                self._reader = open_reader(self._place, self._grid)
            self._floors = self._reader.floors()
            return work()
        except HistoryError:
            self._let_go()
            if not opened:
                raise
        return self._looked(work)  # what was open may have died since

    def _let_go(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

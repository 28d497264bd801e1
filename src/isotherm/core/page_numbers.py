"""Page numbers: a number for each page that Group By has met, so that all that is kept of pages can stand in columns, found without a name.

A page comes as an object that was mostly met before: whoever reads events or records keeps them (`pages.page_and_key`). The compiled loops
know such an object by its address (`loops/page_numbers.c`), Python by its texts, at ten times the price. No number is given twice: when
there are too many, all begin anew, under a new table.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from isotherm.core import counting
from isotherm.core.pages import Page, page_and_key
from isotherm.core.samples import NO_NUMBER

__all__ = ["PAGES_MAX", "PageNumbers"]

PAGES_MAX: Final = 32_768  #: objects of pages that are known, of which each pins some hundred bytes
_TABLES: Final = count(1)


class PageNumbers:
    """Numbers from 0 up, and the visitors of each page as they were told."""

    def __init__(self, most: int = PAGES_MAX) -> None:
        self._most = most
        self._known: Any = counting.compiled.Addresses() if counting.compiled is not None else _ByTexts()
        self._by_key: dict[str, int] = {}
        self._visitors: npt.NDArray[np.int64] = np.zeros(64, np.int64)
        self.table = next(_TABLES)  #: told from all others of this process

    def __len__(self) -> int:
        """Pages that have a number."""
        return len(self._by_key)

    def look(self, pages: list[Page], visitors: Mapping[str, int]) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The key and the number of each page, of which no two are equal. `visitors`, by key, are asked for pages that are new."""
        if len(self._known) + len(pages) > self._most:
            self._begin_anew(len(pages))
        number = np.empty(len(pages), np.int64)
        keys, missing = self._known.look(pages, number)
        if missing:
            for at in np.flatnonzero(number == NO_NUMBER).tolist():
                key = keys[at] = page_and_key(*pages[at])[1]
                number[at] = self._number_of(key, visitors)
                self._known.keep(pages[at], key, int(number[at]))
        return keys, number

    def set_visitors(self, key: str, visitors: int) -> None:
        """A page has more visitors now, or less."""
        number = self._by_key.get(key)
        if number is not None:
            self._visitors[number] = visitors

    def visitors_on(self, number: npt.NDArray[np.int64]) -> list[int]:
        """Of each of these pages."""
        told: list[int] = self._visitors[number].tolist()
        return told

    def _number_of(self, key: str, visitors: Mapping[str, int]) -> int:
        number = self._by_key.get(key)
        if number is None:
            number = self._by_key[key] = len(self._by_key)
            if number == len(self._visitors):
                self._visitors = np.concatenate((self._visitors, np.zeros_like(self._visitors)))
            self._visitors[number] = visitors.get(key, 0)
        return number

    def _begin_anew(self, least: int) -> None:
        """No page has a number any more; there is room for so many in any case."""
        if len(self._known):
            self._known.clear()
            self._by_key.clear()
            self.table = next(_TABLES)
        self._most = max(self._most, least)


class _ByTexts:
    """`Addresses` without the compiled loops."""

    def __init__(self) -> None:
        self._known: dict[Page, tuple[str, int]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def look(self, pages: list[Page], to_number: npt.NDArray[np.int64]) -> tuple[list[Any], int]:
        found = [self._known.get(page, (None, NO_NUMBER)) for page in pages]
        to_number[:] = [number for _, number in found]
        return [key for key, _ in found], int((to_number == NO_NUMBER).sum())

    def keep(self, page: Page, key: str, number: int) -> None:
        self._known[page] = (key, number)

    def clear(self) -> None:
        self._known.clear()

"""Page numbers: a number for each page that Group By has met, so that all that is kept of pages can stand in columns, found without a name.

A page comes as an object that was mostly met before: whoever reads events or records keeps them (`pages.page_and_key`). The compiled loops
know such an object by its address (`loops/page_numbers.c`), Python by its texts, at ten times the price. Of pages that are equal one object
is kept, the last that came. No number is given twice: when there are too many pages, or too long ones, all begin anew, under a new table;
what was kept goes by and by.
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

__all__ = ["CHARACTERS_MAX", "PAGES_MAX", "PageNumbers"]

PAGES_MAX: Final = 32_768  #: pages that are known, of which each pins some hundred bytes beside its texts
CHARACTERS_MAX: Final = 1 << 22  #: of all their keys, and the records' last: with paths at most 8 bytes each
_PAST_AT_ONCE: Final = 512  #: objects that are let go with one record
_TABLES: Final = count(1)


class PageNumbers:
    """Numbers from 0 up, and the visitors of each page as they were told."""

    def __init__(self, most: int = PAGES_MAX) -> None:
        self._most = most
        self._known: Any = counting.compiled.Addresses() if counting.compiled is not None else _ByTexts()
        self._by_key: dict[str, int] = {}
        self._pages: list[Page] = []  # by number: the object that is known
        self._characters = 0
        self._past: list[Any] = []  # pages and keys of tables before, that are yet to go
        self._visitors: npt.NDArray[np.int64] = np.zeros(64, np.int64)
        self.table = next(_TABLES)  #: told from all others of this process

    def __len__(self) -> int:
        """Pages that have a number."""
        return len(self._by_key)

    def look(self, pages: list[Page], visitors: Mapping[str, int]) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The key and the number of each page, of which no two are equal. `visitors`, by key, are asked for pages that are new."""
        del self._past[-_PAST_AT_ONCE:]
        number = np.empty(len(pages), np.int64)
        keys, missing = self._known.look(pages, number)
        if missing and (len(self._pages) + missing > self._most or self._characters > CHARACTERS_MAX):
            self._begin_anew(len(pages))
            keys, missing = self._known.look(pages, number)
        if missing:
            for at in np.flatnonzero(number == NO_NUMBER).tolist():
                keys[at], number[at] = self._meet(pages[at], visitors)
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

    def _meet(self, page: Page, visitors: Mapping[str, int]) -> tuple[str, int]:
        """The key and the number of a page whose object is not known. What can fail for want of memory comes before the number is given."""
        key = page_and_key(*page)[1]
        number = self._by_key.get(key)
        if number is None:
            number = len(self._pages)
            if number >= len(self._visitors):
                self._visitors = np.concatenate((self._visitors, np.zeros_like(self._visitors)))
            self._visitors[number] = visitors.get(key, 0)
            self._pages.append(page)
            self._by_key[key] = number
            self._characters += len(key)
        else:
            self._known.forget(self._pages[number])
            self._pages[number] = page
        self._known.keep(page, key, number)
        return key, number

    def _begin_anew(self, least: int) -> None:
        """No page has a number any more; there is room for so many in any case."""
        if self._pages:
            self._past += self._pages
            self._past += self._by_key
            self._known.clear()
            self._by_key.clear()
            self._pages, self._characters = [], 0
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

    def forget(self, page: Page) -> None:
        self._known.pop(page, None)

    def clear(self) -> None:
        self._known.clear()

"""Page numbers: compiled or not, a page has one number as long as its table lasts, and is found by it where it is found by its key."""

from __future__ import annotations

import random

import numpy as np
import pytest

from isotherm.core import counting
from isotherm.core.page_numbers import PageNumbers
from isotherm.core.page_table import PageTable
from isotherm.core.pages import Page
from isotherm.core.samples import NO_NUMBER, Numbered

needs_compiler = pytest.mark.skipif(counting.compiled is None, reason="there was no C compiler when Isotherm was installed")
PATHS = [f"/{number}" for number in range(40)]
OBJECTS = [Page("default", path) for path in PATHS]


def some_pages(chance: random.Random) -> list[Page]:
    """Each once; now and then an object that nobody met."""
    return [OBJECTS[at] if chance.random() < 0.9 else Page("default", PATHS[at]) for at in chance.sample(range(40), chance.randrange(12))]


def python_numbers(most: int) -> PageNumbers:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "compiled", None)
        return PageNumbers(most)


@needs_compiler
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("most", [30, 100_000])
def test_both_ways_give_keys_numbers_and_visitors(seed: int, most: int) -> None:
    """Within a table a key has one number and no other has it; visitors are the last that were told. `most` small: tables come and go, at
    other times where an object that is equal to a known one takes no room."""
    chance, visitors = random.Random(seed), dict[str, int]()
    ways, given = (PageNumbers(most), python_numbers(most)), dict[tuple[int, str], int]()
    for _ in range(150):
        pages = some_pages(chance)
        for numbers in ways:
            keys, number = numbers.look(pages, visitors)
            assert keys == [page.key for page in pages]
            assert all(given.setdefault((numbers.table, key), one) == one for key, one in zip(keys, number.tolist(), strict=True))
            assert numbers.visitors_on(number) == [visitors.get(key, 0) for key in keys]
        key, count = OBJECTS[chance.randrange(40)].key, chance.randrange(5)
        visitors[key] = count
        for numbers in ways:
            numbers.set_visitors(key, count)
    assert len(given) == len({(table, number) for (table, _), number in given.items()})
    assert (len({table for table, _ in given}) > 2) == (most == 30)


def test_more_pages_than_are_known_in_one_record_are_numbered() -> None:
    numbers = PageNumbers(5)
    keys, number = numbers.look(OBJECTS, {})
    assert (keys, sorted(number.tolist())) == ([page.key for page in OBJECTS], list(range(40)))


@pytest.mark.parametrize("seed", range(20))
def test_pages_are_found_by_number_as_by_key(seed: int) -> None:
    """Through pages that come and go and come again at another place, and tables of numbers of two sources."""
    chance, table = random.Random(seed), PageTable()
    sources = [PageNumbers(60), PageNumbers(60)]
    for _ in range(200):
        page = OBJECTS[chance.randrange(40)]
        place = table.find(page.key)
        if place < 0:
            table.add(page.key, watched=False)
        elif chance.random() < 0.5:
            table.remove(place)
        numbers = sources[chance.random() < 0.1]
        keys, number = numbers.look(some_pages(chance), {})
        if chance.random() < 0.2:
            keys, number = [*keys, "default/left"], np.append(number, NO_NUMBER)
        found = table.find_all(keys, Numbered(numbers.table, number))
        assert found.tolist() == [table.find(key) for key in keys] == table.find_all(keys).tolist()

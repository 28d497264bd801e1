"""Page numbers: compiled or not, a page has one number as long as its table lasts, and is found by it where it is found by its key."""

from __future__ import annotations

import random

import numpy as np
import pytest

from isotherm.core import counting
from isotherm.core.page_numbers import CHARACTERS_MAX, PageNumbers
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


def test_of_equal_pages_one_object_is_kept() -> None:
    """However often a page comes as another object, it takes no more room, and its number stays; the last object is found, and those before
    are let go."""
    numbers, chance = PageNumbers(100), random.Random(1)
    table, given = numbers.table, numbers.look(OBJECTS, {})[1].tolist()
    last = list(OBJECTS)
    for _ in range(2_000):
        at = chance.randrange(40)
        last[at] = Page("default", PATHS[at])
        assert numbers.look([last[at]], {})[1].tolist() == [given[at]]
    keys, number = numbers.look(last, {})
    assert (numbers.table, keys, number.tolist()) == (table, [page.key for page in last], given)
    assert len(numbers._known) == len(numbers) == 40


def test_long_pages_are_fewer() -> None:
    """All keys together have so many characters at most, and those of one record more; what was kept goes as records come."""
    numbers, tables = PageNumbers(), set[int]()
    for first in range(0, 8_000, 100):
        numbers.look([Page("default", f"/{at}{'x' * 2_000}") for at in range(first, first + 100)], {})
        tables.add(numbers.table)
        assert sum(map(len, numbers._by_key)) <= CHARACTERS_MAX + 100 * 2_100
    assert len(tables) == 4
    for _ in range(20):
        numbers.look([OBJECTS[0]], {})
    assert not numbers._past


def test_without_memory_a_page_has_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the column of visitors can't grow, the page that wanted it has no number, and gets one when there is memory again."""
    numbers = PageNumbers()
    pages = [Page("default", f"/{at}") for at in range(65)]
    numbers.look(pages[:64], {})
    with monkeypatch.context() as patch:
        patch.setattr(np, "concatenate", _no_memory)
        for _ in range(2):
            with pytest.raises(MemoryError):
                numbers.look(pages, {})
    assert len(numbers) == 64
    _, number = numbers.look(pages, {pages[64].key: 7})
    assert (number.tolist(), numbers.visitors_on(number)[64]) == (list(range(65)), 7)


def _no_memory(_: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("seed", range(20))
def test_pages_are_found_by_number_as_by_key(seed: int) -> None:
    """Through pages that come and go and come again at another place, and tables of numbers of two sources."""
    chance, table = random.Random(seed), PageTable()
    sources = [PageNumbers(30), PageNumbers(30)]
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

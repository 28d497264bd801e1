"""The tale of the laptop."""

import itertools

import pytest

from isotherm.simulate.story import Story

PERIOD_S = 300


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("cycle", range(3))
def test_nobody_knows_then_all_know_then_it_is_forgotten_again_and_again(seed: int, cycle: int) -> None:
    story = Story(seed)

    def word(second: float) -> float:
        return story.word((cycle * PERIOD_S + second) * 1000)

    assert all(word(second) < 0.03 for second in (20, 50, 74)), "everybody looks at the console"
    assert word(150) > 0.9, "the word has gone round"
    assert word(220) > 0.9
    assert word(299) < 0.03, "the comma is right again"


def test_word_of_mouth_grows_slowly_at_first() -> None:
    story = Story(1)
    known = [story.word(second * 1000) for second in range(75, 150)]
    first = next(word for word in known if word)
    assert first < 0.05
    assert max(after - before for before, after in itertools.pairwise(known)) < 0.06


def test_who_knows_looks_at_the_laptop_who_does_not_at_the_console() -> None:
    story = Story(1)
    assert story.appeal("console", knows=False) > 5 * story.appeal("laptop", knows=False)
    assert story.appeal("laptop", knows=True) > 5 * story.appeal("console", knows=True)
    assert story.appeal("lamp", knows=True) == story.appeal(None, knows=False) == 1

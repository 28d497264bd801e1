"""Meeting: sessions that are known by number or by name, and those of Python's dictionaries, are the same sessions."""

from __future__ import annotations

import random

import numpy as np
import pytest

from isotherm.core import counting
from isotherm.core.limits import PRESENT_MS, REPEAT_MEMORY_MS
from isotherm.core.meeting import Meeting
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, Numbered, Runs, Samples
from isotherm.gateway.numbers import Numbers, Speaker

needs_compiler = pytest.mark.skipif(counting.compiled is None, reason="there was no C compiler when Isotherm was installed")
SESSIONS, LOADS, PAGES = list("abcd"), list("xy"), [Page("one", "/"), Page("one", "/p"), Page("other", "/")]
KEYS = [page.key for page in PAGES]
START_MS = 1_700_000_000_000


def record(said: list[tuple[int, int, int, int, int]], numbered: Numbered | None, now_ms: int) -> Samples:
    """One sample a run; of each its page, session, load, seq and number."""
    page, session, load, seq, _ = (np.array(column, np.int64) for column in zip(*said, strict=True))
    ones = np.ones(len(said))
    return Samples(
        arrived_ms=now_ms, pages=PAGES, origins=[None] * 3, sessions=SESSIONS, loads=LOADS,
        runs=Runs(page, session, page * 0, load, seq, ones, ones, ones.astype(np.int64), numbered),
        time_ms=np.full(len(said), now_ms), x=ones, y=ones, kind=np.zeros(len(said), np.uint8), kinds=["move"],
    )  # fmt: skip


def python_meeting() -> Meeting:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "compiled", None)
        return Meeting()


def state(meeting: Meeting) -> tuple[object, ...]:
    meeting._release(None)
    return meeting.presence.where, meeting.presence.on_each(KEYS), len(meeting.repeats)


@needs_compiler
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("most", [3, 200])
def test_sessions_known_by_number_are_those_of_the_dictionaries(seed: int, most: int) -> None:
    """Sockets say the next of their load, now and then a repeat, a gap, an event, another page; their sessions come and go between them, and
    numbers between tables: what is fresh, and who is where, is what Python's dictionaries say."""
    chance, now_ms = random.Random(seed), START_MS
    numbers, speakers = Numbers(most), [Speaker() for _ in range(5)]
    ours, theirs = Meeting(), python_meeting()
    next_of = {(session, load): 0 for session in range(4) for load in range(2)}
    socket_says = [(chance.randrange(4), chance.randrange(2)) for _ in speakers]
    for _ in range(120):
        said = []
        for _ in range(chance.randrange(1, 7)):
            socket = chance.randrange(5)
            if chance.random() < 0.05:
                speakers[socket], socket_says[socket] = Speaker(), (chance.randrange(4), chance.randrange(2))
            session, load = socket_says[socket]
            page, seq = (chance.randrange(3), next_of[session, load]) if chance.random() < 0.1 else (0, next_of[session, load])
            if chance.random() < 0.1:
                load = NO_LOAD
            elif chance.random() < 0.1:
                seq = max(0, seq + chance.randrange(-2, 3))
            else:
                next_of[session, load] += 1
            number = numbers.of(speakers[socket], SESSIONS[session], LOADS[load] if load >= 0 else None)
            said.append((page, session, load, seq, number if chance.random() < 0.95 else -1))
        numbered = Numbered(numbers.table, np.array([number for *_, number in said], np.int64))
        samples = record(said, numbered if chance.random() < 0.9 else None, now_ms)
        fresh, repeated = ours.meet(samples, KEYS)
        expected, repeated_too = theirs.meet(samples, KEYS)
        assert (fresh.tolist(), repeated) == (expected.tolist(), repeated_too)
        numbers.turn()
        now_ms += chance.choice(
            [1, 20, 250, PRESENT_MS if chance.random() < 0.05 else 5, REPEAT_MEMORY_MS if chance.random() < 0.05 else 5]
        )
        assert ours.expire(now_ms) == theirs.expire(now_ms)
        if chance.random() < 0.1:
            assert state(ours) == state(theirs)
    assert state(ours) == state(theirs)


@needs_compiler
def test_numbers_that_nobody_gave_are_no_harm() -> None:
    """Whatever stands in the column: below 0, far too high, or of a session that is forgotten: the names tell."""
    ours, theirs = Meeting(), python_meeting()
    for seq, number in enumerate((0, -7, 2**62, -(2**63), 2**24, 2**24 - 1, 0)):
        samples = record([(0, 0, 0, seq, 0), (0, 1, 1, seq, 0)], Numbered(1, np.array([number, -1])), START_MS)
        assert [one.meet(samples, KEYS)[0].tolist() for one in (ours, theirs)] == [[True, True]] * 2
        ours._release(None)
    assert state(ours) == state(theirs)
    with pytest.raises(ValueError, match="at least 2"):
        ours.meet(record([(0, 0, 0, 9, 0), (0, 1, 1, 9, 0)], Numbered(1, np.zeros(1, np.int64)), START_MS), KEYS)

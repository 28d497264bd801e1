"""Presence: who is on which page now, against a child's list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.presence import Presence

steps = st.lists(
    st.tuples(st.integers(-3000, 9000), st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["s/1", "s/2"])), max_size=4)),
    max_size=40,
)


@given(steps)
def test_a_session_is_on_its_last_page_until_it_is_silent(trace: list[tuple[int, list[tuple[str, str]]]]) -> None:
    """Also when the clock goes back; expiry may come up to two seconds late, never early."""
    presence = Presence(present_ms=5000)
    where: dict[str, tuple[str, int]] = {}
    now_ms = latest_ms = 1_000_000
    for wait_ms, visits in trace:
        now_ms += wait_ms
        latest_ms = max(latest_ms, now_ms)
        presence.expire(now_ms)
        for session, page in visits:
            presence.seen("s", session, page, now_ms)
            if session not in where or where[session][1] <= now_ms:
                where[session] = (page, now_ms)
        for page in ("s/1", "s/2"):
            surely = sum(at == page and last_ms + 5000 > latest_ms for at, last_ms in where.values())
            at_most = sum(at == page for at, _ in where.values())
            assert surely <= presence.on(page) <= at_most


def test_all_leave_in_the_end() -> None:
    """And `changes` tells each page whose number changed, once."""
    presence = Presence(present_ms=5000)
    presence.expire(0)
    for number in range(50):
        presence.seen("s", str(number), f"s/{number % 3}", number)
    assert presence.changes() == {"s/0": 17, "s/1": 17, "s/2": 16}
    assert presence.changes() == {}
    for now_ms in range(0, 8000, 250):
        presence.expire(now_ms)
    assert presence.changes() == {"s/0": 0, "s/1": 0, "s/2": 0}
    assert len(presence) == 0


def test_those_who_went_before_a_start_leave() -> None:
    """Minutes of a past are taken at once, and nobody looked meanwhile: who was silent before the end of them does not stay for ever."""
    presence = Presence(present_ms=5000)
    for second in range(0, 600, 10):
        presence.seen("s", str(second), "s/1", second * 1000)
    presence.seen("s", "who is here", "s/1", 599_000)
    presence.expire(600_000)
    assert presence.on("s/1") == 1


def test_many_who_fall_silent_together_go_in_turns() -> None:
    """A few thousand a call, none early, and all within a quarter of the time that they may be silent."""
    presence, left, people = Presence(present_ms=60_000), [], 50_000
    presence.expire(0)
    for number in range(people):
        presence.seen("s", str(number), "s/1", 0)
    for now_ms in range(0, 77_000, 250):
        before = len(presence)
        presence.expire(now_ms)
        left.append(before - len(presence))
        assert now_ms >= 60_000 or not left[-1]
    assert max(left) <= 4_000
    assert (sum(left), len(presence), presence.on("s/1")) == (people, 0, 0)

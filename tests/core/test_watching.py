"""Rules through changes of them, and of who holds them: hot and cooled take turns in what is told, however often the holder is another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.rules import Reaction, Rule, reaction_from_json, reaction_json
from isotherm.core.watching import Watching, newest_of
from isotherm.core.zones import ZoneNow

RULE = Rule("popular", "/p", "people", 3.0, zone="*", hold_ms=250, release=2.0, cooldown_ms=1000)


class Zones:
    """So many people on the zone `buy`."""

    def __init__(self, people: int) -> None:
        self._people = people

    def league(self, _page: str) -> list[ZoneNow]:
        return [ZoneNow(name="buy", share=1.0, samples=self._people, people=self._people, clicks=0, rage=0, dead=0, trend=1.0)]

    def people(self, _page: str) -> int:
        return self._people


def holder(rule: Rule | None, told: list[Reaction]) -> Watching:
    watching = Watching()
    watching.settle({rule.name: rule} if rule is not None else {})
    watching.recall(told, orphans=True)
    return watching


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["", "", "another holder", "no rule", "other levels"])), max_size=60))
def test_hot_and_cooled_take_turns(steps: list[tuple[int, str]]) -> None:
    """At every hop somebody else may hold the rules, and know only what was told; a rule may go, come back and change."""
    told: list[Reaction] = []
    rule: Rule | None = RULE
    watching = holder(rule, told)
    for hop, (people, change) in enumerate(steps):
        if change == "no rule":
            rule = None if rule is not None else RULE
        elif change == "other levels" and rule is not None:
            rule = replace(rule, at_least=7.0 - rule.at_least)
        if change == "another holder":
            watching = holder(rule, told)
        else:
            watching.settle({rule.name: rule} if rule is not None else {})
        told += watching.hop(hop * 250, Zones(people))
    assert [reaction.type for reaction in told] == ["hot", "cooled"][: len(told)] * (len(told) // 2) + ["hot"] * (len(told) % 2)
    watching = holder(None, told)
    ended = watching.hop(10**6, Zones(5))
    assert [(reaction.type, reaction.why) for reaction in ended] == [("cooled", "the rule was taken away")] * (len(told) % 2)
    assert watching.hop(10**6 + 250, Zones(5)) == []


def test_another_holder_keeps_quiet_as_long_as_the_first_would() -> None:
    """The cool-down is counted from what was told."""
    told = [_told("hot", 0), _told("cooled", 1000)]
    watching = holder(RULE, told)
    fired = {hop_ms: watching.hop(hop_ms, Zones(5)) for hop_ms in range(1250, 2500, 250)}
    assert [hop_ms for hop_ms, reactions in fired.items() if reactions] == [2000]


def test_what_fired_is_read_as_it_was_written() -> None:
    """And only the newest word of each thing is taken up."""
    hot, cooled = _told("hot", 0), _told("cooled", 1000)
    other: Any = hot._replace(zone=None, page="/q")
    assert reaction_from_json(reaction_json(other)) == other
    assert newest_of([hot, other, cooled]) == [cooled, other]


def _told(type_: str, at_ms: int) -> Reaction:
    return Reaction(f"rx_{at_ms}", type_, at_ms, "popular", "default", "/p", "buy", "people", 3.0, 3.0, 3, "why")

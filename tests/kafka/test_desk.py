"""A gateway's desk: the rules of all, and what fired, as topics tell them."""

from __future__ import annotations

import pytest

from isotherm.core.rules import Reaction, Rule, RuleError
from isotherm.reactions.desk import RULES_MAX
from isotherm.runtimes.kafka.desk import SharedDesk

RULE = Rule("popular", "/p", "people", 2.0, zone="*", in_page=True)
FIXED = Rule("fixed", "/q", "people", 2.0)


class Desk(SharedDesk):
    """With rules that hold as soon as they are written."""

    def __init__(self, *fixed: Rule) -> None:
        super().__init__(fixed, self._hold)
        self.known: dict[str, Rule] = {}

    async def _hold(self, name: str, rule: Rule | None) -> None:
        self.known = {key: value for key, value in (self.known | {name: rule}).items() if value is not None}
        self.take_rules(self.known)


def told(rule: Rule, type_: str, at_ms: int, zone: str | None = "buy") -> Reaction:
    return Reaction(f"rx_{at_ms}", type_, at_ms, rule.name, rule.site, rule.page, zone, rule.metric, 2.0, 2.0, 2, "why")


async def test_rules() -> None:
    """Those of the file hold from the start, and are changed there only; others come and go."""
    desk = Desk(FIXED)
    await desk.put_fixed()
    await desk.put(RULE)
    assert desk.rules == [(FIXED, True), (RULE, False)]
    with pytest.raises(RuleError, match="settings file"):
        await desk.put(FIXED)
    assert [await desk.drop(name) for name in ("fixed", "none", "popular")] == [False, False, True]
    assert desk.rules == [(FIXED, True)]
    for number in range(RULES_MAX - 1):
        await desk.put(Rule(f"r{number}", "/", "people", 1.0))
    with pytest.raises(RuleError, match="at most"):
        await desk.put(RULE)
    await desk.put(Rule("r0", "/other", "people", 1.0))


async def test_what_fired() -> None:
    """Listeners hear what is new, once; what is hot is known from the beginning of the topic, and what is over is not."""
    desk = Desk()
    await desk.put(RULE)
    heard: list[tuple[int, str, bool]] = []
    desk.listen(lambda seq, reaction: heard.append((seq, reaction.type, desk.may_tell_page(reaction))))
    desk.take([(1, told(RULE, "hot", 1)), (2, told(RULE, "hot", 2, "menu"))], new=False)
    assert (desk.hot, heard) == ({"popular": ["buy", "menu"]}, [])
    assert desk.in_page("default/p") == [(RULE, "buy"), (RULE, "menu")]
    assert desk.in_page("default/q") == []
    desk.take([(2, told(RULE, "hot", 2, "menu")), (4, told(RULE, "cooled", 3))], new=True)
    assert desk.hot == {"popular": ["menu"]}
    await desk.drop("popular")
    desk.take([(6, told(RULE, "cooled", 4, "menu"))], new=True)
    assert heard == [(4, "cooled", True), (6, "cooled", True)], "the page hears the end of a rule that is no more"
    assert [seq for seq, _ in desk.since(2)] == [4, 6]
    assert (desk.hot, desk.in_page("default/p")) == ({}, [])

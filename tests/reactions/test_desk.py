"""The desk through restarts and changes of its rules: whoever was told that something is hot is told when it is no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from isotherm.core.rules import Rule
from isotherm.core.zones import ZoneNow
from isotherm.reactions.desk import Desk
from isotherm.reactions.store import ReactionStore

RULE = Rule("popular", "/p", "people", 2.0, zone="*", hold_ms=0, people=2, cooldown_ms=0, in_page=True)


class Zones:
    """As many people on the zone `buy` as a test says."""

    def __init__(self) -> None:
        self.now = 3

    def league(self, _page: str) -> list[ZoneNow]:
        return [ZoneNow(name="buy", share=1.0, samples=self.now, people=self.now, clicks=0, rage=0, dead=0, trend=1.0)] if self.now else []

    def people(self, _page: str) -> int:
        return self.now


def told(desk: Desk, now_ms: int) -> list[tuple[str, str | None]]:
    return [(reaction.type, reaction.zone) for reaction in desk.hop(now_ms)]


def test_what_was_hot_before_a_restart_is_told_when_it_cools(tmp_path: Path) -> None:
    """And is not told hot a second time meanwhile."""
    zones = Zones()
    store = ReactionStore(tmp_path / "reactions.sqlite")
    desk = Desk(store, zones, fixed=[RULE])
    assert told(desk, 0) == [("hot", "buy")]
    store.close()
    store = ReactionStore(tmp_path / "reactions.sqlite")
    again = Desk(store, zones, fixed=[RULE])
    assert told(again, 250) == []
    zones.now = 0
    assert told(again, 500) == [("cooled", "buy")]
    store.close()
    store = ReactionStore(tmp_path / "reactions.sqlite")
    third = Desk(store, zones, fixed=[RULE])
    assert told(third, 750) == [], "what cooled is not hot again"
    store.close()


def test_what_was_hot_under_a_rule_that_is_no_more_at_the_next_start_is_told_as_cooled(tmp_path: Path) -> None:
    """Whoever takes it out of the settings file does so while the server is down. Told once."""
    for start, (rules, expected) in enumerate([([RULE], [("hot", "buy")]), ([], [("cooled", "buy")]), ([], [])]):
        store = ReactionStore(tmp_path / "reactions.sqlite")
        assert told(Desk(store, Zones(), fixed=rules), start * 250) == expected
        store.close()


def test_a_rule_that_is_taken_away_while_hot_tells_that_it_cooled(tmp_path: Path) -> None:
    """Once, and its page may hear of it."""
    store = ReactionStore(tmp_path / "reactions.sqlite")
    desk = Desk(store, Zones())
    heard = []
    desk.listen(lambda _seq, reaction: heard.append((reaction.type, desk.may_tell_page(reaction))))
    desk.put(RULE)
    assert told(desk, 0) == [("hot", "buy")]
    assert desk.drop("popular")
    assert told(desk, 250) == [("cooled", "buy")]
    assert told(desk, 500) == []
    assert heard == [("hot", True), ("cooled", True)]
    store.close()


def test_a_rule_that_becomes_another_keeps_what_is_hot(tmp_path: Path) -> None:
    """Of the same page it goes on and cools by its new level; of another page it has cooled on the one before."""
    store = ReactionStore(tmp_path / "reactions.sqlite")
    desk = Desk(store, Zones())
    desk.put(RULE)
    assert told(desk, 0) == [("hot", "buy")]
    desk.put(replace(RULE, release=1.0))
    assert told(desk, 250) == []
    desk.put(replace(RULE, page="/q", people=99))
    assert [(one.type, one.page) for one in desk.hop(500)] == [("cooled", "/p")]
    store.close()

"""Rules as state machines, against brute force: the definition read off the whole history at every step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.rules import METRICS, Machine, Moment, Rule, RuleError, Watch, rule_from_json, rule_to_json

START_MS = 1_700_000_000_000

rules = st.builds(
    lambda metric, low, gap, hold, people, cooldown: Rule(
        "r", "/", metric, float(low if metric == "unseen" else low + gap), zone="z", release=float(low + gap if metric == "unseen" else low),
        hold_ms=hold, people=people, cooldown_ms=cooldown,
    ),
    st.sampled_from(["people", "clicks", "rage", "dead", "unseen"]), st.integers(0, 4), st.integers(0, 3), st.sampled_from([0, 250, 1000]),
    st.integers(0, 3), st.sampled_from([0, 500, 2000]),
)  # fmt: skip
histories = st.lists(st.tuples(st.integers(1, 600), st.integers(0, 8), st.integers(0, 5)), min_size=1, max_size=60)


def by_definition(rule: Rule, history: list[tuple[int, float, int]]) -> list[tuple[int, str]]:
    """Looks at all that was before, at each moment, as the documents say it."""
    turned = rule.metric == "unseen"
    fired: list[tuple[int, str]] = []
    for at, (now, value, _) in enumerate(history):
        last = fired[-1] if fired else None
        if last is not None and last[1] == "hot":
            if (value > rule.release_at) if turned else (value < rule.release_at):
                fired.append((now, "cooled"))
            continue
        since = None
        for time, past, people in reversed(history[: at + 1]):
            reached = past <= rule.at_least if turned else past >= rule.at_least
            if not reached or people < rule.people or (last is not None and time <= last[0]):
                break
            since = time
        quiet = last is not None and now < last[0] + rule.cooldown_ms
        if since is not None and now - since >= rule.hold_ms and not quiet:
            fired.append((now, "hot"))
    return fired


@settings(max_examples=500, deadline=None)
@given(rules, histories)
def test_a_rule_fires_just_when_its_definition_says_so(rule: Rule, steps: Any) -> None:
    """Held level, hysteresis, minimum people and cool-down, for every history."""
    machine, now, history, fired = Machine(rule), START_MS, [], []
    for wait_ms, value, people in steps:
        now += wait_ms
        history.append((now, float(value), people))
        type_ = machine.feed(now, value, people)
        if type_ is not None:
            fired.append((now, type_))
    assert fired == by_definition(rule, history)


@settings(max_examples=200, deadline=None)
@given(rules, st.lists(st.tuples(st.integers(-5000, 5000), st.integers(0, 8), st.integers(0, 5)), max_size=40))
def test_hot_and_cooled_take_turns_whatever_the_clock_does(rule: Rule, steps: Any) -> None:
    """Also where the clock goes back no state is told twice, and the machine comes to rest again."""
    machine, now, before = Machine(rule), START_MS, "cooled"
    for wait_ms, value, people in steps:
        now += wait_ms
        type_ = machine.feed(now, value, people)
        assert type_ != before
        before = type_ or before
    calm = 99.0 if rule.metric == "unseen" else -1.0
    machine.feed(now + 10_000, calm, 0)
    machine.feed(now + 20_000, calm, 0)
    assert machine.resting


def test_a_pattern_watches_each_zone_apart_and_forgets_those_at_rest() -> None:
    """Zones that fit fire on their own; who cooled is told first; a zone that went away cools, then is forgotten."""
    watch = Watch(Rule("popular", "/", "share", 0.5, zone="product-*", hold_ms=1000, people=2, cooldown_ms=0))
    page = Moment(people=9)

    def feed(after_ms: int, **shares: float) -> list[tuple[str, str | None]]:
        zones = {name.replace("_", "-"): Moment(share=share, people=5) for name, share in shares.items()}
        return [(fired.type, fired.zone) for fired in watch.feed(START_MS + after_ms, page, zones)]

    assert feed(0, product_a=0.6, menu=0.9) == []
    assert feed(1000, product_a=0.6, menu=0.9) == [("hot", "product-a")]
    assert watch.hot == ["product-a"]
    assert feed(2000, product_a=0.45, product_b=0.55) == [], "between the levels nothing changes"
    assert feed(3000, product_b=0.55) == [("cooled", "product-a"), ("hot", "product-b")]
    assert feed(4000) == [("cooled", "product-b")]
    assert feed(5000) == []
    assert watch._machines == {}


def test_nobody_sees_it_is_told_of_a_zone_that_nobody_ever_saw() -> None:
    """The page has people, the zone none: hot; somebody comes: cooled."""
    watch = Watch(Rule("lost", "/", "unseen", 0, zone="checkout", hold_ms=500, people=3))
    assert watch.feed(START_MS, Moment(people=5), {}) == []
    (fired,) = watch.feed(START_MS + 500, Moment(people=5), {})
    assert (fired.type, fired.zone, fired.why) == ("hot", "checkout", "people who see it 0 ≤ 0 for 0.5 s, 5 people")
    (cooled,) = watch.feed(START_MS + 600, Moment(people=5), {"checkout": Moment(people=1)})
    assert (cooled.type, cooled.value) == ("cooled", 1)


def test_what_fired_has_the_same_id_wherever_it_is_computed() -> None:
    """The id is a function of rule, zone, kind and time."""
    rule = Rule("r", "/", "people", 1, hold_ms=0, people=0)
    first, second = (Watch(rule).feed(START_MS, Moment(people=4), {}) for _ in range(2))
    later = Watch(rule).feed(START_MS + 1, Moment(people=4), {})
    assert first == second
    assert first[0].id != later[0].id


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"metric": "heat"}, "one of share, people"),
        ({"page": "p"}, "page such as"),
        ({"zone": None}, "name a zone"),
        ({"at_least": 1.5}, "to 1"),
        ({"release": 0.9}, "release"),
        ({"hold_ms": -1}, "0 or more"),
        ({"name": ""}, "name"),
        ({"colour": 1}, "'colour' is none"),
        ({"people": True}, "people"),
        ({"at_least": float("nan")}, "at_least"),
        ({"metric": "people", "at_least": 10**400}, "at_least"),
        ({"release": float("nan")}, "release"),
        ({"metric": "unseen", "release": float("inf")}, "release"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(wrong: dict[str, Any], word: str) -> None:
    """The field and what was expected."""
    right = {"name": "r", "page": "/", "metric": "share", "at_least": 0.5, "zone": "z"}
    assert rule_from_json(rule_to_json(rule_from_json(right))) == rule_from_json(right)
    with pytest.raises(RuleError, match=word):
        rule_from_json(right | wrong)


def test_there_is_a_value_for_each_metric() -> None:
    """Every metric can be watched on a zone."""
    for metric in METRICS:
        Watch(Rule("r", "/", metric, 0.5, zone="z", hold_ms=0)).feed(START_MS, Moment(people=5), {"z": Moment(1.0, 4, 3)})

"""Who holds a partition's rules: what is told of each thing takes turns, whoever holds it, and a holder of before writes nothing more."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.rules import Reaction, Rule
from isotherm.runtimes.kafka.connection import Cluster, KafkaSettings
from isotherm.runtimes.kafka.holding import Holding
from isotherm.runtimes.kafka.scribe import Claimed, Scribe
from isotherm.runtimes.kafka.told import read_told
from isotherm.runtimes.pipeline import PipelineSettings
from tests.core.test_watching import RULE, Zones
from tests.kafka.running import returns
from tests.serving import eventually


class Topic:
    """The topic as Kafka keeps it: whoever claimed last may write."""

    def __init__(self) -> None:
        self.told: list[Reaction] = []
        self.claims = 0

    def claim(self, _partition: int) -> int:
        self.claims += 1
        return self.claims

    def write(self, claim: int, _partition: int, reactions: list[Reaction]) -> None:
        if claim == self.claims:
            self.told += reactions

    def drop(self, claim: int) -> None: ...


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), st.booleans()), max_size=80))
def test_hot_and_cooled_take_turns_in_the_topic(steps: list[tuple[int, int, bool]]) -> None:
    """Two workers, either of which may think that the partition is its own; claims are answered late, or at once."""
    topic = Topic()
    workers = [Holding(0, 1, topic), Holding(0, 1, topic)]
    asked: dict[int, int] = {}
    rules = {RULE.name: RULE}
    for hop, (at, people, answer) in enumerate(steps):
        worker = workers[at]
        before = worker.claim
        worker.hop(1_000_000 + hop * 250, Zones(people), rules)
        if worker.claim != before and worker.claim is not None:
            asked[at] = worker.claim
        if answer and at in asked:
            claim = asked.pop(at)
            worker.claimed(list(topic.told) if claim == topic.claims else None)
    assert [reaction.type for reaction in topic.told] == (["hot", "cooled"] * len(topic.told))[: len(topic.told)]


def test_who_lost_a_claim_asks_again_later() -> None:
    """Not at once: another may have the partition, and would lose it so."""
    topic = Topic()
    holding = Holding(0, 1, topic)
    asked = []
    for now_ms in range(1_000_000, 1_020_000, 250):
        before, _ = topic.claims, holding.hop(now_ms, Zones(0), {RULE.name: RULE})
        if topic.claims > before:
            asked.append(now_ms)
            holding.claimed(None)
    assert asked == [1_000_000, 1_015_250]


def test_a_partition_without_rules_is_not_claimed() -> None:
    """Nor does it cost anything."""
    topic = Topic()
    Holding(0, 1, topic).hop(1_000_000, Zones(5), {})
    assert topic.claims == 0


def told(rule: Rule, type_: str, at_ms: int) -> Reaction:
    return Reaction(f"rx_{at_ms}", type_, at_ms, rule.name, rule.site, rule.page, "buy", rule.metric, 3.0, 3.0, 3, "why")


@pytest.mark.kafka
@pytest.mark.timeout(60)
async def test_who_had_a_partition_before_writes_no_more(servers: str, tmp_path: Path) -> None:
    """What was written under a claim is what the next one is told, and the first writer hears that it has lost it. Another partition's
    writer goes on."""
    cluster = Cluster(KafkaSettings(servers, 2), PipelineSettings(tmp_path, topic_prefix=f"t{uuid4().hex[:8]}-"))
    cluster.prepare()
    first, second = Scribe(cluster), Scribe(cluster)
    found: dict[int, list[Claimed]] = {0: [], 1: []}

    def results(number: int, scribe: Scribe) -> list[Claimed]:
        found[number] += scribe.results()
        return found[number]

    one, aside = first.claim(0), first.claim(1)
    hot, cooled, other = told(RULE, "hot", 1), told(RULE, "cooled", 2), told(RULE, "hot", 3)
    first.write(one, 0, [hot])
    await eventually(returns(lambda: len(results(0, first)) == 2))
    await eventually(returns(lambda: read_told(cluster) == [hot]))
    taken = second.claim(0)
    await eventually(returns(lambda: results(1, second)))
    assert found[1] == [Claimed(taken, [hot])]
    first.write(one, 0, [cooled])
    first.write(aside, 1, [other])
    await eventually(returns(lambda: Claimed(one, None) in results(0, first)))
    second.write(taken, 0, [cooled])
    await eventually(returns(lambda: sorted(one.at_ms for one in read_told(cluster)) == [1, 2, 3]))
    first.close()
    second.close()

"""Webhooks on Kafka: one worker sends, another takes over what waits."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import ConsumerGroupDescription
from standardwebhooks import Webhook as Verifier

from isotherm.core.rules import Reaction
from isotherm.core.webhooks import Webhook
from isotherm.reactions.store import ReactionStore
from isotherm.runtimes.kafka.connection import DELIVERIES, WEBHOOKS_GROUP, Cluster, KafkaSettings
from isotherm.runtimes.kafka.deliveries import Known, SharedOutbox, Standing, address_of
from isotherm.runtimes.kafka.scribe import Scribe
from isotherm.runtimes.kafka.whole import read_whole
from isotherm.runtimes.pipeline import PipelineSettings
from tests.kafka.running import Worker, returns
from tests.kafka.test_pipeline import OnKafka, RunCli
from tests.reactions.test_courier import OLD, Receiver, now_ms, reaction, receiver  # noqa: F401  # a fixture
from tests.serving import eventually

TOKEN = "secret-token-of-the-test"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
SECRET = "whsec_" + base64.b64encode(OLD).decode()
HOOK = Webhook("shop", "https://shop.example/heat", (OLD,))


class Outboxes:
    """One after the other, each filled from what those before it wrote."""

    def __init__(self, *told: Reaction) -> None:
        self.told = list(told)
        self.known = Known()
        self.written: list[str] = []
        self._take("shop", json.dumps({"since": 0, "host": "h", "rules": [], "address": address_of(HOOK)}).encode())

    def _take(self, key: str, value: bytes | None) -> None:
        self.known.take(key, value)
        self.written.append(key)

    def next(self, webhook: Webhook = HOOK) -> SharedOutbox:
        outbox = SharedOutbox(ReactionStore(Path(":memory:")), self._take)
        outbox.fill([webhook], self.known, self.told, now_ms())
        return outbox


def test_what_waits_follows_from_what_fired_and_what_came_of_it() -> None:
    """What is done, was replaced, or is older than a day waits no more; what failed waits as long as it did."""
    made = Outboxes(reaction("rx_1"), reaction("rx_2", zone="menu"), reaction("rx_old", zone="x", at_ms=now_ms() - 90_000_000))
    outbox = made.next()
    assert outbox.waiting() == {"shop": 2}
    first = outbox.first("shop")
    assert first is not None
    outbox.done(first.number)
    second = outbox.first("shop")
    assert second is not None
    outbox.later(second.number, now_ms() + 60_000)
    again = made.next().first("shop")
    assert again is not None
    assert (again.id, again.body, again.failures, again.due_ms > now_ms()) == ("rx_2", second.body, 1, True)
    made.told.append(reaction("rx_3", "cooled", zone="menu"))
    replaced = made.next()
    found = replaced.first("shop")
    assert found is not None
    assert (found.id, replaced.waiting()) == ("rx_3", {"shop": 1})
    replaced.done(found.number)
    assert made.next().waiting() == {}


def test_a_webhook_is_not_told_what_it_did_not_want_when_it_fired() -> None:
    """One that is new hears of nothing that was; nor does one that wants other rules from now on, or was off."""
    made = Outboxes(reaction("rx_1"))
    assert made.next(Webhook("new", HOOK.url, (OLD,))).waiting() == {}
    narrow = Standing(0, "h", ["other"], address_of(HOOK))
    made.known.standings["shop"] = narrow
    assert made.next().waiting() == {}
    made.known.standings["shop"] = Standing(0, "h", [], address_of(HOOK))
    assert made.next().waiting() == {}, "it was written down as done"
    made.told.append(reaction("rx_2"))
    made.known.standings["shop"] = Standing(0, "h", [], address_of(HOOK), disabled=1)
    assert (made.next().waiting(), made.next().disabled([HOOK])) == ({}, {"shop": 1})
    moved = Webhook("shop", "https://shop.example/other", (OLD,))
    assert (made.next(moved).waiting(), made.next(moved).disabled([moved])) == ({"shop": 1}, {})


def test_what_is_no_news_any_more_goes_from_the_topic() -> None:
    """An hour after a day."""
    known = Known()
    known.take("shop/rx_1", b'{"at":1,"done":true}')
    assert known.turn(90_000_000) == []
    assert known.turn(91_000_000) == ["shop/rx_1"]
    assert known.tries == {}


def one_that_sends(workers: list[Worker]) -> Worker | None:
    """By what they said last; between a revoke and the next assignment nobody does."""
    texts = [(worker, worker.output.read_text()) for worker in workers]
    senders = [worker for worker, text in texts if text.rfind("sends webhooks") > text.rfind("stands by for webhooks")]
    return senders[0] if len(senders) == 1 else None


def shared_out(cluster: Cluster, members: int) -> Callable[[], Awaitable[bool]]:
    """So many are in the group, and one of them has the partition: who comes to a group makes all of it be dealt out again."""
    admin, name = cluster.admin(), cluster.name(WEBHOOKS_GROUP)

    async def ask() -> bool:
        group: ConsumerGroupDescription = await asyncio.wrap_future(admin.describe_consumer_groups([name])[name])
        holders = [member for member in group.members if member.assignment.topic_partitions]
        return (group.state, len(group.members), len(holders)) == (ConsumerGroupState.STABLE, members, 1)

    return ask


@pytest.mark.kafka
@pytest.mark.timeout(120)
async def test_one_sends_and_another_takes_over(
    on_kafka: OnKafka, http: aiohttp.ClientSession, receiver: Receiver, tmp_path: Path, servers: str, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:
    """Of two workers one sends. It is killed while a message waits: the other sends it with the same id, and nothing that arrived before. An
    operator sees it at any gateway, and switches on what answered 410. No topic holds secret or address."""
    settings = tmp_path / "isotherm.toml"
    settings.write_text(f'[[webhooks]]\nname = "shop"\nurl = "http://127.0.0.1:{receiver.port}/hook/key-of-mine"\nsecret = "{SECRET}"\n')
    monkeypatch.setenv("ISOTHERM_CONFIG", str(settings))
    pipeline = on_kafka(partitions=1)
    allowed = ("--webhook-allow", "127.0.0.0/8")
    await asyncio.gather(
        pipeline.gateway("--viewer-token", TOKEN), pipeline.worker("webhooks", *allowed), pipeline.worker("webhooks", *allowed)
    )
    address = pipeline.gateways[0].address
    cluster = Cluster(KafkaSettings(servers, 1), PipelineSettings(tmp_path, topic_prefix=pipeline.prefix))
    scribe = Scribe(cluster)
    claim = scribe.claim(0)

    def fires(id_: str, zone: str) -> None:
        scribe.write(claim, 0, [reaction(id_, zone=zone)])

    def got(*ids: str) -> Callable[[], Awaitable[Any]]:
        return returns(lambda: receiver.ids == list(ids))

    def shown(**expected: Any) -> Callable[[], Awaitable[bool]]:
        async def ask() -> bool:
            async with http.get(f"{address}/api/webhooks", headers=OPERATOR) as answer:
                found = (await answer.json())["webhooks"]
            return any({key: one[key] for key in expected} == expected for one in found)

        return ask

    await eventually(shared_out(cluster, members=2), 60)
    await eventually(returns(lambda: one_that_sends(pipeline.workers)))
    await eventually(shown(name="shop", waiting=0))
    fires("rx_1", "a")
    await eventually(got("rx_1"))
    ((headers, body),) = receiver.got
    assert Verifier(OLD).verify(body, headers)["data"]["zone"] == "a"
    receiver.statuses = [500]
    fires("rx_2", "b")
    await eventually(shown(waiting=1))
    sender: Worker = await eventually(returns(lambda: one_that_sends(pipeline.workers)))
    await sender.kill()
    await eventually(returns(lambda: receiver.ids[-1] == "rx_2" and not receiver.statuses), 60)
    await eventually(shown(waiting=0), 60)
    assert "rx_1" not in receiver.ids[1:]

    before = len(receiver.ids)
    receiver.statuses = [410]
    fires("rx_3", "c")
    await eventually(returns(lambda: receiver.ids[before:] == ["rx_3"]))

    async def off() -> bool:
        async with http.get(f"{address}/api/webhooks", headers=OPERATOR) as answer:
            return any(one["disabled"] is not None for one in (await answer.json())["webhooks"])

    await eventually(off)
    json_ = OPERATOR | {"Content-Type": "application/json"}
    async with http.post(f"{address}/api/webhooks/enable", params={"name": "shop"}, headers=json_) as answer:
        assert answer.status == 204
    await eventually(shown(name="shop", disabled=None))
    fires("rx_4", "d")
    await eventually(returns(lambda: receiver.ids[before:] == ["rx_3", "rx_4"]))
    scribe.close()
    words = b"".join((message.key() or b"") + (message.value() or b"") for message in read_whole(cluster, DELIVERIES))
    assert b"shop/rx_4" in words
    assert not [secret for secret in (SECRET.encode(), b"key-of-mine", base64.b64encode(OLD)) if secret in words]


async def test_a_worker_without_webhooks_is_refused(run_cli: RunCli) -> None:
    """In one line that says what to do."""
    code, _, error = await run_cli("worker", "webhooks", "--kafka", "127.0.0.1:1")
    assert (code, "[[webhooks]]" in error) == (2, True)

"""Webhooks against a real receiver on this machine: what it is told, how often, and what it is spared."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook as Verifier

from isotherm.addresses import Proxies
from isotherm.core.counters import Counters
from isotherm.core.rules import Reaction
from isotherm.core.webhooks import EXPIRY_MS, Webhook
from isotherm.reactions.courier import Courier
from isotherm.reactions.outbox import WAITING_MAX, Outbox
from isotherm.reactions.outward import connector, is_public
from isotherm.reactions.store import ReactionStore
from tests.reactions.test_reactions import HEADERS, TOKEN, crowd
from tests.serving import eventually

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
LOCAL = ("127.0.0.0/8",)


def reaction(id_: str, type_: str = "hot", zone: str | None = "buy", rule: str = "popular", at_ms: int = 0) -> Reaction:
    return Reaction(
        id=id_, type=type_, at_ms=at_ms or now_ms(), rule=rule, site="default", page="/p", zone=zone, metric="people", value=3.0,
        level=2.0, people=3, why="people 3",
    )  # fmt: skip


def now_ms() -> int:
    return int(time.time() * 1000)


class Receiver:
    """A real HTTP server; answers with the next of its statuses, and 200 when there are no more."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.held: asyncio.Event | None = None  # no answer before it is set
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        if self.held is not None:
            await self.held.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    def webhook(self, *secrets: bytes, host: str = "127.0.0.1", rules: tuple[str, ...] = ()) -> Webhook:
        return Webhook("shop", f"http://{host}:{self.port}/hook/key-of-mine", secrets or (OLD,), rules)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    yield made
    if made.held is not None:
        made.held.set()
    await runner.cleanup()


class Sending:
    """A courier on a data folder, as a process would have it."""

    def __init__(self, path: Path, webhook: Webhook, allowed: Sequence[str], gap_ms: int, resolver: AbstractResolver | None) -> None:
        self.counters = Counters()
        self.thread = ThreadPoolExecutor(1)
        self.store = ReactionStore(path / "reactions.sqlite")
        self.outbox = Outbox(self.store)
        self.gaps: list[int] = []

        def gap(failures: int, _chance: float) -> int:
            self.gaps.append(failures)
            return gap_ms

        self.courier = Courier(
            self.outbox, [webhook], Proxies(allowed), self.counters, now_ms, self.thread, gap=gap, resolver=resolver
        )

    def tell(self, *reactions: Reaction) -> None:
        for one in reactions:
            self.courier.hear(0, one)

    def counted(self, name: str) -> int:
        return self.counters.by_name[f"webhooks_{name}"]

    async def until(self, name: str, number: int) -> None:
        async def reached() -> bool:
            return self.counted(name) >= number

        await eventually(reached)

    async def waiting(self) -> int:
        return sum(one["waiting"] for one in await self.courier.asked())


@asynccontextmanager
async def sending(
    path: Path, webhook: Webhook, *, allowed: Sequence[str] = LOCAL, gap_ms: int = 10, resolver: AbstractResolver | None = None
) -> AsyncIterator[Sending]:
    made = Sending(path, webhook, allowed, gap_ms, resolver)
    made.courier.start()
    try:
        yield made
    finally:
        await made.courier.close()
        made.thread.shutdown()
        made.store.close()


async def test_a_receiver_can_tell_that_it_was_us(receiver: Receiver, tmp_path: Path) -> None:
    """The standard's own library verifies what comes, with the new secret and with the one before it."""
    async with sending(tmp_path, receiver.webhook(NEW, OLD)) as sent:
        sent.tell(reaction("rx_1"))
        await sent.until("delivered", 1)
    ((headers, body),) = receiver.got
    for secret in (OLD, NEW):
        assert Verifier(secret).verify(body, headers)["type"] == "zone.hot"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "rx_1"


async def test_what_fails_comes_again_with_its_id(receiver: Receiver, tmp_path: Path) -> None:
    """Whatever the status, a redirect too, which nobody follows; each try counts one failure more."""
    receiver.statuses = [500, 302, 404]
    async with sending(tmp_path, receiver.webhook()) as sent:
        sent.tell(reaction("rx_1"))
        await sent.until("delivered", 1)
        assert (sent.counted("failed"), sent.gaps, await sent.waiting()) == (3, [1, 2, 3], 0)
    assert receiver.ids == ["rx_1"] * 4
    for headers, body in receiver.got:
        Verifier(OLD).verify(body, headers)


async def test_a_zone_that_cooled_takes_the_place_of_news_that_it_is_hot(receiver: Receiver, tmp_path: Path) -> None:
    """While the receiver fails only the newest word of each zone waits; another zone's is untouched."""
    receiver.statuses = [500, 500]
    async with sending(tmp_path, receiver.webhook(), gap_ms=600_000) as sent:
        sent.tell(reaction("rx_1"), reaction("rx_other", zone="menu"))
        await sent.until("failed", 2)
        sent.tell(reaction("rx_2", "cooled"))
        await sent.until("delivered", 1)
        assert (sent.counted("replaced"), await sent.waiting()) == (1, 1)
    assert receiver.ids == ["rx_1", "rx_other", "rx_2"]


async def test_a_word_that_is_on_its_way_is_over_before_the_next_of_its_zone_goes(receiver: Receiver, tmp_path: Path) -> None:
    """`cooled` never overtakes the `hot` that it answers, and the `hot` that then fails does not come again."""
    receiver.held, receiver.statuses = asyncio.Event(), [500]
    async with sending(tmp_path, receiver.webhook()) as sent:
        sent.tell(reaction("rx_1"))

        async def came() -> bool:
            return receiver.ids == ["rx_1"]

        await eventually(came)
        sent.tell(reaction("rx_2", "cooled"))
        await sent.until("replaced", 1)
        assert receiver.ids == ["rx_1"]
        receiver.held.set()
        await sent.until("delivered", 1)
        assert await sent.waiting() == 0
    assert receiver.ids == ["rx_1", "rx_2"]


async def test_what_takes_the_place_of_a_word_that_arrives_is_told_too(receiver: Receiver, tmp_path: Path) -> None:
    """The `hot` that was on its way is taken by the receiver: `cooled` waits all the same, and comes next."""
    receiver.held = asyncio.Event()
    async with sending(tmp_path, receiver.webhook()) as sent:
        sent.tell(reaction("rx_1"))

        async def came() -> bool:
            return receiver.ids == ["rx_1"]

        await eventually(came)
        sent.tell(reaction("rx_2", "cooled"))
        await sent.until("replaced", 1)
        receiver.held.set()
        await sent.until("delivered", 2)
    assert receiver.ids == ["rx_1", "rx_2"]


async def test_what_was_not_told_is_told_after_a_restart(receiver: Receiver, tmp_path: Path) -> None:
    """With its id and body; what was told is not told again."""
    receiver.statuses = [200, 500]
    async with sending(tmp_path, receiver.webhook(), gap_ms=1) as sent:
        sent.tell(reaction("rx_1"))
        await sent.until("delivered", 1)
        receiver.held = asyncio.Event()
        sent.tell(reaction("rx_2", zone="menu"))

        async def came() -> bool:
            return len(receiver.got) == 2

        await eventually(came)
    receiver.held.set()
    receiver.held, receiver.statuses = None, []
    async with sending(tmp_path, receiver.webhook()) as again:
        await again.until("delivered", 1)
    assert receiver.ids == ["rx_1", "rx_2", "rx_2"]
    assert receiver.got[1][1] == receiver.got[2][1]


async def test_410_switches_a_webhook_off_until_it_is_switched_on(receiver: Receiver, tmp_path: Path) -> None:
    """After a restart too; nothing waits for it meanwhile."""
    receiver.statuses = [410]
    async with sending(tmp_path, receiver.webhook()) as sent:
        sent.tell(reaction("rx_1"))
        await sent.until("dropped", 1)
    async with sending(tmp_path, receiver.webhook()) as again:
        again.tell(reaction("rx_2"))
        (known,) = await again.courier.asked()
        assert known["disabled"] is not None
        assert known["waiting"] == 0
        assert await again.courier.enable("shop")
        assert not await again.courier.enable("shop")
        again.tell(reaction("rx_3"))
        await again.until("delivered", 1)
    assert receiver.ids == ["rx_1", "rx_3"]


async def test_a_webhook_with_another_address_is_another(receiver: Receiver, tmp_path: Path) -> None:
    """Whoever answered 410 speaks for its own address."""
    receiver.statuses = [410]
    async with sending(tmp_path, receiver.webhook()) as sent:
        sent.tell(reaction("rx_1"))
        await sent.until("dropped", 1)
    async with sending(tmp_path, receiver.webhook(host="localhost")) as again:
        again.tell(reaction("rx_2"))
        await again.until("delivered", 1)


async def test_only_the_rules_that_it_names_are_told(receiver: Receiver, tmp_path: Path) -> None:
    """What another rule says is not even kept for it."""
    async with sending(tmp_path, receiver.webhook(rules=("popular",))) as sent:
        sent.tell(reaction("rx_1", rule="other"), reaction("rx_2"))
        await sent.until("delivered", 1)
        assert await sent.waiting() == 0
    assert receiver.ids == ["rx_2"]


async def test_news_of_more_than_a_day_ago_is_dropped(receiver: Receiver, tmp_path: Path) -> None:
    """It says nothing of what is hot now."""
    async with sending(tmp_path, receiver.webhook()) as sent:
        sent.tell(reaction("rx_1", at_ms=now_ms() - EXPIRY_MS - 60_000), reaction("rx_2", zone="menu"))
        await sent.until("delivered", 1)
        assert sent.counted("dropped") == 1
    assert receiver.ids == ["rx_2"]


def test_a_thousand_wait_and_no_more(tmp_path: Path) -> None:
    """Of a webhook that never answers the oldest go; what waits for one that is no more goes at the start."""
    store = ReactionStore(tmp_path / "reactions.sqlite")
    outbox = Outbox(store)
    store.rows("BEGIN")
    dropped = sum(outbox.put("shop", f"rx_{number}", f"zone {number}", b"{}", 1)[1] for number in range(WAITING_MAX + 3))
    store.rows("COMMIT")
    first = outbox.first("shop")
    assert first is not None
    assert (dropped, outbox.waiting(), first.id) == (3, {"shop": WAITING_MAX}, "rx_3")
    assert outbox.keep_only(["another"]) == WAITING_MAX
    store.close()


class Rebound(AbstractResolver):
    """A name server that answers with an address of this machine."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "shop.example"])
async def test_no_private_address_is_reached(receiver: Receiver, tmp_path: Path, host: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither by its number nor by a name, whatever a name server says when; why is logged, secret and path are not."""
    caplog.set_level(logging.DEBUG)
    async with sending(
        tmp_path, receiver.webhook(host=host), allowed=("10.0.0.0/8",), gap_ms=600_000, resolver=Rebound() if host == "shop.example" else None
    ) as sent:
        sent.tell(reaction("rx_1"))
        await sent.until("failed", 1)
        (known,) = await sent.courier.asked()
    assert "not a public one" in known["newest"]["what"]
    assert receiver.got == []
    said = caplog.text + msgspec.json.encode(known).decode()
    for hidden in ("key-of-mine", base64.b64encode(OLD).decode(), repr(OLD)):
        assert hidden not in said


async def test_without_encryption_it_goes_to_allowed_addresses_only() -> None:
    """A public address needs https://."""

    class Public(Rebound):
        async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
            (found,) = await super().resolve(host, port)
            return [{**found, "host": "8.8.8.8"}]

    async with aiohttp.ClientSession(connector=connector(Proxies(), plain=True, resolver=Public())) as http:
        with pytest.raises(aiohttp.ClientConnectorError) as error:
            await http.post("http://shop.example/")
    assert "use https" in str(error.value.os_error)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
     "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1"],
)  # fmt: skip
def test_addresses_of_nobody_in_the_public(address: str) -> None:
    """Those within IPv6 as well."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    """They are let through, also where IPv6 carries them."""
    assert is_public(address)


async def test_a_crowd_s_webhook_through_the_whole_server(receiver: Receiver, tmp_path: Path, serve: Any) -> None:
    """From `[[webhooks]]` of the settings file: a rule fires, the receiver hears of it, the API tells, and no secret is in the output."""
    secret = "whsec_" + base64.b64encode(OLD).decode()
    settings = tmp_path / "isotherm.toml"
    settings.write_text(
        '[[rules]]\nname = "popular"\npage = "/p/1"\nzone = "product-*"\nmetric = "people"\nat-least = 2\nhold = "250ms"\npeople = 2\n'
        f'[[webhooks]]\nname = "shop"\nurl = "http://127.0.0.1:{receiver.port}/hook/key-of-mine"\nsecret = "{secret}"\n'
    )
    served = await serve("--viewer-token", TOKEN, "--trust-senders", "--webhook-allow", "127.0.0.1", config=settings)
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        await crowd(http, served, "product-b", 2)

        async def told() -> bool:
            return bool(receiver.got)

        await eventually(told)
        headers, body = receiver.got[0]
        data = Verifier(secret).verify(body, headers)["data"]
        assert (data["type"], data["zone"], data["people"]) == ("hot", "product-b", 2)
        async with http.get(f"{served.address}/api/webhooks") as answer:
            (known,) = (await answer.json())["webhooks"]
        assert (known["name"], known["host"]) == ("shop", f"http://127.0.0.1:{receiver.port}")
        async with http.post(f"{served.address}/api/webhooks/enable?name=shop", json={}) as answer:
            assert answer.status == 404, "it is not off"
    async with aiohttp.ClientSession() as stranger, stranger.get(f"{served.address}/api/webhooks") as answer:
        assert answer.status == 401
    await served.stop()
    assert not any("key-of-mine" in line or secret in line for line in served.output)

"""Rules on a running server: what fires reaches the log, server-sent events, the topic and the trackers of its page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.end_to_end.test_exposure import looked
from tests.end_to_end.test_zones import anchored
from tests.serving import Served, eventually

Serve = Callable[..., Awaitable[Served]]
TOKEN = "secret-token-of-the-test"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
RULE = {"name": "popular", "page": "/p/1", "zone": "product-*", "metric": "people", "at_least": 2.0, "hold_ms": 500, "people": 2,
        "cooldown_ms": 0, "in_page": True}  # fmt: skip


async def crowd(http: aiohttp.ClientSession, served: Served, zone: str, sessions: int) -> None:
    for number in range(sessions):
        message = anchored(0, [zone], session=f"{zone}-{number}")
        async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
            assert answer.status == 202


async def fired(http: aiohttp.ClientSession, served: Served) -> list[tuple[str, str | None]]:
    async with http.get(f"{served.address}/api/reactions/log") as answer:
        return [(one["type"], one["zone"]) for one in reversed((await answer.json())["fired"])]


async def next_event(stream: aiohttp.ClientResponse) -> dict[str, str]:
    """One server-sent event's fields."""
    fields: dict[str, str] = {}
    while True:
        line = (await asyncio.wait_for(stream.content.readline(), 20)).decode().rstrip("\r\n")
        if not line and fields:
            return fields
        name, _, value = line.partition(": ")
        if name in ("id", "event", "data"):
            fields[name] = value


async def next_react(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """The next that rules say to a tracker."""
    while True:
        message = await socket.receive_json(timeout=20)
        if "react" in message:
            found: list[dict[str, Any]] = message["react"]
            return found


async def test_a_rule_made_on_the_page_fires_and_is_told_everywhere(serve: Serve) -> None:
    """A crowd makes a zone hot: log, events, topic and the visitors' trackers hear of it, with why; who comes later is told what is hot."""
    served = await serve("--viewer-token", TOKEN, "--trust-senders", "--window", "4s")
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        async with http.put(f"{served.address}/api/rules", json=RULE) as answer:
            assert answer.status == 200
        async with (
            http.get(f"{served.address}/api/reactions") as events,
            http.ws_connect(f"{served.ws}/api/topics/isotherm-reactions") as topic,
            http.ws_connect(f"{served.ws}/clickstream/visitor") as visitor,
        ):
            await visitor.send_json(anchored(0, ["menu"], session="visitor"))
            assert (await visitor.receive_json(timeout=20)) in ({"ack": 0}, {"every": 250})
            await crowd(http, served, "product-a", 3)
            event = await next_event(events)
            told = json.loads(event["data"])
            assert (event["event"], told["type"], told["zone"], told["people"]) == ("hot", "hot", "product-a", 3)
            assert "people 3 ≥ 2 for 0.5 s" in told["why"]
            assert (await topic.receive_json(timeout=20))["value"] == told
            assert await next_react(visitor) == [{"type": "hot", "rule": "popular", "zone": "product-a"}]
            async with http.ws_connect(f"{served.ws}/clickstream/late") as late:
                await late.send_json(anchored(0, ["menu"], session="late"))
                assert await next_react(late) == [{"type": "hot", "rule": "popular", "zone": "product-a"}]
            cooled = await next_event(events)
            assert cooled["event"] == "cooled"
            assert (await next_react(visitor))[0]["type"] == "cooled"
        assert await fired(http, served) == [("hot", "product-a"), ("cooled", "product-a")]
        missed = {"Last-Event-ID": event["id"]}
        async with http.get(f"{served.address}/api/reactions", headers=missed) as events:
            assert (await next_event(events)) == cooled, "what was missed comes first"


async def test_rules_and_the_log_outlive_the_server_and_a_dry_run_fires_nothing(serve: Serve) -> None:
    """A rule is tried over what is kept before it is made; made, it stands after a restart, and so does what fired."""
    served = await serve("--viewer-token", TOKEN, "--trust-senders")
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        await crowd(http, served, "product-a", 3)

        async def would_fire() -> list[tuple[str, str]]:
            async with http.post(f"{served.address}/api/rules/dry-run", json=RULE) as answer:
                assert answer.status == 200
                return [(one["type"], one["zone"]) for one in (await answer.json())["fired"]]

        await eventually(would_fire)
        assert await would_fire() == [("hot", "product-a")]
        assert await fired(http, served) == []
        async with http.put(f"{served.address}/api/rules", json=RULE) as answer:
            assert answer.status == 200
        await eventually(lambda: fired(http, served))
        await served.stop()
        again = await serve("--viewer-token", TOKEN, "--trust-senders")
        async with http.get(f"{again.address}/api/rules") as answer:
            (rule,) = (await answer.json())["rules"]
        assert {name: rule[name] for name in RULE} == RULE
        assert (await fired(http, again))[0] == ("hot", "product-a")
        async with http.delete(f"{again.address}/api/rules?name=popular") as answer:
            assert answer.status == 204
        async with http.get(f"{again.address}/api/rules") as answer:
            assert (await answer.json())["rules"] == []


async def test_rules_of_the_settings_file_hold_and_are_changed_there_only(serve: Serve, tmp_path: Path) -> None:
    """`[[rules]]` with durations; the page can't replace such a rule."""
    settings = tmp_path / "isotherm.toml"
    settings.write_text(
        '[[rules]]\nname = "popular"\npage = "/p/1"\nzone = "product-*"\nmetric = "people"\nat-least = 2\nhold = "250ms"\npeople = 2\n'
    )
    served = await serve("--viewer-token", TOKEN, "--trust-senders", config=settings)
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        await crowd(http, served, "product-b", 2)
        await eventually(lambda: fired(http, served))
        assert await fired(http, served) == [("hot", "product-b")]
        async with http.put(f"{served.address}/api/rules", json=RULE) as answer:
            assert answer.status == 422
            assert "settings file" in await answer.text()


async def test_only_operators_change_rules(serve: Serve) -> None:
    """Open heat shows what fires and lets nobody make a rule; a form of a foreign page is refused by its type."""
    served = await serve("--viewer-token", TOKEN, "--open-heat")
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{served.address}/api/rules") as answer:
            assert answer.status == 200
        async with http.put(f"{served.address}/api/rules", json=RULE) as answer:
            assert answer.status == 401
        async with http.put(f"{served.address}/api/rules", data=json.dumps(RULE), headers=HEADERS | {"Content-Type": "text/plain"}) as answer:
            assert answer.status == 415
        async with http.put(f"{served.address}/api/rules", json=RULE | {"metric": "heat"}, headers=HEADERS) as answer:
            assert answer.status == 422
        async with http.get(f"{served.address}/api/reactions", headers={"Last-Event-ID": "x"}) as answer:
            assert answer.status == 422


async def test_nobody_sees_it_goes_by_what_people_have_in_view(serve: Serve) -> None:
    """Each of two zones is pointed at by one; one of them three have in view, and it does not fire: on the past, at once, and after a restart."""
    served = await serve("--viewer-token", TOKEN, "--trust-senders", "--grid-size", "10")
    rule = {"name": "lost", "page": "/p/1", "zone": "*", "metric": "unseen", "at_least": 1, "hold_ms": 500, "people": 3}
    seen = [looked(0, ("view", 400), session=session) for session in "bc"]
    for session, zone, top in (("a", "buy", 400), ("d", "foot", 800)):
        seen.append(anchored(0, ["", zone], session=session, kind=["view", "move"], y=[top, top + 50], age=[1000, 0], vh=200))
    async with aiohttp.ClientSession(headers=HEADERS) as http:
        for message in seen:
            async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
                assert answer.status == 202, await answer.text()

        async def would_fire() -> list[tuple[str, str, float]]:
            async with http.post(f"{served.address}/api/rules/dry-run", json=rule) as answer:
                return [(one["type"], one["zone"], one["value"]) for one in (await answer.json())["fired"]]

        await eventually(would_fire)
        assert await would_fire() == [("hot", "foot", 1.0)]
        await served.kill()
        again = await serve("--viewer-token", TOKEN, "--trust-senders", "--grid-size", "10")
        async with http.put(f"{again.address}/api/rules", json=rule) as answer:
            assert answer.status == 200
        await eventually(lambda: fired(http, again))
        assert await fired(http, again) == [("hot", "foot")]
        async with http.get(f"{again.address}/api/reactions/log") as answer:
            (told,) = (await answer.json())["fired"]
        assert told["why"] == "people who see it 1 ≤ 1 for 0.5 s, 4 people"

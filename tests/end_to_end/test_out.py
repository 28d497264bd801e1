"""What is shown: the public interface's *Out*, over real sockets, held against brute force."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import Any

import aiohttp
import pytest

from tests.end_to_end.conftest import Serve
from tests.oracle import Oracle, Sample, from_classic
from tests.serving import apply, batch, decode_frame, event, eventually


async def send(http: aiohttp.ClientSession, address: str, body: Any) -> None:
    async with http.post(f"{address}/clickstream", json=body) as answer:
        assert answer.status == 202


async def heat(http: aiohttp.ClientSession, address: str, path: str = "/p/1", **query: str) -> dict[str, Any]:
    async with http.get(f"{address}/api/heatmap", params={"page": path, **query}) as answer:
        assert answer.status == 200
        return await answer.json()  # type: ignore[no-any-return]


async def test_every_frame_equals_brute_force(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Random traces of classic events with timestamps, in sockets and beacons, over many pages: each window that is emitted after they
    are in, on both kinds of sockets, is the brute-force count, down to the empty one."""
    window_ms, grid_size, chance = 3000, 20, random.Random(7)
    served = await serve("--open-heat", "--window", "3s", "--hop", "100ms", "--grid-size", str(grid_size))
    oracle = Oracle(grid_size, window_ms)
    pages = ["/", "/p/1", "/p/2"]
    async with (
        http.ws_connect(f"{served.ws}/clickstream/s") as socket,
        http.ws_connect(f"{served.ws}/heatmap/p/1?device=mobile") as classic,
        http.ws_connect(f"{served.ws}/live?page=/p/1&kind=click") as live,
    ):
        first = json.loads(await classic.receive_str(timeout=5))
        assert (first["value"], first["end"] - first["start"], first["grid-size"]) == ({}, window_ms, grid_size)
        async with http.get(f"{served.address}/api/pages") as answer:
            now_ms = (await answer.json())["at"]
        for _ in range(600):
            width, height = chance.choice([(390.0, 2000.5), (800, 900), (1280, 4000)])
            sample = Sample(
                chance.choice(pages), chance.choice(["move", "move", "click"]), width, now_ms - chance.randint(-1500, 4000),
                chance.uniform(-50, 1500), chance.uniform(-50, 5000), width, height,
            )  # fmt: skip
            oracle.samples.append(sample)
            message = event(
                sample.x, sample.y, sample.page, timestamp=sample.time_ms, window={"width": width, "height": height},
                type={"move": "mousemove", "click": "click"}[sample.kind],
            )  # fmt: skip
            await socket.send_str(json.dumps(message))
        await send(http, served.address, event(path="/marker"))  # by another way: the socket's frames may come after
        await socket.send_str(json.dumps(batch(1, [1], path="/barrier")))
        while "ack" not in json.loads(await socket.receive_str(timeout=5)):
            pass
        async with http.get(f"{served.address}/api/pages") as answer:
            all_in_ms = (await answer.json())["at"]
        checked, value = 0, None
        while value != {}:
            frame = json.loads(await classic.receive_str(timeout=5))
            value = frame["value"]
            if frame["end"] > all_in_ms + 100:
                assert from_classic(value) == oracle.window(frame["end"], "/p/1", "move", "mobile")
                checked += 1
        assert checked > 10
        picture: dict[int, int] = {}
        checked = 0
        while True:
            shown = decode_frame((await live.receive(timeout=6)).data)
            picture = apply(picture, shown)
            if shown.end_ms > all_in_ms + 100:
                expected = oracle.window(shown.end_ms, "/p/1", "click")
                assert {(cell % grid_size, cell // grid_size): count for cell, count in picture.items()} == expected
                checked += 1
                if not picture:
                    break
        assert checked > 10
    assert (await heat(http, served.address))["value"] == {}


async def test_a_page_that_nobody_knows_is_empty(serve: Serve, http: aiohttp.ClientSession) -> None:
    """200 with an empty value; a kind or device that does not exist is told so."""
    served = await serve("--open-heat")
    found = await heat(http, served.address, "/nowhere")
    assert (found["value"], found["grid-size"], found["end"] - found["start"], found["end"] % 250) == ({}, 50, 300_000, 0)
    for query in ({"page": "p"}, {"page": "/", "kind": "hum"}, {"page": "/", "device": "watch"}, {}, {"page": "/", "format": "gif"}):
        async with http.get(f"{served.address}/api/heatmap", params=query) as answer:
            assert answer.status == 422
    for query in ({"from": "0", "to": "1"}, {"format": "csv"}):
        async with http.get(f"{served.address}/api/heatmap", params={"page": "/", **query}) as answer:
            assert answer.status == 200


async def test_device_classes_and_their_sum(serve: Serve, http: aiohttp.ClientSession) -> None:
    """By viewport width; `all` is the sum."""
    served = await serve("--open-heat")
    for seq, viewport in enumerate([320, 767, 768, 1023, 1024, 5000]):
        await send(http, served.address, batch(seq, [1], vw=viewport))
    await eventually(lambda: _total_is(http, served.address, 6))
    for device in ("mobile", "tablet", "desktop"):
        assert (await heat(http, served.address, device=device))["value"] == {"0": {"0": 2}}


async def _total_is(http: aiohttp.ClientSession, address: str, number: int) -> bool:
    value = (await heat(http, address))["value"]
    return sum(count for column in value.values() for count in column.values()) == number


async def test_a_slow_viewer_skips_and_holds_up_nobody(serve: Serve, http: aiohttp.ClientSession) -> None:
    """One reads nothing while heat changes at every hop; the others see each frame, and it gets the newest when it reads again."""
    served = await serve("--open-heat", "--trust-senders", "--hop", "50ms", "--window", "60s", "--grid-size", "200")
    host, port = served.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        b"GET /heatmap/p/1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    async with http.ws_connect(f"{served.ws}/heatmap/p/1", max_msg_size=0) as quick:
        ends: list[int] = []
        chance = random.Random(1)

        async def skipped() -> bool:
            positions = [chance.uniform(0, 1000) for _ in range(1000)]
            await send(
                http, served.address, batch(len(ends), positions, [chance.uniform(0, 1000) for _ in positions], load=str(time.time()))
            )
            ends.append(json.loads(await quick.receive_str(timeout=5))["end"])
            async with http.get(f"{served.address}/metrics") as answer:
                return "isotherm_frames_skipped_total 0.0" not in await answer.text()

        await eventually(skipped, timeout_s=60)
        assert ends == sorted(ends)
    writer.close()


async def test_without_a_token_nothing_is_shown(serve: Serve, http: aiohttp.ClientSession) -> None:
    """401 for everything under *Out* but /healthz; bearer, `?token=` and the login link's cookie open it; events need none."""
    served = await serve()
    await send(http, served.address, event())
    asked = ["/api/heatmap?page=/p/1", "/api/pages", "/api/openapi.json", "/metrics", "/api/topics"]
    sockets = ["/live?page=/p/1", "/heatmap/p/1", "/api/overview", "/api/topics/heatmap"]

    async def statuses(session: aiohttp.ClientSession, headers: dict[str, str], token: str = "") -> set[int]:
        found = set()
        for path in asked:
            async with session.get(served.address + path, headers=headers) as answer:
                found.add(answer.status)
        for path in sockets:
            query = f"{'&' if '?' in path else '?'}token={token}" if token else ""
            try:
                async with session.ws_connect(served.ws + path + query, headers=headers):
                    found.add(200)
            except aiohttp.WSServerHandshakeError as error:
                found.add(error.status)
        return found

    async def first_token() -> str | None:
        return served.token

    token = await eventually(first_token)
    assert await statuses(http, {}) == {401}
    assert await statuses(http, {"Authorization": "Bearer wrong"}) == {401}
    assert await statuses(http, {"Authorization": f"Bearer {token}"}) == {200}
    assert await statuses(http, {}, token) == {401, 200}
    async with http.get(f"{served.address}/healthz") as answer:
        assert answer.status == 200
    async with http.get(f"{served.address}/") as answer:
        assert answer.status == 401
        assert "isotherm login" in await answer.text()


async def test_the_login_link_is_good_once(serve: Serve, run_cli: Any, tmp_path: Any) -> None:
    """It sets the cookie and leads to the dashboard; a second use does not; a foreign page's socket is refused in spite of the cookie."""
    served = await serve()
    code, link, _ = await run_cli("login", "--data", str(tmp_path / "data"))
    assert code == 0
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(link.strip()) as answer:
            assert (answer.status, answer.url.path, answer.url.query_string) == (200, "/", "")
            cookie = next(iter(answer.history[0].cookies.values()))
            assert cookie["httponly"]
            assert cookie["samesite"] == "Strict"
        async with browser.get(f"{served.address}/api/pages") as answer:
            assert answer.status == 200
        async with browser.ws_connect(f"{served.ws}/live?page=/", headers={"Origin": served.address}):
            pass
        for origin in ("https://evil.example", "null", served.address + "0", served.address.replace("http:", "ftp:")):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await browser.ws_connect(f"{served.ws}/live?page=/", headers={"Origin": origin})
            assert refused.value.status == 401, origin
        async with browser.post(f"{served.address}/api/overlay-token", json={"site": "default"}) as answer:
            overlay = (await answer.json())["token"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as another:
        async with another.get(link.strip()) as answer:
            assert answer.url.path == "/login"
        headers = {"Origin": "https://shop.example"}
        async with another.ws_connect(f"{served.ws}/live?page=/&token={overlay}", headers=headers):
            pass
        for path in ("/live?page=/&site=other", "/api/overview?x=1"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await another.ws_connect(f"{served.ws}{path}&token={overlay}", headers=headers)
            assert refused.value.status == 401


async def test_a_fixed_viewer_token(serve: Serve, http: aiohttp.ClientSession) -> None:
    """`--viewer-token` is the token, and none is made."""
    served = await serve("--viewer-token", "open-sesame")
    async with http.get(f"{served.address}/api/pages", headers={"Authorization": "Bearer open-sesame"}) as answer:
        assert answer.status == 200
    assert not any("Viewer token" in line for line in served.output)


async def test_topics_show_each_step(serve: Serve, http: aiohttp.ClientSession, run_cli: Any) -> None:
    """The same names, keys and values as on Kafka, with packed columns unpacked; by socket and by command."""
    served = await serve("--open-heat")
    async with (
        http.ws_connect(f"{served.ws}/api/topics/clickstream") as clickstream,
        http.ws_connect(f"{served.ws}/api/topics/clickstream-group-by-page?key=default/p/1") as grouped,
        http.ws_connect(f"{served.ws}/api/topics/heatmap") as heatmap,
    ):
        tail = asyncio.create_task(run_cli("topics", "--url", served.address, "tail", "clickstream-group-by-page", "--messages", "1"))

        async def step(seq: int) -> None:
            await send(http, served.address, [event(500, 250, path="/p/1"), event(1, 1, path="/p/2")])

        await step(0)
        message = json.loads(await clickstream.receive_str(timeout=5))
        assert message.keys() == {"topic", "key", "partition", "offset", "time", "value"}
        assert message["value"]["samples"]["x"] == [500, 1]
        message = json.loads(await grouped.receive_str(timeout=5))
        assert (message["key"], message["value"]["path"], message["value"]["count"]) == ("default/p/1", "/p/1", [1])
        assert message["value"]["tile"] == [12 * 50 + 25]
        seen = {}
        while "default/p/1" not in seen:
            message = json.loads(await heatmap.receive_str(timeout=5))
            seen[message["key"]] = message["value"]
        assert seen["default/p/1"]["value"] == {"25": {"12": 1}}
        told = {"grid-size": 50, "site": "default", "path": "/p/1", "kind": "move", "device": "tablet"}
        assert seen["default/p/1"].items() >= told.items()
        assert "changes" not in seen["default/p/1"]

        async def tailed() -> bool:
            await step(1)
            return tail.done()

        await eventually(tailed)
        code, out, _ = tail.result()
        assert code == 0
        assert json.loads(out.splitlines()[0])["topic"] == "clickstream-group-by-page"
    code, out, _ = await run_cli("topics", "--url", served.address)
    assert code == 0
    assert "clickstream-group-by-page" in out
    code, _, error = await run_cli("topics", "--url", served.address, "tail", "nothing")
    assert (code, "nothing" in error) == (2, True)


async def test_classic_hosts(serve: Serve, http: aiohttp.ClientSession, tmp_path: Any) -> None:
    """By the first label of the host: the tutorial's two sockets, and its two front-ends from a folder."""
    for name in ("webshop", "heatmap"):
        (tmp_path / "fronts" / name).mkdir(parents=True)
        (tmp_path / "fronts" / name / "index.html").write_text(f"<title>{name}</title>")
    (tmp_path / "fronts" / "webshop" / "main.js").write_text("1")
    (tmp_path / "fronts" / "secret").write_text("no")
    served = await serve("--open-heat", "--classic-hosts", str(tmp_path / "fronts"))
    port = served.address.rpartition(":")[2]
    async with http.ws_connect(f"{served.ws}/heatmap/p/1") as _:
        pass
    async with (
        http.ws_connect(f"{served.ws}/p/1", headers={"Host": f"heatmap-ws.localhost:{port}"}) as viewer,
        http.ws_connect(f"{served.ws}/some-session", headers={"Host": f"clickstream.localhost:{port}"}) as tracker,
    ):
        assert json.loads(await viewer.receive_str(timeout=5))["value"] == {}
        await tracker.send_str(json.dumps({name: value for name, value in event().items() if name != "session_id"}))
        assert json.loads(await viewer.receive_str(timeout=5))["value"] == {"25": {"25": 1}}
    async with http.ws_connect(f"{served.ws}/clickstream/mine", headers={"Host": f"clickstream.localhost:{port}"}) as tracker:
        at_once = {name: value for name, value in batch(0, [1], [1], "/both").items() if name != "session"}
        await tracker.send_json(at_once)
        while await tracker.receive_json(timeout=5) != {"ack": 0}:
            pass
    beacon = json.dumps(at_once | {"session": "mine"})
    async with http.post(f"{served.address}/clickstream", data=beacon, headers={"Host": f"clickstream.localhost:{port}"}) as answer:
        assert answer.status == 202
    await send(http, served.address, event(path="/after"))

    async def after() -> Any:
        return (await heat(http, served.address, "/after"))["value"]

    await eventually(after)
    seen = (await heat(http, served.address, "/both"))["value"]
    assert seen == {"0": {"0": 1}}, "what a tracker says by both ways is of one session, so it counts once"
    for host, path, expected in (
        ("webshop", "/", "<title>webshop</title>"), ("webshop", "/main.js", "1"), ("webshop", "/p/7", "<title>webshop</title>"),
        ("heatmap", "/p/7", "<title>heatmap</title>"), ("webshop", "/../secret", "<title>webshop</title>"),
        ("webshop", "/%2e%2e/secret", "<title>webshop</title>"), ("webshop", "/a%00b", "<title>webshop</title>"),
        ("webshop", "/" + "x" * 300, "<title>webshop</title>"), ("webshop", "/%ff%fe", "<title>webshop</title>"),
    ):  # fmt: skip
        async with http.get(served.address + path, headers={"Host": f"{host}.localhost:{port}"}) as answer:
            assert (answer.status, await answer.text()) == (200, expected)

"""Behind a proxy: nginx and Caddy, run with the very text of docs/deploy.md; and the systemd unit that stands there."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from isotherm.access.keys import Keys
from tests.end_to_end.conftest import Serve
from tests.end_to_end.proxies import BEHIND_ANOTHER, PROXIES, Proxy, before, caddy, example
from tests.end_to_end.test_out import heat
from tests.serving import batch, event, eventually

FAR = "203.0.113.7"  #: a client that an outer proxy saw


async def post(address: str, forwarded: str | None = None, source: str = "127.0.0.1", body: Any = None) -> int:
    """One beacon, over a connection of its own from `source`; its status."""
    connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True)
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(f"{address}/clickstream", json=event() if body is None else body, headers=headers) as answer,
    ):
        return answer.status


@pytest.mark.parametrize("proxy", PROXIES)
async def test_sockets_go_through_a_proxy(serve: Serve, http: aiohttp.ClientSession, proxy: Proxy, tmp_path: Path) -> None:
    """A tracker's socket is upgraded and acked, a viewer's gets heat, a frame that is too large is answered with 1009, a body with 413."""
    served = await serve("--open-heat", "--trusted-proxy", "127.0.0.1", "--max-frame", "4KiB")
    async with before(served, proxy, tmp_path) as address:
        await both_ways(http, address)


async def both_ways(http: aiohttp.ClientSession, address: str) -> None:
    ws = address.replace("http", "ws")
    async with http.ws_connect(f"{ws}/heatmap/p/1") as viewer, http.ws_connect(f"{ws}/clickstream/s") as tracker:
        assert json.loads((await viewer.receive()).data)["value"] == {}
        await tracker.send_str(json.dumps(batch(1, [500.0])))
        told: list[Any] = []
        while {"ack": 1} not in told:
            told.append(json.loads((await tracker.receive()).data))
        assert json.loads((await viewer.receive()).data)["value"] == {"25": {"25": 1}}
        await tracker.send_str(json.dumps(batch(2, [500.0], more="x" * 5000)))
        async for _ in tracker:
            pass
        assert tracker.close_code == 1009
    assert await post(address, body=[event(more="x" * 1_100_000)]) == 413
    assert (await heat(http, address))["value"] == {"25": {"25": 1}}


@pytest.mark.parametrize("proxy", BEHIND_ANOTHER)
async def test_the_clients_address_counts(serve: Serve, proxy: Proxy, tmp_path: Path) -> None:
    """Limits hold for whom the proxies saw; who is no proxy can't choose whom he is taken for."""
    served = await serve("--trusted-proxy", "127.0.0.1", "--address-rate", "1", "--address-burst", "5", "--address-connections", "3")
    async with before(served, proxy, tmp_path) as address:
        statuses = [await post(address, FAR, body=[event()] * 3) for _ in range(8)]
        assert statuses[0] == 202
        assert statuses[-1] == 429, "the address behind two proxies has its rate"
        assert await post(address, "203.0.113.8") == 202, "and another its own"
        assert await post(address, FAR, source="127.0.0.2") == 202, "127.0.0.2 is no proxy: what it says of others is not believed"
        assert await post(address, f"{FAR}, 198.51.100.1") == 202, "the last that is no proxy is the client, not what stands before it"
        await connections_are_bounded(address)


async def connections_are_bounded(address: str) -> None:
    """Three of an address that an outer proxy saw, a fourth once one has gone."""
    ws = address.replace("http", "ws")
    async with aiohttp.ClientSession(headers={"X-Forwarded-For": "203.0.113.9"}) as session:
        opened = [await session.ws_connect(f"{ws}/clickstream/s") for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(f"{ws}/clickstream/s")
        assert refusal.value.status == 429
        await opened[0].close()

        async def let_in() -> bool:
            try:
                opened.append(await session.ws_connect(f"{ws}/clickstream/s"))
            except aiohttp.WSServerHandshakeError:
                return False
            return True

        await eventually(let_in)


async def test_caddy_alone_believes_no_client(serve: Serve, tmp_path: Path) -> None:
    """As docs/deploy.md says: what clients wrote is dropped, so nobody can have another's address limited."""
    served = await serve("--trusted-proxy", "127.0.0.1", "--address-rate", "1", "--address-burst", "2")
    async with before(served, caddy, tmp_path) as address:
        assert [await post(address, FAR) for _ in range(6)] == [202] * 6
    assert [await post(served.address, FAR) for _ in range(6)][-1] == 429, "said by the proxy itself it is believed"


def login_path(data: Path) -> str:
    """What `isotherm login` would print, without the host."""
    keys = Keys(data / "access.sqlite")
    code = keys.new_code(int(time.time() * 1000))
    keys.close()
    return f"/login?code={code}"


@pytest.mark.parametrize("proxy", PROXIES)
async def test_the_dashboard_knows_its_own_address(serve: Serve, proxy: Proxy, tmp_path: Path) -> None:
    """A login through a proxy leads to the proxy; sockets by its cookie come from the proxy's address and from no other."""
    served = await serve("--trusted-proxy", "127.0.0.1")
    jar = aiohttp.CookieJar(unsafe=True)
    async with before(served, proxy, tmp_path) as address, aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(address + login_path(tmp_path / "data")) as answer:
            assert (answer.status, str(answer.url)) == (200, f"{address}/")
            assert not answer.history[0].cookies["isotherm"]["secure"], "without its certificate this proxy speaks no TLS"
        ws = address.replace("http", "ws")
        async with browser.ws_connect(f"{ws}/api/overview", headers={"Origin": address}) as socket:
            assert (await socket.receive()).type == aiohttp.WSMsgType.TEXT
        for foreign in (served.address, "https://evil.example", "null"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                await browser.ws_connect(f"{ws}/api/overview", headers={"Origin": foreign})
            assert refusal.value.status == 401


async def test_the_cookie_is_for_tls_where_the_proxy_speaks_it(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """By the word of a trusted proxy, and of nobody else."""
    for trusted in (("--trusted-proxy", "127.0.0.1"), ()):
        served = await serve(*trusted)
        path = login_path(tmp_path / "data")
        async with http.get(served.address + path, headers={"X-Forwarded-Proto": "https"}, allow_redirects=False) as answer:
            assert bool(answer.cookies["isotherm"]["secure"]) == bool(trusted)
        await served.kill()


async def test_a_page_of_http_is_no_page_of_https(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Whoever stands between can write pages of http:// on our host: where we are https://, the login's cookie opens nothing for them."""
    served = await serve("--trusted-proxy", "127.0.0.1")
    async with http.get(served.address + login_path(tmp_path / "data"), allow_redirects=False) as answer:
        cookie = answer.cookies["isotherm"].value
    host = served.address.removeprefix("http://")
    statuses = []
    for proto, origin in (("https", "https"), ("https", "http"), ("http", "http"), ("http", "https")):
        headers = {"X-Forwarded-Proto": proto, "Origin": f"{origin}://{host}", "Cookie": f"isotherm={cookie}"}
        async with http.get(f"{served.address}/api/pages", headers=headers) as answer:
            statuses.append(answer.status)
    assert statuses == [200, 401, 200, 200], "what a browser says is https, behind a proxy that says nothing of it, is"


async def test_without_a_trusted_proxy_headers_mean_nothing(serve: Serve) -> None:
    """Whoever connects says what he likes: the limits of the address that he names do not change."""
    served = await serve("--trusted-proxy", "10.0.0.1", "--address-rate", "1", "--address-burst", "2")
    assert [await post(served.address, FAR) for _ in range(6)] == [202] * 6  # loopback, without a limit an address


async def test_the_unit_is_a_sandbox(tmp_path: Path) -> None:
    """systemd's own judge gives the unit of docs/deploy.md less than 1.5 of 10."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    (tmp_path / "isotherm.service").write_text(example("ini"))
    process = await asyncio.create_subprocess_exec(
        "systemd-analyze", "security", "--offline=true", "--threshold=15", str(tmp_path / "isotherm.service"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    if b"unrecognized option" in out:
        pytest.skip("this systemd-analyze judges no files")
    assert process.returncode == 0, out.decode()[-300:]
    assert b"Unknown" not in out, "every setting is known"

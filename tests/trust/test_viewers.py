"""Viewers on a running server: named tokens, one site's heat and no other, guesses, and where secrets may not stand."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from isotherm.access.keys import Keys
from isotherm.live import endpoints
from tests.end_to_end.conftest import Serve
from tests.inside import inside
from tests.serving import event, eventually

EVERYWHERE = ["/metrics", "/api/openapi.json", "/api/topics"]  #: of all sites at once
SOCKETS_EVERYWHERE = ["/api/topics/heatmap", "/api/topics/clickstream?key=shop/p/1"]


async def got(http: aiohttp.ClientSession, url: str, token: str) -> int:
    async with http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status


async def opened(http: aiohttp.ClientSession, url: str, token: str) -> int:
    try:
        async with http.ws_connect(url, headers={"Authorization": f"Bearer {token}"}):
            return 200
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def end_of(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the server closes it."""
    async for _ in socket:
        pass
    return socket.close_code


async def test_a_viewer_of_one_site_sees_no_other(serve: Serve, http: aiohttp.ClientSession, run_cli: Any, tmp_path: Path) -> None:
    """Each endpoint: heat, live, classic, pages, overview with its pictures and refusals, topics, metrics, openapi, overlay tokens."""
    data = str(tmp_path / "data")
    for site in ("shop", "bank"):
        await run_cli("site", "add", site, "--data", data)
    served = await serve()
    token = (await run_cli("token", "add", "ann", "--site", "shop", "--days", "1", "--data", data))[1].strip()
    full = (await run_cli("token", "add", "all", "--data", data))[1].strip()
    for site in ("shop", "bank"):
        async with http.post(f"{served.address}/clickstream?site={site}", json=event(path=f"/{site}-page")) as answer:
            assert answer.status == 202
    async with http.post(f"{served.address}/clickstream?site=bank-secret", json=event()) as answer:
        assert answer.status == 403
    asked = "{}?page=/p&site={}"
    for path in ("/api/heatmap", "/live", "/heatmap/p"):
        ask, base = (got, served.address) if path.startswith("/api") else (opened, served.ws)
        assert await ask(http, base + asked.format(path, "shop"), token) == 200
        assert await ask(http, base + asked.format(path, "bank"), token) == 401
        assert await ask(http, base + f"{path}?page=/p", token) == 401, "the default site is another site"
        assert await ask(http, base + asked.format(path, "bank"), full) == 200
    for path in EVERYWHERE:
        assert (await got(http, served.address + path, token), await got(http, served.address + path, full)) == (401, 200)
    for path in SOCKETS_EVERYWHERE:
        assert (await opened(http, served.ws + path, token), await opened(http, served.ws + path, full)) == (401, 200)

    async def shown() -> list[str]:
        async with http.get(f"{served.address}/api/pages", headers={"Authorization": f"Bearer {token}"}) as answer:
            return [page["path"] for page in (await answer.json())["pages"]]

    assert await eventually(shown) == ["/shop-page"]
    async with http.ws_connect(f"{served.ws}/api/overview", headers={"Authorization": f"Bearer {token}"}) as overview:
        await overview.send_json({"pictures": ["shop/shop-page", "bank/bank-page"]})
        async with asyncio.timeout(20):
            while "shop/shop-page" not in (frame := await overview.receive_json())["pictures"]:
                pass
    assert "bank" not in str(frame)
    assert "visitors" in frame["pipeline"]
    assert frame["pipeline"]["visitors"] == 1, "of this site, not of all"
    for site, status in (("shop", 200), ("bank", 401), ("default", 401)):
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post(f"{served.address}/api/overlay-token", json={"site": site}, headers=headers) as answer:
            assert answer.status == status
    assert (await run_cli("token", "revoke", "ann", "--data", data))[0] == 0
    assert await got(http, served.address + asked.format("/api/heatmap", "shop"), token) == 401


async def test_an_overlays_token_opens_one_sites_heat_and_nothing_else(
    serve: Serve, http: aiohttp.ClientSession, run_cli: Any, tmp_path: Path
) -> None:
    """As bearer, in the address and as a subprotocol; and no longer than the token that it came from."""
    data = str(tmp_path / "data")
    await run_cli("site", "add", "shop", "--data", data)
    served = await serve()
    parent = (await run_cli("token", "add", "ann", "--data", data))[1].strip()
    async with http.post(
        f"{served.address}/api/overlay-token", json={"site": "shop"}, headers={"Authorization": f"Bearer {parent}"}
    ) as answer:
        token = (await answer.json())["token"]
    live = f"{served.ws}/live?page=/p&site="
    assert await opened(http, live + "shop", token) == 200
    assert await opened(http, live + "default", token) == 401
    async with http.ws_connect(live + "shop", protocols=("isotherm", f"token.{token}")) as socket:
        assert socket.protocol == "isotherm"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(live + "default", protocols=("isotherm", f"token.{token}"))
    for path in ("/api/pages", *EVERYWHERE):
        assert await got(http, served.address + path, token) == 401
    for path in ("/api/overview", *SOCKETS_EVERYWHERE):
        assert await opened(http, served.ws + path, token) == 401
    async with http.post(
        f"{served.address}/api/overlay-token", json={"site": "shop"}, headers={"Authorization": f"Bearer {token}"}
    ) as answer:
        assert answer.status == 401
    await run_cli("token", "revoke", "ann", "--data", data)
    assert await opened(http, live + "shop", token) == 401


async def test_what_a_revoked_token_opened_is_closed(http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each socket that a token opens: heat, the overview, and the topics, which show every message."""
    monkeypatch.setattr(endpoints, "_RENEW_S", 0.5)
    async with inside(tmp_path / "data", open_heat=False) as house:
        keys = Keys(tmp_path / "data" / "access.sqlite")
        headers = {"Authorization": f"Bearer {keys.new_token('ann', None, None, None)}"}
        paths = ("/live?page=/p", "/heatmap/p", "/api/overview", "/api/topics/clickstream")
        sockets = [await http.ws_connect(house.ws + path, headers=headers) for path in paths]
        keys.revoke("ann")
        keys.close()
        async with asyncio.timeout(10):
            assert [code for code in await asyncio.gather(*map(end_of, sockets)) if code != 1008] == []


async def test_a_stranger_makes_nobody_count(http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken is counted before a hop for an answer that is given, never for one that is refused, however often it is asked for."""
    times = [0]
    async with inside(tmp_path / "data", open_heat=False, pipeline={"hop_ms": 3_600_000, "window_ms": 3_600_000}) as house:
        with Keys(tmp_path / "data" / "access.sqlite") as keys:
            of_all, of_shop = (keys.new_token(name, site, None, None) for name, site in (("ann", None), ("bob", "shop")))
        count = house.pipeline.catch_up
        monkeypatch.setattr(house.pipeline, "catch_up", lambda: (times.append(1), count()))
        async with http.post(f"{house.address}/clickstream", json=event()) as answer:
            assert answer.status == 202
        for path in ("/api/heatmap?page=/p/1", "/api/zones?page=/p/1", "/api/history", *EVERYWHERE):
            for token in ("", "wrong", of_shop) if path == "/metrics" else ("", of_shop):
                assert await got(http, house.address + path, token) == 401, path
        for path in ("/api/overview", *SOCKETS_EVERYWHERE):
            assert await opened(http, house.ws + path, "") == 401
        assert await got(http, f"{house.address}/api/nothing", "") == 404
        assert sum(times) == 0
        assert await got(http, f"{house.address}/api/heatmap?page=/p/1", of_all) == 200
        assert sum(times) == 1


async def test_guesses_are_slowed_and_nobody_else_is(serve: Serve, http: aiohttp.ClientSession) -> None:
    """While an address's wrong tokens wait longer and longer, a right one and none at all are answered at once; too many wait nowhere."""
    served = await serve("--viewer-token", "right")
    heat = f"{served.address}/api/heatmap?page=/p"
    for _ in range(5):
        assert await got(http, heat, "wrong") == 401
    guesses = [asyncio.create_task(got(http, heat, f"guess-{number}")) for number in range(40)]
    done, waiting = await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)
    assert {task.result() for task in done} <= {401, 429}
    assert waiting, "the others are held back"
    began = time.monotonic()
    assert await got(http, heat, "right") == 200
    async with http.get(heat) as answer:
        assert answer.status == 401
    assert any(not task.done() for task in guesses), f"a right token and none overtook the guesses (in {time.monotonic() - began:.2f} s)"
    statuses = [await task for task in guesses]
    assert set(statuses) == {401, 429}
    async with http.get(f"{served.address}/metrics", headers={"Authorization": "Bearer right"}) as answer:
        assert "isotherm_refused_token_total 45.0" in await answer.text(), "the missing one was no guess"


async def test_no_secret_stands_in_a_log_an_error_or_a_referrer(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Tokens right and wrong, by every way, in requests good and broken: neither the output nor an answer repeats one."""
    served = await serve("--viewer-token", "sesame-right")
    keys = Keys(tmp_path / "data" / "access.sqlite")
    overlay = keys.overlay_token("default", "--viewer-token")
    code = keys.new_code(int(time.time() * 1000))
    keys.close()
    secrets = ["sesame-right", "sesame-wrong", overlay, code]
    said = []
    for secret in secrets[:3]:
        for path in (
            f"/api/heatmap?page=/p&token={secret}",
            f"/nowhere?token={secret}",
            f"/api/pages?token={secret}",
            f"/api/topics/none?token={secret}",
        ):
            async with http.get(served.address + path, headers={"Authorization": f"Bearer {secret}"}) as answer:
                said.append(await answer.text() + str(answer.headers))
                assert answer.headers["Referrer-Policy"] == "no-referrer"
        for offered in ((f"token.{secret}",), ("other", f"token.{secret}")):
            try:
                async with http.ws_connect(f"{served.ws}/live?page=/p", protocols=offered):
                    pass
            except aiohttp.WSServerHandshakeError as error:
                said.append(error.message)
        host, port = served.address.removeprefix("http://").split(":")
        for broken in (
            f"GET /live?token={secret} HTTP/9\r\n\r\n",
            f"G\x00T /?token={secret} HTTP/1.1\r\n\r\n",
            f"GET / HTTP/1.1\r\nAuthorization\x00: {secret}\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(broken.encode())
            said.append((await reader.read(65536)).decode())
            writer.close()
    async with http.get(f"{served.address}/login?code={code}", allow_redirects=False) as answer:
        said.append(f"{answer.status} {answer.headers['Location']}")
        assert answer.headers["Location"] == "/"
    await served.stop()
    told = "".join(said) + "".join(served.output)
    assert not [secret for secret in secrets if secret in told]

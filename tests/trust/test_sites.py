"""Sites on a running server: keys, origins and URL rules, changed from another process while sockets are open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp

from tests.end_to_end.conftest import Serve
from tests.serving import batch, event, eventually


async def status_of(http: aiohttp.ClientSession, address: str, site: str, origin: str | None, **change: Any) -> int:
    headers = {"Origin": origin} if origin is not None else {}
    async with http.post(f"{address}/clickstream?site={site}", json=event(**change), headers=headers) as answer:
        return answer.status


async def pages_of(http: aiohttp.ClientSession, address: str) -> set[str]:
    async with http.get(f"{address}/api/pages") as answer:
        return {page["site"] + page["path"] for page in (await answer.json())["pages"]}


async def test_sites_change_without_a_restart(serve: Serve, http: aiohttp.ClientSession, run_cli: Any, tmp_path: Path) -> None:
    """Unknown, then added with origins and rules, then removed under an open socket; each within seconds, and on no other site."""
    served = await serve("--open-heat")
    data = str(tmp_path / "data")
    assert await status_of(http, served.address, "shop", None) == 403
    rules = ("--query", "q", "--join", "/p/:id", "--leave-out", "/account/*")
    code, out, _ = await run_cli("site", "add", "shop", "--origin", "https://Shop.example:443", *rules, "--data", data)
    assert (code, 'data-site="shop" data-query="q"' in out) == (0, True)

    async def taken() -> bool:
        return await status_of(http, served.address, "shop", "https://shop.example", path="/p/1") == 202

    await eventually(taken)
    for foreign in ("null", "http://shop.example", "https://shop.example.evil.example", "https://evil.example"):
        assert await status_of(http, served.address, "shop", foreign) == 403
    assert await status_of(http, served.address, "default", "https://evil.example", path="/other") == 202
    for path, query in (("/p/2", ""), ("/list", "?token=secret&q=hat"), ("/account/ann", ""), ("/list?q=hat&mail=me", "")):
        assert await status_of(http, served.address, "shop", "https://shop.example", path=path, query_prams=query) == 202

    async def all_there() -> set[str]:
        found = await pages_of(http, served.address)
        return found if len(found) >= 3 else set()

    assert await eventually(all_there) == {"shop/p/:id", "shop/list?q=hat", "default/other"}

    async def joined() -> bool:
        async with http.get(f"{served.address}/api/heatmap", params={"site": "shop", "page": "/p/77?x=1"}) as answer:
            return sum(count for column in (await answer.json())["value"].values() for count in column.values()) == 2

    await eventually(joined)
    async with http.ws_connect(f"{served.ws}/clickstream/s?site=shop", headers={"Origin": "https://shop.example"}) as socket:
        await socket.send_json(batch(1, [1]))
        assert (await _answer(socket)) == {"ack": 1}
        moved = ("site", "add", "shop", "--replace", "--origin", "https://moved.example", "--data", data)
        assert (await run_cli(*moved))[0] == 0

        async def foreign_now() -> bool:
            return await status_of(http, served.address, "shop", "https://shop.example") == 403

        await eventually(foreign_now)
        await socket.send_json(batch(2, [1]))
        assert (await _answer(socket)).get("seq") == 2, "what is open goes by the new origins too"
        assert (await run_cli("site", "remove", "shop", "--data", data))[0] == 0

        async def gone() -> bool:
            return await status_of(http, served.address, "shop", None) == 403

        await eventually(gone)
        await socket.send_json(batch(3, [1]))
        said = await _answer(socket)
        assert ("shop" in said["error"], said["seq"], "retry_after_ms" in said) == (True, 3, False), "its tracker need not send it again"


async def _answer(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    while True:
        said: dict[str, Any] = json.loads(await socket.receive_str(timeout=10))
        if "every" not in said:
            return said


async def test_what_is_no_site_is_refused_in_one_line(run_cli: Any, tmp_path: Path) -> None:
    """Exit code 2, and what to do; the settings stay as they were."""
    data = str(tmp_path)
    assert (await run_cli("site", "add", "shop", "--data", data))[0] == 0
    before = (tmp_path / "settings.json").read_bytes()
    for arguments, said in (
        (("add", "shop"), "--replace"),
        (("add", "a/b"), "key"),
        (("add", "x", "--origin", "shop.example"), "https://shop.example"),
        (("add", "x", "--origin", "null"), "origin"),
        (("add", "x", "--join", "p/:id"), "/p/:id"),
        (("remove", "nope"), "site list"),
    ):
        code, _, error = await run_cli("site", *arguments, "--data", data)
        assert (code, error.count("\n")) == (2, 1)
        assert said in error
    assert (tmp_path / "settings.json").read_bytes() == before
    listed = (await run_cli("site", "list", "--data", data))[1]
    assert listed.splitlines() == ["default  from any origin", "shop  from any origin"]


async def test_the_folder_may_stand_in_the_settings_file(run_cli: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """`data` at the top of isotherm.toml holds for the commands of a group as well."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "isotherm.toml").write_text('data = "here"\n')
    assert (await run_cli("site", "add", "shop"))[0] == 0
    assert (await run_cli("token", "add", "ann", "--site", "shop"))[0] == 0
    assert (tmp_path / "here" / "settings.json").is_file()
    assert not (tmp_path / "isotherm-data").exists()

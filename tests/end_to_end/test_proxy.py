"""Behind a proxy: nginx, run with the very text of docs/deploy.md; and the systemd unit that stands there."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket as sockets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.end_to_end.conftest import Serve
from tests.end_to_end.test_out import heat
from tests.serving import Served, batch, event, eventually

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy.md"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
FAR = "203.0.113.7"  #: a client that an outer proxy saw

WHOLE = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{text}
}}
"""


def example(language: str) -> str:
    """The text of the first example in that language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", DEPLOY.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def free_port() -> int:
    with sockets.socket() as socket:
        socket.bind(("127.0.0.1", 0))
        return int(socket.getsockname()[1])


@pytest.fixture
async def nginx(tmp_path: Path, http: aiohttp.ClientSession) -> AsyncIterator[Callable[[Served], Awaitable[str]]]:
    """Starts nginx before a server; returns its address."""
    if NGINX is None:
        pytest.skip("no nginx here: scripts/setup_test_tools.sh installs it")
    processes = []

    async def begin(served: Served) -> str:
        port = free_port()
        text = re.sub(r"^ *ssl_.*\n", "", example("nginx"), flags=re.MULTILINE)
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        text = text.replace("server 127.0.0.1:8000", f"server {served.address.removeprefix('http://')}")
        assert "ssl" not in text
        (tmp_path / "nginx.conf").write_text(WHOLE.format(folder=tmp_path, text=text))
        processes.append(await asyncio.create_subprocess_exec(NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")))

        async def up() -> bool:
            assert processes[-1].returncode is None, (tmp_path / "error.log").read_text()
            try:
                async with http.get(f"http://127.0.0.1:{port}/healthz") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        await eventually(up)
        return f"http://127.0.0.1:{port}"

    yield begin
    for process in processes:
        process.terminate()
        await process.wait()


async def post(address: str, forwarded: str | None = None, source: str = "127.0.0.1", body: Any = None) -> int:
    """One beacon, over a connection of its own from `source`; its status."""
    connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True)
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(f"{address}/clickstream", json=event() if body is None else body, headers=headers) as answer,
    ):
        return answer.status


async def test_sockets_go_through_nginx(serve: Serve, http: aiohttp.ClientSession, nginx: Callable[[Served], Awaitable[str]]) -> None:
    """A tracker's socket is upgraded and acked, a viewer's gets heat, a frame that is too large is answered with 1009, a body with 413."""
    served = await serve("--open-heat", "--trusted-proxy", "127.0.0.1", "--max-frame", "4KiB")
    address = await nginx(served)
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


async def test_the_clients_address_counts(serve: Serve, nginx: Callable[[Served], Awaitable[str]]) -> None:
    """Limits hold for whom the proxies saw; who is no proxy can't choose whom he is taken for."""
    served = await serve("--trusted-proxy", "127.0.0.1", "--address-rate", "1", "--address-burst", "5", "--address-connections", "3")
    address = await nginx(served)
    statuses = [await post(address, FAR, body=[event()] * 3) for _ in range(8)]
    assert statuses[0] == 202
    assert statuses[-1] == 429, "the address behind two proxies has its rate"
    assert await post(address, "203.0.113.8") == 202, "and another its own"
    assert await post(address, FAR, source="127.0.0.2") == 202, "127.0.0.2 is no proxy: what it says of others is not believed"
    assert await post(address, f"{FAR}, 198.51.100.1") == 202, "the last that is no proxy is the client, not what stands before it"
    far = {"X-Forwarded-For": "203.0.113.9"}
    ws = address.replace("http", "ws")
    async with aiohttp.ClientSession(headers=far) as session:
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

"""Proxies before a server, run with the very examples of docs/deploy.md: certificates, ports and the proxies' own folders apart."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket as sockets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.serving import Served, eventually

__all__ = ["BEHIND_ANOTHER", "PROXIES", "before", "example"]

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy.md"

NGINX = """
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{text}
}}
"""
CADDY = "{{\n\tadmin off\n}}\n{text}"


def example(language: str, which: int = 0) -> str:
    """The text of an example in that language: the first one, or another."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DEPLOY.read_text(), re.DOTALL | re.MULTILINE)[which]


def free_port() -> int:
    with sockets.socket() as socket:
        socket.bind(("127.0.0.1", 0))
        return int(socket.getsockname()[1])


def nginx(folder: Path, port: int, behind: str) -> list[str]:
    """Its command; what it needs stands in the folder."""
    text = re.sub(r"^ *ssl_.*\n", "", example("nginx"), flags=re.MULTILINE)
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace("server 127.0.0.1:8000", f"server {behind}")
    assert "ssl" not in text
    assert behind in text
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, text=text))
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, behind: str, which: int = 0) -> list[str]:
    """Its command: as the example has it, but on a port of its own and so without a certificate."""
    text = example("caddy", which).replace("heat.shop.example", f"http://127.0.0.1:{port}").replace("127.0.0.1:8000", behind)
    assert behind in text
    if which:
        assert "198.51.100.0/24" in text
        text = text.replace("198.51.100.0/24", "127.0.0.1/32")
    (folder / "Caddyfile").write_text(CADDY.format(text=text))
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def caddy_behind_another(folder: Path, port: int, behind: str) -> list[str]:
    """Caddy with another proxy before it, which this test plays."""
    return caddy(folder, port, behind, 1)


Proxy = Callable[[Path, int, str], list[str]]
PROXIES: list[Proxy] = [nginx, caddy]
BEHIND_ANOTHER: list[Proxy] = [nginx, caddy_behind_another]  #: nginx adds to what came, as it is


@asynccontextmanager
async def before(served: Served, proxy: Proxy, folder: Path) -> AsyncIterator[str]:
    """The proxy, up before that server; its address."""
    port = free_port()
    command = proxy(folder, port, served.address.removeprefix("http://"))
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here: scripts/setup_test_tools.sh installs it")
    homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    with (folder / "proxy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stderr=log, stdout=log, env=os.environ | homes)

    async def up() -> bool:
        assert process.returncode is None, (folder / "proxy.log").read_text()
        try:
            async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    try:
        await eventually(up)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()

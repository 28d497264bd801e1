"""docker-compose.yml without its containers: every command that it names runs, with the settings that it gives."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.oracle import from_classic
from tests.serving import event, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

FILE = Path(__file__).parents[2] / "docker-compose.yml"
OURS = ("gateway", "group-by", "aggregate", "history")


@pytest.fixture
async def composed(servers: str, tmp_path: Path) -> AsyncIterator[str]:
    """The address of the gateway, once all services of ours run; what a container would give each is put in by hand."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    services: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    (tmp_path / "history").mkdir()
    given = {
        "kafka:9092": servers,
        "0.0.0.0": "127.0.0.1",
        "8000": port,
        "/history/history.sqlite": str(tmp_path / "history" / "history.sqlite"),
    }
    prefix = f"t{uuid.uuid4().hex[:8]}-"
    processes: list[asyncio.subprocess.Process] = []
    for name in OURS:
        folder = str(tmp_path / name)
        settings = {key: given.get(value, value) for key, value in services[name]["environment"].items()}
        arguments = [given.get(word, word).replace("/tmp/data", folder) for word in services[name]["command"]]
        outside = os.environ | {"PYTHONUNBUFFERED": "1", "ISOTHERM_TOPIC_PREFIX": prefix, "ISOTHERM_STORE_EVERY": "500ms"}
        if name == "gateway":
            outside["ISOTHERM_DATA"] = folder  # the Dockerfile's
        with (tmp_path / f"{name}.log").open("wb") as output:
            processes.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "isotherm", *arguments, env=outside | settings, stdout=output, stderr=output
                )
            )
    yield f"http://127.0.0.1:{port}"
    ended = [
        (name, (tmp_path / f"{name}.log").read_text())
        for name, process in zip(OURS, processes, strict=True)
        if process.returncode is not None
    ]
    for process in processes:
        if process.returncode is None:
            process.terminate()
    await asyncio.gather(*(process.wait() for process in processes))
    assert not ended


async def test_compose(composed: str, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """A mouse position that comes to the gateway is seen live and in the past; the gateway's own check of its health says so, and login makes a link."""

    async def well() -> bool:
        check = yaml.safe_load(FILE.read_text())["services"]["gateway"]["healthcheck"]["test"]
        asked = [word.replace("http://127.0.0.1:8000", composed) for word in check[1:]]
        assert asked[0] == "python"
        process = await asyncio.create_subprocess_exec(sys.executable, *asked[1:], stderr=asyncio.subprocess.DEVNULL)
        return await process.wait() == 0

    await eventually(well, 60)
    login = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isotherm", "login", "--data", str(tmp_path / "gateway"), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await login.communicate()
    assert login.returncode == 0
    link = next(word for word in said.decode().split() if word.startswith("http"))
    async with http.get(composed + link[link.index("/", 8) :]) as answer:  # the jar keeps no cookie of an address without a name
        cookie = {name: morsel.value for first in answer.history or [answer] for name, morsel in first.cookies.items()}
    now_ms = int(time.time() * 1000)
    async with http.ws_connect(f"{composed.replace('http', 'ws', 1)}/clickstream/s") as tracker:
        await tracker.send_str(json.dumps(event(250, 500, "/", timestamp=now_ms)))

    def shown(**query: str) -> Any:
        async def ask() -> bool:
            async with http.get(f"{composed}/api/heatmap", params={"page": "/", **query}, cookies=cookie) as answer:
                return answer.status == 200 and from_classic((await answer.json())["value"]) == {(12, 25): 1}

        return ask

    await eventually(shown(), 60)
    await eventually(shown(**{"from": str(now_ms - 60_000), "to": str(now_ms + 60_000)}), 60)

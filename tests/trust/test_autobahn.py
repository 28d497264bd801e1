"""Our sockets against the cases of Autobahn's test suite (`autobahn_cases.py`).

Its cases want an echo, which no endpoint of ours gives. So one server echoes over `isotherm.sockets`, as our endpoints are upgraded and
written to, and has all cases; and each endpoint has those that an endpoint without echo can meet: what breaks the protocol, pings, goodbyes.

Left out: compression (12 and 13: we offer none), a message without end (9.9), and text that is no UTF-8: to us a frame is bytes, and the
public interface says that what does not validate is answered and the socket stays open (`test_websockets.py`).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from isotherm.sockets import Socket
from tests.end_to_end.conftest import Serve

PYTHON = Path(__file__).parents[2] / ".venv/autobahn/bin/python"
CASES = Path(__file__).with_name("autobahn_cases.py")
FRAME_BYTES_MAX = 16 << 20  #: of the largest case
ENDPOINTS = ["/clickstream/s", "/live?page=/p", "/heatmap/p", "/api/overview", "/api/topics/heatmap"]
BINARY = {"1.2", "9.2", "9.4", "9.6", "9.8"}  #: these want a binary message back
LEFT_OUT = {
    "6.3.1", "6.3.2", "6.4.1", "6.4.2", "6.4.3", "6.4.4",  # no UTF-8
    "7.9.5",  # a goodbye with code 1006: aiohttp takes it, and says goodbye
}  # fmt: skip
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
"""The suite's own word: what is not strict was found out later than the fastest peer would, and is right."""


async def autobahn(*arguments: str, say: object = None) -> Any:
    process = await asyncio.create_subprocess_exec(
        PYTHON, "-W", "ignore", CASES, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate(json.dumps(say).encode())
    assert process.returncode == 0
    return json.loads(said)


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """A server whose sockets are made, read and written as those of our endpoints are."""

    async def handler(request: web.Request) -> web.StreamResponse:
        socket = await Socket.upgrade(request, frame_bytes_max=FRAME_BYTES_MAX, queued_bytes_max=2 * FRAME_BYTES_MAX)
        async for data in socket.receive():
            socket.push(data if request.path == "/binary" else data.decode())
        return socket.response

    app = web.Application()
    app.router.add_get("/{kind}", handler)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    yield f"{host}:{port}"
    await runner.cleanup()


async def planned(*heads: str) -> list[dict[str, Any]]:
    """The cases of these parts, echoed."""
    names = [name for name in await autobahn("--list") if name.split(".")[0] in heads and name not in LEFT_OUT]
    kinds = {name: "binary" if ".".join(name.split(".")[:2]) in BINARY else "text" for name in names}
    return [{"case": name, "path": f"/{kinds[name]}", "echo": True} for name in names]


async def passed(address: str, plan: list[dict[str, Any]]) -> None:
    results = await autobahn(address, say=plan)
    assert len(results) == len(plan)
    print(Counter((behaviour, at_close) for _, _, behaviour, at_close, _ in results))
    wrong = [result for result in results if not {result[2], result[3]} <= PASSED]
    assert not wrong, "\n".join(str(result) for result in wrong)


async def test_our_sockets_pass_autobahn() -> None:
    """Frames, pings, reserved bits, opcodes, parts, UTF-8 and goodbyes, however they come."""
    plan = await planned("1", "2", "3", "4", "5", "6", "7", "10")
    assert len(plan) > 150
    async with echo() as address:
        await passed(address, plan)


async def test_our_endpoints_pass_autobahn(serve: Serve) -> None:
    """On each of them, what needs no echo: what breaks the protocol ends the connection, with the right code; pings are answered."""
    served = await serve("--open-heat")
    names = [step["case"] for step in await planned("2", "3", "4", "5", "7")]
    plan = [{"case": name, "path": path, "echo": False} for path in ENDPOINTS for name in names]
    await passed(served.address.removeprefix("http://"), plan)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_our_sockets_pass_autobahn_whatever_the_size() -> None:
    """Up to 16 MiB, whole, in parts, byte by byte, and a thousand messages one after the other."""
    async with echo() as address:
        await passed(address, await planned("9"))

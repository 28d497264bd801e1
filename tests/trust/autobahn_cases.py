"""The cases of Autobahn's WebSocket test suite, as a client: `python autobahn_cases.py ADDRESS < plan.json > results.json`.

Runs in the venv that `scripts/setup_test_tools.sh` makes for it, and imports nothing of ours. The suite's own client is Python 2 and needs
Twisted; its cases are plain classes, which run on Python 3 as they are if the strings in them stay what they were, bytes. So each source is
read as latin-1, one character a byte, and so is all that goes into a case and comes out of it.

The plan: a list of `{"case": "2.5", "path": "/live", "echo": false}`. Where nothing echoes (our endpoints answer in their own words), messages
are left out on both sides of the comparison. The results: as many lists of case, path, behaviour, behaviour at the close, and what was found.
"""

from __future__ import annotations

import asyncio
import importlib.abc
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket import utf8validator

AT_ONCE = 24
CASE_S = 120.0
CASES = Path(next(iter(importlib.util.find_spec("autobahntestsuite").submodule_search_locations))) / "case"  # type: ignore[union-attr,arg-type]

PYTHON3 = {
    "binascii.b2a_hex(": "repr(",
    "(object, Case, )": "(Case, )",
    ".tostring()": ".tobytes()",
    " / self.p.autoFragmentSize": " // self.p.autoFragmentSize",
}


class Validator(utf8validator.Utf8Validator):  # type: ignore[misc]
    """Some cases ask it which of their texts are UTF-8."""

    def validate(self, data: str) -> Any:
        return super().validate(octets(data))


class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of the cases."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> Any:
        return importlib.util.spec_from_loader(fullname, self) if (CASES / f"{fullname}.py").is_file() else None

    def exec_module(self, module: ModuleType) -> None:
        source = (CASES / f"{module.__name__}.py").read_text("latin-1")
        source = re.sub(r"^( *)print\b.*", r"\1pass", source, flags=re.MULTILINE)
        for python2, python3 in PYTHON3.items():
            source = source.replace(python2, python3)
        module.__dict__.update(xrange=range)
        exec(compile(source, module.__name__, "exec", dont_inherit=True), module.__dict__)


def cases() -> dict[str, type]:
    """By name, as `7.9.3`; without those whose text is no UTF-8."""
    found: dict[str, type] = {}
    for path in CASES.glob("case[0-9]*.py"):
        try:
            module = __import__(path.stem)
        except ImportError:  # a case without end, whose producer is Twisted's
            continue
        listed = [value for value in vars(module).values() if isinstance(value, type)]
        listed += [one for value in vars(module).values() if isinstance(value, list) for one in value if isinstance(one, type)]
        found |= {one.__name__.removeprefix("Case").replace("_", "."): one for one in listed if one.__name__.startswith("Case")}
    return {name: one for name, one in found.items() if name[:1].isdigit() and getattr(one, "isValid", True)}


def octets(text: str | bytes | None) -> bytes | None:
    return text.encode("latin-1") if isinstance(text, str) else text


def characters(data: Any) -> Any:
    """What a Python 2 program would see: strings for bytes, tuples for tuples."""
    if isinstance(data, bytes):
        return data.decode("latin-1")
    return type(data)(map(characters, data)) if isinstance(data, list | tuple) else data


class Protocol(WebSocketClientProtocol):  # type: ignore[misc]
    """A connection of a case: what cases ask of the suite's own client."""

    factory: Factory

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.connectionWasOpen = self.createWirelog = False
        self.txFrameStats: dict[int, int] = {}
        self.case = self.factory.case(self)
        self.case.compare = self.same
        super().connection_made(transport)

    def same(self, found: list[Any], expected: list[Any]) -> bool:
        found, expected = characters(found), characters(expected)
        if not self.factory.echo:
            found, expected = ([one for one in events if one[0] != "message"] for events in (found, expected))
        return bool(found == expected)

    def onOpen(self) -> None:
        self.connectionWasOpen = True
        self.case.onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.factory.echo:
            self.case.onMessage(payload.decode("latin-1"), isBinary)

    def onPong(self, payload: bytes) -> None:
        self.case.onPong(payload.decode("latin-1"))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.case.onClose(wasClean, code, reason)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.case.onConnectionLost(self.failedByMe)
        if not self.factory.ended.done():
            self.factory.ended.set_result(self.case)

    def sendFrame(self, opcode: int, payload: str | bytes = b"", **more: Any) -> None:
        self.txFrameStats[opcode] = self.txFrameStats.get(opcode, 0) + 1
        super().sendFrame(opcode, octets(payload), **more)

    def sendMessage(self, payload: str | bytes, isBinary: bool = False, **more: Any) -> None:
        super().sendMessage(octets(payload), isBinary, **more)

    def sendCloseFrame(self, code: int | None = None, reasonUtf8: str | bytes | None = None, isReply: bool = False) -> None:
        super().sendCloseFrame(code, octets(reasonUtf8), isReply)

    def enableWirelog(self, enable: bool) -> None:
        """None is kept."""

    def continueLater(self, delay: float, go_on: Callable[[], None], tag: str | None = None) -> None:
        self.later(delay, go_on)

    def killAfter(self, delay: float) -> None:
        self.later(delay, self.failConnection)

    def failConnection(self) -> None:
        self._fail_connection()

    def closeAfter(self, delay: float) -> None:
        self.later(delay, self.sendClose)

    def later(self, delay: float, what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(delay, lambda: what() if self.state != self.STATE_CLOSED else None)


class Factory(WebSocketClientFactory):  # type: ignore[misc]
    """One case on one path."""

    protocol = Protocol

    def __init__(self, url: str, case: type, echo: bool) -> None:
        super().__init__(url)
        self.case, self.echo = case, echo
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.setProtocolOptions(failByDrop=False, openHandshakeTimeout=20, closeHandshakeTimeout=5)


async def run(address: str, plan: list[dict[str, Any]]) -> list[list[Any]]:
    host, _, port = address.partition(":")
    known, at_once = cases(), asyncio.Semaphore(AT_ONCE)

    async def one(case: str, path: str, echo: bool) -> list[Any]:
        async with at_once, asyncio.timeout(CASE_S):
            factory = Factory(f"ws://{address}{path}", known[case], echo)
            await asyncio.get_running_loop().create_connection(factory, host, int(port))
            ended = await factory.ended
        said = f"{ended.result} {ended.resultClose} Got {str(ended.received)[:200]}, close code {ended.p.remoteCloseCode}"
        return [case, path, ended.behavior, ended.behaviorClose, said]

    return list(await asyncio.gather(*(one(**step) for step in plan)))


if __name__ == "__main__":
    sys.meta_path.insert(0, Sources())
    utf8validator.Utf8Validator = Validator
    if sys.argv[1:] == ["--list"]:
        print(json.dumps(sorted(cases(), key=lambda name: [int(part) for part in name.split(".")])))
    else:
        print(json.dumps(asyncio.run(run(sys.argv[1], json.load(sys.stdin)))))

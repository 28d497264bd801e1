"""A pipeline on Kafka as an operator starts it: every gateway and worker a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.serving import Served, eventually, start

__all__ = ["Pipeline", "Tracker", "Worker", "returns", "tally"]


@dataclass
class Worker:
    """A running `isotherm worker`."""

    stage: str
    process: asyncio.subprocess.Process
    output: Path

    async def kill(self) -> None:
        """As a power cut would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """As an operator would; the exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await self.process.wait()

    def said(self, words: str) -> bool:
        return words in self.output.read_text()


@dataclass
class Pipeline:
    """Processes of one pipeline, with a topic prefix of their own, so that tests share a broker."""

    servers: str
    prefix: str
    folder: Path
    options: tuple[str, ...] = ()
    gateways: list[Served] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    number: int = 0

    def arguments(self) -> list[str]:
        return ["--kafka", self.servers, "--topic-prefix", self.prefix, *self.options]

    async def gateway(self, *options: str) -> Served:
        """Once it answers 200 at /healthz."""
        self.number += 1
        served = await start(self.folder / f"gateway-{self.number}", "--open-heat", "--trust-senders", *self.arguments(), *options)
        self.gateways.append(served)
        return served

    async def worker(self, stage: str, *options: str) -> Worker:
        """Once it works."""
        self.number += 1
        output = self.folder / f"{stage}-{self.number}.log"
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "isotherm", "worker", stage, "--data", str(self.folder / f"{stage}-{self.number}"),
                *self.arguments(), *options,
                stdout=file, stderr=file, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        worker = Worker(stage, process, output)
        self.workers.append(worker)
        words = {"group-by": "is now processing", "aggregate": "aggregates ", "history": "keeps the history", "webhooks": "stands by"}[stage]
        await eventually(returns(lambda: worker.said(words) or process.returncode is not None), 60)
        assert process.returncode is None, output.read_text()
        return worker

    async def all(self, *, gateways: int = 1, workers: int = 1, publish: str = "all") -> None:
        """Starts everything at once."""
        starting: list[Awaitable[Any]] = [self.gateway() for _ in range(gateways)]
        for _ in range(workers):
            starting += [self.worker("group-by"), self.worker("aggregate", "--publish", publish)]
        await asyncio.gather(*starting)

    async def end(self) -> None:
        for process in [gateway.process for gateway in self.gateways] + [worker.process for worker in self.workers]:
            if process.returncode is None:
                process.kill()
                await process.wait()


class Tracker:
    """Sends batches as our tracker does: keeps each until its ack, and sends all that has none again after a break."""

    def __init__(self, http: aiohttp.ClientSession, session: str, path: str) -> None:
        self._http = http
        self.session = session
        self.path = path
        self.unacked: dict[int, dict[str, Any]] = {}
        self.sent: dict[int, dict[str, Any]] = {}
        self.hints: list[int] = []

    def put(self, x: list[float], **more: Any) -> None:
        seq = len(self.sent)
        message = {
            "v": 1, "session": self.session, "load": f"load-{self.session}", "seq": seq, "path": self.path,
            "w": 1000, "h": 1000, "vw": 1280, "kind": "move", "x": x, "y": x, "age": [0] * len(x), **more,
        }  # fmt: skip
        self.sent[seq] = self.unacked[seq] = message

    async def run(self, address: Callable[[], str]) -> None:
        """Until cancelled; `address` may be another gateway's each time."""
        while True:
            try:
                async with self._http.ws_connect(f"{address().replace('http', 'ws', 1)}/clickstream/{self.session}") as socket:
                    await self._talk(socket)
            except (aiohttp.ClientError, OSError):
                pass
            await asyncio.sleep(0.1)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        told: set[int] = set()
        clock = asyncio.get_running_loop().time
        again_s = 0.0
        while not socket.closed:
            for seq in [seq for seq in self.unacked if seq not in told and clock() >= again_s]:
                told.add(seq)
                await socket.send_str(json.dumps(self.unacked[seq]))
            try:
                message = await socket.receive(timeout=0.05)
            except TimeoutError:
                continue
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            answer = json.loads(message.data)
            if "ack" in answer:
                self.unacked.pop(answer["ack"], None)
            elif "every" in answer:
                self.hints.append(answer["every"])
            elif "retry_after_ms" in answer:
                told.discard(answer["seq"])
                again_s = clock() + answer["retry_after_ms"] / 1000


def tally(heat: dict[str, Any]) -> int:
    """Samples in a classic heat map."""
    return sum(count for column in heat["value"].values() for count in column.values())


def returns(ask: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
    async def answer() -> Any:
        return ask()

    return answer

"""A real server in a process of its own, as an operator starts it; and a viewer's decoding of frames, written from docs/wire.md."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import struct
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["CLASSIC", "Frame", "Served", "apply", "batch", "decode_frame", "event", "eventually", "start"]


@dataclass
class Served:
    """A running `isotherm serve`."""

    process: asyncio.subprocess.Process
    address: str
    token: str | None
    output: list[str]

    @property
    def ws(self) -> str:
        return self.address.replace("http", "ws", 1)

    async def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """As an operator would; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


async def start(
    data: Path, *options: str, command: str = "serve", config: Path | None = None, program: tuple[str, ...] = ("-m", "isotherm")
) -> Served:
    """Starts the server on a free port; returns once it says where it listens. `program` is what Python is to run."""
    arguments = [sys.executable, *program, *(("--config", str(config)) if config else ()), command, "--data", str(data), "--port", "0", *options]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    served = Served(process, "", None, [])
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while not served.address:
            line = (await process.stdout.readline()).decode()
            assert line, f"the server ended: {''.join(served.output)}"
            served.output.append(line)
            found = re.search(r"listens on (http://\S+)", line) or re.search(r"^Dashboard +(http://\S+?)/?$", line)
            if found:
                served.address = found[1].rstrip("/")
    reading = asyncio.create_task(_read(process.stdout, served))
    served.output.append("")
    served._reading = reading  # type: ignore[attr-defined]  # kept from the collector
    async with aiohttp.ClientSession() as session:
        await eventually(lambda: _is_up(session, served.address), 60)
    return served


async def _is_up(session: aiohttp.ClientSession, address: str) -> bool:
    async with session.get(f"{address}/healthz") as answer:
        return answer.status == 200


async def _read(stream: asyncio.StreamReader, served: Served) -> None:
    while line := (await stream.readline()).decode():
        served.output.append(line)
        token = re.search(r"Viewer token, shown this once: (\S+)", line)
        if token:
            served.token = token[1]


async def eventually(condition: Callable[[], Awaitable[Any]], timeout_s: float = 20) -> Any:
    """Asks until the answer is true; returns it."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await condition()
            if found:
                return found
            await asyncio.sleep(0.02)


CLASSIC: dict[str, Any] = {
    "session_id": "s", "type": "mousemove", "relative_path": "/p/1",
    "window": {"width": 1000, "height": 1000}, "mouse-coordinates": {"x": 500, "y": 500},
}  # fmt: skip


def event(x: float = 500, y: float = 500, path: str = "/p/1", **more: Any) -> dict[str, Any]:
    """A classic event on a document of 1000 x 1000."""
    return CLASSIC | {"relative_path": path, "mouse-coordinates": {"x": x, "y": y}} | more


def batch(seq: int, x: list[float], y: list[float] | None = None, path: str = "/p/1", load: str = "l", **more: Any) -> dict[str, Any]:
    """A batch on a document of 1000 x 1000."""
    return {
        "v": 1, "session": "s", "load": load, "seq": seq, "path": path, "w": 1000, "h": 1000, "vw": 1280, "kind": "move",
        "x": x, "y": x if y is None else y, "age": [0] * len(x), **more,
    }  # fmt: skip


@dataclass
class Frame:
    """A binary frame of /live."""

    key: bool
    grid_size: int
    end_ms: int
    window_ms: int
    hop_ms: int
    people: int
    counts: dict[int, int]


def decode_frame(data: bytes) -> Frame:
    """By docs/wire.md, with nothing of ours."""
    version, kind, space, width, cells, end, _sent, window, hop, n, people, _rate, _quiet = struct.unpack_from("<BBBBIddIIIIfI", data)
    assert (version, space) == (1, 0)
    at = 48
    if kind == 1:
        lit = [i for i in range(cells) if data[at + (i >> 3)] & (1 << (i & 7))]
        at += 4 * -(-cells // 32)
    else:
        code, size = ("H", 2) if cells <= 65536 else ("I", 4)
        lit = list(struct.unpack_from(f"<{n}{code}", data, at))
        at += 4 * -(-n * size // 4)
    assert len(lit) == n
    counts = struct.unpack_from(f"<{n}{'?BH?I'[width]}", data, at)
    assert len(data) == at + n * width
    return Frame(kind == 1, round(cells**0.5), int(end), window, hop, people, dict(zip(lit, counts, strict=True)))


def apply(picture: dict[int, int], frame: Frame) -> dict[int, int]:
    """What a viewer sees after the frame."""
    picture = dict(frame.counts) if frame.key else picture | frame.counts
    return {cell: count for cell, count in picture.items() if count}

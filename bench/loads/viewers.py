"""Viewers: many sockets that take frames and do nothing with them but look when they came.

Settings: `port`, `viewers`, `pages`, `first`, `path` (with ``{page}`` in it). Told ``{"seconds"}``, it listens so long, and tells for each
window's end that it saw how many frames came, and when the first and the last did; with ``"keep": true`` also the frames of the first
viewer of each page.
"""

from __future__ import annotations

import base64
import select
import struct
import time
from typing import Any

from bench.loads.sockets import PING, PONG, connecting, unmasked
from bench.processes import orders, settings, tell

_END = struct.Struct("<d")
_END_AT = 8  #: in the frame's header, docs/wire.md
_READ_BYTES = 262_144


class _Listener:
    """Reads whatever comes, until it is time."""

    def __init__(self, pages: int) -> None:
        self._pages = pages
        self._by_file: dict[int, Any] = {}
        self._kept_of: dict[int, int] = {}
        self._poll = select.epoll()
        self._buffer = bytearray(_READ_BYTES)
        self._view = memoryview(self._buffer)
        self._left: dict[int, bytes] = {}  # of a socket: the beginning of a frame whose end has not come

    def add(self, one: Any, left: bytes) -> None:
        """A socket, and what came behind its answer's head."""
        file = one.fileno()
        if len(self._by_file) < self._pages:
            self._kept_of[file] = len(self._by_file)
        self._by_file[file] = one
        self._left[file] = left
        one.setblocking(False)
        self._poll.register(file, select.EPOLLIN)

    def listen(self, seconds: float, keep: bool = False) -> dict[str, Any]:
        seen: dict[float, list[float]] = {}  # window's end -> frames, when the first came, when the last
        kept: dict[int, list[str]] = {}
        frames = size = lost = 0
        until_s = time.perf_counter() + seconds
        wait_s = seconds
        while wait_s >= 0:
            for file, _ in self._poll.poll(min(0.05, wait_s), 512):
                read = self._read(file)
                if read <= 0:
                    lost += read < 0
                    continue
                size += read
                at_s = time.time()
                data = self._whole(file, read)
                for opcode, start, end in unmasked(data):
                    if opcode != 2:
                        if opcode == PING:
                            self._by_file[file].send(PONG)
                        continue
                    frames += 1
                    (end_ms,) = _END.unpack_from(data, start + _END_AT)
                    entry = seen.get(end_ms)
                    if entry is None:
                        seen[end_ms] = [1, at_s, at_s]
                    else:
                        entry[0] += 1
                        entry[2] = at_s
                    if keep and file in self._kept_of:
                        kept.setdefault(self._kept_of[file], []).append(base64.b64encode(data[start:end]).decode())
            wait_s = until_s - time.perf_counter()
        return {"frames": frames, "bytes": size, "lost": lost, "seen": seen, "kept": kept}

    def _whole(self, file: int, read: int) -> memoryview:
        """What was read, behind what was left of the socket's last frame; what is left this time is kept for the next."""
        before = self._left.pop(file, b"")
        data = memoryview(before + self._view[:read]) if before else self._view[:read]
        frames = unmasked(data)
        end = frames[-1][2] if frames else 0
        if end < len(data):
            self._left[file] = bytes(data[end:])
        return data[:end]

    def _read(self, file: int) -> int:
        """How many bytes there were; -1: the connection ended, and is left alone from now on."""
        try:
            read: int = self._by_file[file].recv_into(self._buffer)
        except BlockingIOError:
            return 0
        except OSError:
            read = 0
        if not read:
            self._poll.unregister(file)
            return -1
        return read


def main() -> None:
    given = settings()
    first, pages = given["first"], given["pages"]
    paths = [given["path"].format(page=(first + at) % pages) for at in range(given["viewers"])]
    listener = _Listener(pages)
    for some in connecting(given["port"], paths, first):
        for one, left in some:
            listener.add(one, left)
        listener.listen(0)
    tell(ready=True)
    for order in orders(listener.listen):
        cpu_s, began_s = time.process_time(), time.perf_counter()
        heard = listener.listen(order["seconds"], order.get("keep", False))
        wall_s = time.perf_counter() - began_s
        heard["seen"] = [[end_ms, *entry] for end_ms, entry in sorted(heard["seen"].items())]
        tell(busy=(time.process_time() - cpu_s) / wall_s, **heard)


if __name__ == "__main__":
    main()

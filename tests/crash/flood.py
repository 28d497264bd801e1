"""A flood: sockets that each send more than a server can take, as fast as the kernel lets them, and newcomers at the door all the while.

`python -m tests.crash.flood PORT SECONDS SOCKETS` prints, as JSON, what came of it: bytes sent, sockets closed by code, newcomers by status.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections import Counter

_UPGRADE = (
    b"GET /clickstream/flood HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_NEWCOMERS_A_SECOND = 50
_SESSIONS, _PAGES = 500, 20


def frames(first: int) -> bytes:
    """Classic events of many sessions, each in a frame (masked with zeros, so that nothing need be counted)."""
    parts = []
    for at in range(200):
        number = first + at
        event = {
            "type": "mousemove", "session_id": f"flood-{number % _SESSIONS}", "relative_path": f"/flood/{number % _PAGES}",
            "window": {"width": 1000, "height": 1000}, "mouse-coordinates": {"x": number * 37 % 1000, "y": number * 91 % 1000},
        }  # fmt: skip
        text = json.dumps(event).encode()
        parts.append(struct.pack(">BBHI", 0x81, 0xFE, len(text), 0) + text)
    return b"".join(parts)


class Flood:
    """The sockets, and what became of them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sent = 0
        self.closed: Counter[str] = Counter()
        self.newcomers: Counter[str] = Counter()
        self._left: dict[int, memoryview] = {}
        self._of_file: dict[int, socket.socket] = {}
        self._poll = select.epoll()
        self._content = frames(0)

    def open(self) -> None:
        """One more that floods, if it is let in."""
        one = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        one.sendall(_UPGRADE)
        status = one.recv(4096)[9:12].decode() or "none"
        self.newcomers[status] += 1
        if status != "101":
            one.close()
            return
        one.setblocking(False)
        self._of_file[one.fileno()] = one
        self._poll.register(one.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def run(self, until_s: float) -> None:
        for file, what in self._poll.poll(0.02, 64):
            if what & ~select.EPOLLOUT:
                self._hear(file)
            if file in self._of_file and what & select.EPOLLOUT and time.monotonic() < until_s:
                self._send(file)

    def _send(self, file: int) -> None:
        left = self._left.get(file) or memoryview(self._content)
        try:
            sent = self._of_file[file].send(left)
        except BlockingIOError:
            return
        except OSError:
            self._gone(file, "reset")
            return
        self.sent += sent
        self._left[file] = left[sent:]

    def _hear(self, file: int) -> None:
        try:
            said = self._of_file[file].recv(65536)
        except OSError:
            said = b""
        if not said:
            self._gone(file, "without a word")
        elif (at := said.rfind(b"\x88")) >= 0 and len(said) >= at + 4:
            self._gone(file, str(int.from_bytes(said[at + 2 : at + 4], "big")))

    def _gone(self, file: int, how: str) -> None:
        self.closed[how] += 1
        self._poll.unregister(file)
        self._of_file.pop(file).close()
        self._left.pop(file, None)


def main() -> None:
    port, seconds, sockets = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    flood = Flood(port)
    for _ in range(sockets):
        flood.open()
    began_s = time.monotonic()
    until_s, newcomers = began_s + seconds, 0
    while (now_s := time.monotonic()) < until_s:
        if now_s - began_s > newcomers / _NEWCOMERS_A_SECOND:
            newcomers += 1
            flood.open()
        flood.run(until_s)
    print(json.dumps({"sent": flood.sent, "closed": flood.closed, "newcomers": flood.newcomers}))


if __name__ == "__main__":
    main()

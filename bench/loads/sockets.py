"""WebSockets from the client's side, on bare blocking sockets: what a load generator needs, and nothing that costs.

Loopback has some 28,000 ports an address, so connections beyond that come from 127.0.0.2, 127.0.0.3 and so on.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

__all__ = ["PING", "PONG", "connect_all", "connecting", "masked", "unmasked"]

PING = 9

_AN_ADDRESS = 20_000  #: connections of one source address
_HANDSHAKING = 200  #: upgrades under way at once
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Origin: https://shop.example\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def connect_all(port: int, paths: list[str], first: int = 0) -> tuple[list[socket.socket], list[bytes]]:
    """One upgraded socket a path, in order; `first` is how many other processes opened before. Also what came behind each answer."""
    pairs = [pair for some in connecting(port, paths, first) for pair in some]
    return [one for one, _ in pairs], [left for _, left in pairs]


def connecting(port: int, paths: list[str], first: int = 0) -> Iterator[list[tuple[socket.socket, bytes]]]:
    """The same, some at a time: so many take longer than a server waits for the first ones' pongs."""
    for start in range(0, len(paths), _HANDSHAKING):
        some = [_ask(port, path, first + start + at) for at, path in enumerate(paths[start : start + _HANDSHAKING])]
        yield [(one, _answer(one)) for one in some]


def _ask(port: int, path: str, number: int) -> socket.socket:
    one = socket.socket()
    one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the kernel chooses the port when both ends are known
    one.settimeout(60)
    one.bind((f"127.0.0.{1 + number // _AN_ADDRESS}", 0))
    one.connect(("127.0.0.1", port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.sendall(_REQUEST.format(path=path).encode())
    return one


def _answer(one: socket.socket) -> bytes:
    """Reads the answer's head; returns what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = one.recv(65536)
        if not more:
            raise ConnectionResetError(data[:200].decode("latin-1"))
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    if b" 101 " not in head.partition(b"\r\n")[0]:
        raise ConnectionRefusedError(data[:300].decode("latin-1"))
    return rest


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """A client's frame."""
    key = os.urandom(4)
    size = len(payload)
    head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, size)
    padded = payload + bytes(-size % 4)
    words = len(padded) // 4
    mixed = (int.from_bytes(padded, "big") ^ int.from_bytes(key * words, "big")).to_bytes(len(padded), "big")
    return head + key + mixed[:size]


def unmasked(data: bytes | memoryview) -> list[tuple[int, int, int]]:
    """A server's whole frames in what was read: opcode, start and end of each payload; the last end tells how far they go."""
    found, at = [], 0
    while at + 2 <= len(data):
        size, start = data[at + 1] & 0x7F, at + 2
        if size >= 126:
            wide = 2 if size == 126 else 8
            if at + 2 + wide > len(data):
                break
            size, start = int.from_bytes(data[at + 2 : at + 2 + wide], "big"), at + 2 + wide
        if start + size > len(data):
            break
        found.append((data[at] & 0x0F, start, start + size))
        at = start + size
    return found


PONG = masked(b"", 10)

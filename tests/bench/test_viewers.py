"""The load's viewers: what they say they saw is what was sent to them."""

from __future__ import annotations

import socket
import struct
import threading

import pytest
from bench.loads.viewers import _Listener

FRAMES = [struct.pack("<8xd", 250.0 * number) + bytes(40 * number) for number in range(1, 30)]


def _sent(payload: bytes) -> bytes:
    head = bytes((0x82, len(payload))) if len(payload) < 126 else b"\x82\x7e" + len(payload).to_bytes(2, "big")
    return head + payload


@pytest.mark.parametrize("cut_bytes", [1, 7, 97, 1 << 20])
def test_frames_that_come_in_pieces_are_counted_once_each(cut_bytes: int) -> None:
    """However the stream is cut, each frame is seen with its window's end, and none is lost or made up."""
    server, viewer = socket.socketpair()
    listener = _Listener(1)
    listener.add(viewer, b"")
    stream = b"".join(map(_sent, FRAMES))

    def write() -> None:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for at in range(0, len(stream), cut_bytes):
            server.sendall(stream[at : at + cut_bytes])
        server.close()  # which is how the listener can be told apart from one that still waits

    writer = threading.Thread(target=write)
    writer.start()
    frames, seen, lost = 0, {}, 0
    while not lost:  # to the end, however long the machine takes
        heard = listener.listen(0.05, keep=False)
        frames, lost = frames + heard["frames"], lost + heard["lost"]
        seen |= heard["seen"]
    writer.join()
    viewer.close()
    assert frames == len(FRAMES)
    assert list(seen) == [250.0 * number for number in range(1, 30)]

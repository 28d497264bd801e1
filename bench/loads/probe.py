"""A probe: events that each warm a tile of their own, and the time until a viewer's frame says so.

Settings: `port`, `path` (of the viewer). Told ``{"probes", "apart_s"}``, it tells the latencies in ms of those that came, and how long the
others were waited for at least (`waited_ms`): a second after the last was sent.
"""

from __future__ import annotations

import json
import select
import struct
import sys
import time
from typing import Any

from bench.loads.sockets import PING, PONG, connect_all, masked, unmasked
from bench.processes import settings, tell

_GRID = 50
_HEAD = struct.Struct("<BBBBIddIIIIfI")
_GRACE_S = 1.0


def _cells(frame: memoryview) -> list[int]:
    """The cells that a frame names, as docs/wire.md has it."""
    head = _HEAD.unpack_from(frame)
    kind, cells, entries = head[1], head[4], head[9]
    if kind == 1:
        bits = frame[_HEAD.size : _HEAD.size + 4 * -(-cells // 32)]
        return [cell for cell in range(cells) if bits[cell >> 3] >> (cell & 7) & 1]
    return list(struct.unpack_from(f"<{entries}H", frame, _HEAD.size))


def _event(cell: int) -> bytes:
    at = {"x": cell % _GRID * 10 + 5, "y": cell // _GRID * 10 + 5}
    window = {"width": _GRID * 10, "height": _GRID * 10}
    return json.dumps(
        {"session_id": "probe", "type": "mousemove", "relative_path": "/probe", "window": window, "mouse-coordinates": at}
    ).encode()


def _probe(sender: Any, viewer: Any, left: bytes, first: int, probes: int, apart_s: float) -> tuple[list[float], bytes]:
    sent_s: dict[int, float] = {}
    latencies: list[float] = []
    began_s = time.perf_counter()
    until_s = began_s + probes * apart_s + _GRACE_S
    number = 0
    while (now_s := time.perf_counter()) < until_s and (number < probes or sent_s):
        due_s = began_s + number * apart_s if number < probes else until_s
        if due_s <= now_s:
            cell = (first + number) % _GRID**2  # the one that it warms anew has long been cold
            sender.sendall(masked(_event(cell)))
            sent_s[cell] = now_s
            number += 1
            continue
        if not select.select([viewer], [], [], due_s - now_s)[0]:
            continue
        left += viewer.recv(1 << 18)
        at_s, end = time.perf_counter(), 0
        for opcode, start, end in unmasked(left):
            if opcode == PING:
                viewer.sendall(PONG)
            elif opcode == 2:
                for cell in _cells(memoryview(left)[start:end]):
                    if cell in sent_s:
                        latencies.append((at_s - sent_s.pop(cell)) * 1000)
        left = left[end:]
    return latencies, left


def main() -> None:
    given = settings()
    (sender, viewer), (_, left) = connect_all(given["port"], ["/clickstream/probe", given["path"]])
    tell(ready=True)
    first = 0
    for line in sys.stdin:
        order = json.loads(line)
        latencies, left = _probe(sender, viewer, left, first, order["probes"], order["apart_s"])
        first += order["probes"]
        tell(latencies_ms=latencies, waited_ms=_GRACE_S * 1000)


if __name__ == "__main__":
    main()

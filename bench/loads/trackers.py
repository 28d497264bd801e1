"""Trackers: sockets that send a batch each at even distances, and look how long its acknowledgement takes.

Settings: `port`, `trackers`, `pages`, `first`, `samples` (of a batch). Told ``{"rate", "seconds"}`` (batches a second, in all), it
sends and tells how many, how many were acknowledged, after how many ms each, how late it sent each itself, and how busy it was.
"""

from __future__ import annotations

import json
import random
import select
import time
from typing import Any

from bench.loads.events import batch
from bench.loads.sockets import PING, PONG, connect_all, masked, unmasked
from bench.processes import orders, settings, tell

_GRACE_S = 30.0  #: for the last acknowledgements


class _Trackers:
    def __init__(self, port: int, trackers: int, pages: int, first: int, samples: int) -> None:
        self.sockets, _ = connect_all(port, [f"/clickstream/t{first + at}" for at in range(trackers)], first)
        self._pages = pages
        self._first = first
        self._samples = samples
        self._seqs = [0] * trackers
        self._sent_s: dict[tuple[int, int], float] = {}
        self._left: dict[int, bytes] = {}
        self._of_file = {one.fileno(): at for at, one in enumerate(self.sockets)}
        self._chance = random.Random(first)
        self._poll = select.epoll()
        for one in self.sockets:
            self._poll.register(one.fileno(), select.EPOLLIN)
        self._turn = 0

    def run(self, rate: float, seconds: float) -> dict[str, Any]:
        acks_ms: list[float] = []
        lates_ms: list[float] = []
        total, sent = round(rate * seconds), 0
        began_s = time.perf_counter()
        last_s = began_s + seconds + _GRACE_S
        while sent < total or (self._sent_s and time.perf_counter() < last_s):
            due_s = began_s + sent / rate if sent < total else last_s
            wait_s = due_s - time.perf_counter()
            if wait_s <= 0:
                lates_ms.append(-wait_s * 1000)
                self._send()
                sent += 1
            self.hear(acks_ms, min(max(wait_s, 0.0), 0.05))
        wall_s = time.perf_counter() - began_s
        return {"sent": sent, "acked": len(acks_ms), "acks_ms": acks_ms, "lates_ms": lates_ms, "wall_s": wall_s}

    def _send(self) -> None:
        at = self._turn % len(self.sockets)
        self._turn += 1
        seq = self._seqs[at]
        self._seqs[at] += 1
        number = self._first + at
        message = masked(batch(f"t{number}", f"/p/{number % self._pages}", seq, self._chance, samples=self._samples))
        self._sent_s[at, seq] = time.perf_counter()
        self.sockets[at].sendall(message)

    def hear(self, acks_ms: list[float], wait_s: float) -> None:
        for file, _ in self._poll.poll(wait_s, 256):
            at = self._of_file[file]
            data = self._left.pop(file, b"") + self.sockets[at].recv(65536)
            now_s, end = time.perf_counter(), 0
            for opcode, start, end in unmasked(data):
                if opcode == 1 and (seq := json.loads(data[start:end]).get("ack")) is not None:
                    acks_ms.append((now_s - self._sent_s.pop((at, seq))) * 1000)
                elif opcode == PING:
                    self.sockets[at].sendall(PONG)
            if end < len(data):
                self._left[file] = data[end:]


def main() -> None:
    given = settings()
    trackers = _Trackers(given["port"], given["trackers"], given["pages"], given.get("first", 0), given.get("samples", 1))
    tell(ready=True)
    for order in orders(lambda wait_s: trackers.hear([], wait_s)):
        cpu_s = time.process_time()
        done = trackers.run(order["rate"], order["seconds"])
        tell(busy=(time.process_time() - cpu_s) / done["wall_s"], **done)


if __name__ == "__main__":
    main()

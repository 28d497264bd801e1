"""Batches as our tracker packs them, as fast as the server takes them: made beforehand, some of each socket's on their way at a time.

Settings: `port`, `sockets`, `pages`, `samples` (of a batch), `rounds` (batches of a socket). Told to go it sends all, waits for every
acknowledgement, and tells how many batches that were, what was refused, and how busy it was.
"""

from __future__ import annotations

import random
import selectors
import sys
import time

import numpy as np

from bench.loads.events import batch
from bench.loads.sockets import connect_all, masked, unmasked
from bench.processes import settings, tell
from isotherm.core.columns import pack

_AT_A_TIME = 4  #: batches of a socket that are not acknowledged yet
_STEP_MS = 250


def _frames(session: str, path: str, samples: int, rounds: int, chance: np.random.Generator) -> list[bytes]:
    age = pack(np.arange(samples - 1, -1, -1) * _STEP_MS)
    return [
        masked(
            batch(
                session, path, seq, random.Random(seq), samples=0,
                x=pack(chance.integers(0, 1280, samples)), y=pack(chance.integers(0, 2400, samples)), age=age,
            )
        )
        for seq in range(rounds)
    ]  # fmt: skip


def main() -> None:
    given = settings()
    number, chance = given["sockets"], np.random.default_rng(1)
    frames = [_frames(f"q{at:04}", f"/p/{at % given['pages']}", given["samples"], given["rounds"], chance) for at in range(number)]
    sockets, _ = connect_all(given["port"], [f"/clickstream/q{at}" for at in range(number)])
    selector = selectors.DefaultSelector()
    for at, one in enumerate(sockets):
        selector.register(one, selectors.EVENT_READ, at)
    tell(ready=True, bytes_a_frame=sum(len(frame) for of_one in frames for frame in of_one) / (number * given["rounds"]))
    sys.stdin.readline()
    sent, acked, left, refused = [0] * number, [0] * number, [b""] * number, 0
    cpu_s, began_s = time.process_time(), time.perf_counter()

    def go_on(at: int) -> None:
        upto = min(given["rounds"], acked[at] + _AT_A_TIME)
        if sent[at] < upto:
            sockets[at].sendall(b"".join(frames[at][sent[at] : upto]))
            sent[at] = upto

    for at in range(number):
        go_on(at)
    while sum(acked) < number * given["rounds"]:
        for key, _ in selector.select(10):
            which: int = key.data
            data, end = left[which] + sockets[which].recv(65536), 0
            for opcode, start, end in unmasked(data):
                if opcode == 1:
                    acked[which] += b'"ack"' in data[start:end]
                    refused += b'"error"' in data[start:end]
            left[which] = data[end:]
            go_on(which)
    wall_s = time.perf_counter() - began_s
    tell(sent=sum(acked), refused=refused, wall_s=wall_s, busy=(time.process_time() - cpu_s) / wall_s)


if __name__ == "__main__":
    main()

"""Classic events, one after the other at even distances, each over the next of many sockets: so that each wakes the server for itself.

Settings: `port`, `sockets`, `pages`. Told ``{"rate", "seconds"}`` it sends, and tells how many, how many of them late, and how busy it was.
"""

from __future__ import annotations

import ctypes
import json
import random
import sys
import time

from bench.loads.events import classic
from bench.loads.sockets import connect_all, masked
from bench.processes import settings, tell

_PR_SET_TIMERSLACK = 29
_DIFFERENT = 8  #: events of each socket, sent again and again


def main() -> None:
    given = settings()
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)  # sleep to the microsecond
    number = given["sockets"]
    sockets, _ = connect_all(given["port"], [f"/clickstream/s{at}" for at in range(number)])
    chance = random.Random(1)
    frames = [[masked(classic(f"session-{at:06}", f"/p/{at % given['pages']}", chance)) for _ in range(_DIFFERENT)] for at in range(number)]
    tell(ready=True)
    turn = 0
    for line in sys.stdin:
        order = json.loads(line)
        total, gap_s = round(order["rate"] * order["seconds"]), 1 / order["rate"]
        late, cpu_s, began_s = 0, time.process_time(), time.perf_counter()
        for at in range(total):
            pause_s = began_s + at * gap_s - time.perf_counter()
            if pause_s > 0:
                time.sleep(pause_s)
            elif pause_s < -gap_s:
                late += 1
            which = turn % number
            sockets[which].sendall(frames[which][turn // number % _DIFFERENT])
            turn += 1
        wall_s = time.perf_counter() - began_s
        tell(sent=total, late=late, wall_s=wall_s, busy=(time.process_time() - cpu_s) / wall_s)


if __name__ == "__main__":
    main()

"""Pages with a past: for each page the five minutes of one visitor who moves four times a second, in two batches whose ages reach back.

Settings: `port`, `pages`, `first` (the first page's number). It sends all, waits for every acknowledgement, and tells how many samples
that were.
"""

from __future__ import annotations

import json
import random

from bench.loads.events import batch
from bench.loads.sockets import connect_all, masked, unmasked
from bench.processes import settings, tell

_SAMPLES = 1_180  #: five minutes less the time that it takes to send them
_HALF = _SAMPLES // 2
_STEP_MS = 250
_SOCKETS = 20


def main() -> None:
    given = settings()
    sockets, _ = connect_all(given["port"], [f"/clickstream/h{at}" for at in range(_SOCKETS)])
    chance = random.Random(3)
    samples = 0
    for page in range(given["first"], given["first"] + given["pages"]):
        one = sockets[page % _SOCKETS]
        ages = [_STEP_MS * at for at in range(_SAMPLES - 1, -1, -1)]
        for seq, part in enumerate((ages[:_HALF], ages[_HALF:])):
            one.sendall(masked(batch(f"h{page}", f"/p/{page}", seq, chance, samples=_HALF, age=part)))
            samples += _HALF
        left, acked = b"", 0
        while acked < 2:  # one page after the other on a socket: what is not acknowledged is not piled up
            left += one.recv(65536)
            end = 0
            for opcode, start, end in unmasked(left):
                acked += opcode == 1 and "ack" in json.loads(left[start:end])
            left = left[end:]
    tell(samples=samples)


if __name__ == "__main__":
    main()

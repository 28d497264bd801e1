"""Limits, each in one place with its reason: those of the core, and `Limits`, what an operator can set.

`docs/limits.md` says of each what happens beyond it. An option's name, unit and help stand with its field, so that the command line is made
from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = [
    "ARRIVED_TOGETHER_MS",
    "CELLS_DENSE_MAX",
    "PRESENT_MS",
    "REPEAT_GAPS_MAX",
    "REPEAT_MEMORY_MS",
    "SAMPLE_AGE_MS_MAX",
    "TIME_MS_MAX",
    "Limits",
]

#: Cells (rows x tiles) kept as one slab of 32-bit integers. The slab takes memory only where it was touched; rows beyond it are
#: kept sparse: slower, and as right. 64 Mi cells are 256 MiB, or 26,000 page-layers of 50 x 50 tiles.
CELLS_DENSE_MAX: Final = 64 * 1024 * 1024

#: Records that are counted as one say that they arrived when the first did: so much too early at most. More than a usual hop, so that what
#: the hop's own tick brings belongs to it.
ARRIVED_TOGETHER_MS: Final = 400

#: How long (session, load, seq) are remembered: a tracker resends for as long, and refuses itself older samples.
REPEAT_MEMORY_MS: Final = 600_000
SAMPLE_AGE_MS_MAX: Final = REPEAT_MEMORY_MS

#: How far from the epoch a time that is read may lie, either way: an arrival of 53 bits less an age of as many. Panes likewise, as many as
#: that is: whoever multiplies or adds them stays within 64 bits.
TIME_MS_MAX: Final = 2**54

#: Numbers that one load may have seen out of order; a tracker leaves none or a few. Beyond it the oldest are taken as seen.
REPEAT_GAPS_MAX: Final = 4096

#: A session is on the page of its last sample for so long. People read without moving; longer than half a minute
#: is rare in what is published of dwell between movements, a minute is what peers show as "now".
PRESENT_MS: Final = 60_000


def _limit(default: Any, option: str, unit: str, help_: str) -> Any:
    return field(default=default, metadata={"option": option, "unit": unit, "help": help_})


@dataclass(slots=True, frozen=True)
class Limits:
    """What the server bears. `unit` is size, duration or number; defaults are generous to people and mean to floods."""

    frame_bytes_max: int = _limit(64 * 1024, "--max-frame", "size", "Bytes of a tracker's frame.")
    body_bytes_max: int = _limit(1024 * 1024, "--max-body", "size", "Bytes of a request's body, unpacked.")
    batch_samples_max: int = _limit(1000, "--max-batch", "number", "Samples of a batch; 1,000 at most.")
    path_bytes_max: int = _limit(2048, "--max-path", "number", "Bytes of a page's path; 2,048 at most.")

    # A person gives 4 a second while the pointer moves, and clicks. The burst is all that a tracker
    # keeps through an outage, and a batch: any valid batch can pass, and a resend never stalls.
    session_samples_per_s: int = _limit(10, "--session-rate", "number", "Samples a second of a session on a page, by event time.")
    session_burst_samples: int = _limit(3000, "--session-burst", "number", "Samples that a session may be ahead of its rate.")
    # An office of 500 who all move at once; after an outage each brings some thousand samples that were kept.
    address_samples_per_s: int = _limit(2000, "--address-rate", "number", "Samples a second of an address (IPv6: of a /64).")
    address_burst_samples: int = _limit(40_000, "--address-burst", "number", "Samples that an address may be ahead of its rate.")
    address_connections_max: int = _limit(2000, "--address-connections", "number", "Open connections of an address.")
    address_sessions_max: int = _limit(5000, "--address-sessions", "number", "Sessions of an address in ten minutes.")
    sessions_max: int = _limit(200_000, "--max-sessions", "number", "Sessions in ten minutes.")

    # Some 13 KiB a connection: 30,000 are 400 MB.
    trackers_max: int = _limit(20_000, "--max-trackers", "number", "Open sockets of trackers.")
    viewers_max: int = _limit(10_000, "--max-viewers", "number", "Open sockets of viewers.")
    site_pages_max: int = _limit(10_000, "--max-pages", "number", "Pages of a site in ten minutes, or in a window that is longer.")

    handshake_ms_max: int = _limit(20_000, "--handshake-timeout", "duration", "Time for a request's head, and between requests.")
    body_ms_max: int = _limit(20_000, "--body-timeout", "duration", "Time for a request's body.")
    idle_ms_max: int = _limit(3_600_000, "--idle-timeout", "duration", "Silence after which a tracker's socket is closed.")
    viewer_queue_bytes_max: int = _limit(64 * 1024, "--viewer-queue", "size", "Bytes that a viewer may leave unread before it skips.")

    @property
    def connections_max(self) -> int:
        """Open connections in all: sockets, and requests beside them."""
        return self.trackers_max + self.viewers_max + 1000

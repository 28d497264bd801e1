"""The gate: whether a message is taken, what its time and page are, and how fast trackers need to send.

Time is the server's: arrival minus age, since a tracker's clock is not to be trusted. What passes here is in the intake; nothing that
comes later looks at the message again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

from isotherm.core.counters import Counters
from isotherm.core.pages import Page, canonical_path
from isotherm.core.sites import Site, Sites
from isotherm.gateway.intake import Drained, Intake, Waiter
from isotherm.gateway.messages import Batch, Classic, Ignored, Refusal, decode, split

__all__ = ["EVERY_UNWATCHED_MS", "EVERY_WATCHED_MS", "Gate", "Paced"]

EVERY_WATCHED_MS: Final = 250
EVERY_UNWATCHED_MS: Final = 5000  #: a twentieth of the frames; the newest panes are short by as much, where nobody looks
_INTAKE_SAMPLES_MAX: Final = 1_000_000  #: waiting for the log: some 25 MB. Beyond it the log is far behind
_RETRY_MS: Final = 2000


class Paced(Protocol):
    """Somebody who wants to know when the pace of a page changes."""

    def repace(self) -> None: ...


class Gate:
    """One for the server. Endpoints ask it; a runtime drains it."""

    def __init__(
        self,
        *,
        sites: Sites,
        counters: Counters,
        skew_ms: int,
        hop_ms: int = 250,
        wake: Callable[[], None] = lambda: None,
        intake_samples_max: int = _INTAKE_SAMPLES_MAX,
    ) -> None:
        self.sites = sites
        self.counters = counters
        self._skew_ms = skew_ms
        self._intake = Intake(wake)
        self._intake_samples_max = intake_samples_max
        self._every_watched_ms = max(50, min(EVERY_WATCHED_MS, hop_ms))
        self._watched: set[str] = set()
        self._paced: dict[str, set[Paced]] = {}
        self.why_closed: str | None = None  #: set: nothing is taken, and this is why
        self.first_event_ms: int | None = None
        self.connections = 0

    # -- messages

    def take(self, data: bytes, site: Site, session: str | None, origin: str | None, now_ms: int, waiter: Waiter) -> tuple[str, str] | None:
        """Takes one message. A batch's waiter is told when it is durable; nobody waits for an event.

        Returns the session and page key that a batch is about. Raises `Refusal`, counted.
        """
        try:
            message = decode(data, session)
            self._check_open(message.seq if isinstance(message, Batch) else None)
        except Refusal as refusal:
            self.counters.refuse(refusal.reason, refusal.message, now_ms)
            raise
        self._add(message, site, origin, now_ms, waiter if isinstance(message, Batch) else None)
        return (message.session, site.key + canonical_path(message.path)) if isinstance(message, Batch) else None

    def take_body(self, body: bytes, site: Site, session: str | None, origin: str | None, now_ms: int, waiter: Waiter) -> int:
        """Takes a beacon's body, all of it or none. Returns for how many messages the waiter will be told. Raises `Refusal`, counted."""
        try:
            self._check_open(None)
            parts = split(body)
            messages = []
            for at, part in enumerate(parts):
                try:
                    messages.append(decode(part, session))
                except Refusal as refusal:
                    if len(parts) > 1 or part is not body:
                        refusal.message = f"{refusal.message} (in event {at} of the array)"
                    raise
        except Refusal as refusal:
            self.counters.refuse(refusal.reason, refusal.message, now_ms)
            raise
        for message in messages:
            self._add(message, site, origin, now_ms, waiter)
        return sum(not isinstance(message, Ignored) for message in messages)

    def _check_open(self, seq: int | None) -> None:
        if self.why_closed is not None:
            raise Refusal(f"can't take events now: {self.why_closed}", reason="full", seq=seq, retry_after_ms=_RETRY_MS)
        if len(self._intake) >= self._intake_samples_max:
            raise Refusal("can't take events now: the log is behind", reason="full", seq=seq, retry_after_ms=_RETRY_MS)

    def _add(self, message: Classic | Batch | Ignored, site: Site, origin: str | None, now_ms: int, waiter: Waiter | None) -> None:
        counters = self.counters
        if isinstance(message, Ignored):
            counters.add("ignored")
            return
        page = Page(site.key, canonical_path(message.path))
        counters.add("messages")
        if self.first_event_ms is None:
            self.first_event_ms = now_ms
        if isinstance(message, Batch):
            counters.add("samples", len(message.x))
            counters.add("ignored", message.ignored)
            self._intake.add_batch(message, page, origin, now_ms, waiter)
        else:
            counters.add("samples")
            self._intake.add_classic(message, page, origin, self._event_time_ms(message.timestamp_ms, now_ms), waiter)

    def _event_time_ms(self, timestamp_ms: float | None, now_ms: int) -> int:
        if timestamp_ms is None:
            return now_ms
        if timestamp_ms > now_ms + self._skew_ms:
            self.counters.add("timestamp_ahead")
            return now_ms
        return math.floor(max(timestamp_ms, 0.0))

    def drain(self, now_ms: int) -> Drained | None:
        return self._intake.drain(now_ms)

    # -- pace

    def every_ms(self, page_key: str) -> int:
        """How long trackers of the page may gather before they send."""
        return self._every_watched_ms if page_key in self._watched else EVERY_UNWATCHED_MS

    def set_watched(self, page_key: str, watched: bool) -> None:
        """Somebody watches the page now, or nobody any more: its trackers are told."""
        if watched == (page_key in self._watched):
            return
        if watched:
            self._watched.add(page_key)
        else:
            self._watched.discard(page_key)
        for paced in list(self._paced.get(page_key, ())):
            paced.repace()

    def follow(self, page_key: str, paced: Paced) -> None:
        self._paced.setdefault(page_key, set()).add(paced)

    def unfollow(self, page_key: str, paced: Paced) -> None:
        followers = self._paced.get(page_key)
        if followers is not None:
            followers.discard(paced)
            if not followers:
                del self._paced[page_key]

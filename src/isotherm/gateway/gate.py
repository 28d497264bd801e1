"""The gate: whether a message is taken, what its time and page are, and how fast trackers need to send.

Time is the server's: arrival minus age, since a tracker's clock is not to be trusted. What passes here is in the intake; nothing that
comes later looks at the message again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from isotherm.core.counters import Counters
from isotherm.core.familiar import FIRST, familiar, voice
from isotherm.core.limits import Limits
from isotherm.core.pages import PATH_BYTES_MAX, Page, page_and_key
from isotherm.core.sites import Site, Sites
from isotherm.gateway.intake import Drained, Intake, Waiter
from isotherm.gateway.judge import Judge, Visit
from isotherm.gateway.messages import PLACE_OF_TYPE, Batch, Classic, Ignored, Refusal, decode, decode_event, split
from isotherm.gateway.numbers import Speaker
from isotherm.gateway.senders import UNKNOWN, Sender

__all__ = ["EVERY_UNWATCHED_MS", "EVERY_WATCHED_MS", "Gate", "Paced"]

EVERY_WATCHED_MS: Final = 250
EVERY_UNWATCHED_MS: Final = 5000  #: a twentieth of the frames; the newest panes are short by as much, where nobody looks
_INTAKE_SAMPLES_MAX: Final = 1_000_000  #: waiting for the log: some 25 MB. Beyond it the log is far behind
_RETRY_MS: Final = 2000


class Paced(Protocol):
    """Somebody who is on a page: wants to know when its pace changes, and what is to be said of it."""

    def repace(self) -> None: ...
    def tell(self, text: str) -> None: ...


class _Taken(NamedTuple):
    """A message on its way in. `page` None: it is acknowledged, and counted under `apart` alone."""

    message: Classic | Batch
    page: Page | None
    time_ms: int  #: of a classic event
    apart: str


class Gate:
    """One for the server. Endpoints ask it; a runtime drains it.

    Until `judge_senders`, senders are trusted: no limit of a session or an address holds, and nobody is judged a bot.
    """

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
        self._wake = wake
        self._familiar = familiar(decode_event, PLACE_OF_TYPE, counters.by_name, sites, skew_ms, intake_samples_max)
        self._intake = Intake(wake, familiar=self._familiar)
        self._intake_samples_max = intake_samples_max
        self._every_watched_ms = max(50, min(EVERY_WATCHED_MS, hop_ms))
        self.judge: Judge | None = None
        self._count_bots = True
        self._watched: set[str] = set()
        self._reacting: set[str] = set()  #: pages that rules look at: they must be heard in time though nobody watches
        self.greeting: Callable[[str], str | None] = lambda _page: None  #: what a tracker that comes to a page is told
        self._paced: dict[str, set[Paced]] = {}
        self.why_closed: str | None = None  #: set: nothing is taken, and this is why
        self.warnings: list[str] = []  #: what the operator should know though events are taken
        self.first_event_ms: int | None = None
        self.connections = 0

    def judge_senders(self, limits: Limits, *, count_bots: bool, window_ms: int) -> None:
        """From now on senders are held to these limits, and bots are kept apart unless they are to be counted."""
        self.judge = Judge(limits, window_ms, self._familiar)
        if self._familiar is not None:
            self._familiar.forget()
            self._familiar.span(0, 0)  # until the judge's first turn
        self._count_bots = count_bots

    def known_page(self, page: Page) -> None:
        """The page was there before the server started: a flood of invented ones does not push it out."""
        if self.judge is not None:
            self.judge.known_page(page.site, page.key)

    # -- messages

    def take_familiar(self, speaker: Speaker, data: bytes, now_ms: int) -> bool:
        """Takes an event that says what its socket said before; False: nothing was done, `take` it."""
        if self.why_closed is not None or self._familiar is None:
            return False
        taken = self._familiar.take(speaker.voice, data, now_ms)
        if taken == FIRST:
            self._wake()
        return bool(taken)

    def take(
        self,
        data: bytes,
        site: Site,
        session: str | None,
        origin: str | None,
        now_ms: int,
        waiter: Waiter,
        sender: Sender = UNKNOWN,
        speaker: Speaker | None = None,
    ) -> tuple[str, str] | None:
        """Takes one message. A batch's waiter is told when it is durable; nobody waits for an event. `speaker`: whose socket it is.

        Returns the session and page key that a batch is about. Raises `Refusal`, counted.
        """
        try:
            if self.judge is not None:
                self.judge.hold(sender, now_ms)
            message = self._decode(data, session, sender, now_ms)
            if type(message) is Classic:
                self._take_event(message, site, session, origin, sender, now_ms, speaker)
                return None
            self._check_open(message.seq if isinstance(message, Batch) else None)
            if isinstance(message, Ignored):
                self.counters.add("ignored")
                return None
            assert isinstance(message, Batch)
            return self._take_batch(message, site, origin, sender, now_ms, waiter, speaker)
        except Refusal as refusal:
            self.counters.refuse(refusal.reason, refusal.message, now_ms)
            raise

    def _take_event(
        self,
        event: Classic,
        site: Site,
        fallback: str | None,
        origin: str | None,
        sender: Sender,
        now_ms: int,
        speaker: Speaker | None,
    ) -> None:
        """What comes most often, and alone: one event of a socket. As `_resolve`, `_weigh`, `_add` have it, with nothing built between."""
        self._check_open(None)
        path = site.page_path(event.path, event.query)
        time_ms = now_ms if event.timestamp_ms is None else self._event_time_ms(event.timestamp_ms, now_ms)
        judge = self.judge
        if path is None or (sender.crawler and not self._count_bots):
            if judge is not None:
                judge.charge(sender, 1, now_ms)
            self.counters.add("left_out" if path is None else "bots")
            return
        page, key = page_and_key(site.key, path)
        if judge is not None:
            judge.weigh_event(site.key, event.session, key, time_ms, sender, now_ms)
        self.counters.add("messages")
        self.counters.add("samples")
        if self.first_event_ms is None:
            self.first_event_ms = now_ms
        again = speaker is not None and speaker.said_path == event.path and speaker.said_session == event.session
        self._intake.add_classic(event, page, origin, time_ms, None, speaker)
        if speaker is None:
            return
        speaker.said_path, speaker.voice = event.path, None
        if again and self._familiar is not None:
            paid_ms, address_paid_ms = judge.paid_by(site.key, event.session, sender) if judge is not None else (None, None)
            speaker.voice = voice(
                self._familiar, event.path, event.query, fallback, event.session, site, page, key, origin, speaker.said_number,
                paid_ms, address_paid_ms,
            )  # fmt: skip

    def _take_batch(
        self, batch: Batch, site: Site, origin: str | None, sender: Sender, now_ms: int, waiter: Waiter, speaker: Speaker | None
    ) -> tuple[str, str] | None:
        """The same for one batch of a socket, what our tracker sends."""
        path = site.page_path(batch.path)
        judge, counters = self.judge, self.counters
        if path is None or (not self._count_bots and (sender.crawler or batch.bot)):
            if judge is not None:
                judge.charge(sender, 1, now_ms)
            counters.add("left_out" if path is None else "bots", len(batch.x))
            waiter.durable(batch.seq)
            return None
        if site.drawing:
            batch.anchors[:] = site.drawing.named(path, batch.anchors)
        page, key = page_and_key(site.key, path)
        if judge is not None:
            judge.weigh([Visit(site.key, batch.session, key, now_ms - batch.age_ms, True, batch.seq)], sender, now_ms)
        counters.add("messages")
        counters.add("samples", len(batch.x))
        if batch.ignored:
            counters.add("ignored", batch.ignored)
        if self.first_event_ms is None:
            self.first_event_ms = now_ms
        self._intake.add_batch(batch, page, origin, now_ms, waiter, speaker)
        return batch.session, key

    def take_body(
        self, body: bytes, site: Site, session: str | None, origin: str | None, now_ms: int, waiter: Waiter, sender: Sender = UNKNOWN
    ) -> int:
        """Takes a beacon's body, all of it or none. Returns for how many messages the waiter will be told. Raises `Refusal`, counted."""
        try:
            if self.judge is not None:
                self.judge.hold(sender, now_ms)
            self._check_open(None)
            parts = split(body)
            messages = []
            for at, part in enumerate(parts):
                try:
                    messages.append(self._decode(part, session, sender, now_ms))
                except Refusal as refusal:
                    if len(parts) > 1 or part is not body:
                        refusal.message = f"{refusal.message} (in event {at} of the array)"
                    raise
            wanted = [self._resolve(message, site, sender, now_ms) for message in messages if not isinstance(message, Ignored)]
            self._weigh(wanted, sender, now_ms)
        except Refusal as refusal:
            self.counters.refuse(refusal.reason, refusal.message, now_ms)
            raise
        self.counters.add("ignored", len(messages) - len(wanted))
        return sum(self._add(taken, origin, now_ms, waiter) for taken in wanted)

    def _check_open(self, seq: int | None) -> None:
        if self.why_closed is not None:
            raise Refusal(f"can't take events now: {self.why_closed}", reason="full", seq=seq, retry_after_ms=_RETRY_MS)
        if len(self._intake) >= self._intake_samples_max:
            raise Refusal("can't take events now: the log is behind", reason="full", seq=seq, retry_after_ms=_RETRY_MS)

    def _decode(self, data: bytes, session: str | None, sender: Sender, now_ms: int) -> Classic | Batch | Ignored:
        try:
            message = decode(data, session)
        except Refusal:
            if self.judge is not None:
                self.judge.charge(sender, 1, now_ms)
            raise
        if self.judge is not None:
            self._check_size(message, self.judge.limits)
        return message

    @staticmethod
    def _check_size(message: Classic | Batch | Ignored, limits: Limits) -> None:
        """The operator's limits, where they are below those of the wire."""
        if isinstance(message, Ignored):
            return
        if limits.path_bytes_max < PATH_BYTES_MAX and len(message.path.encode()) > limits.path_bytes_max:
            field, seq = ("path", message.seq) if isinstance(message, Batch) else ("relative_path", None)
            raise Refusal(f"Expected `str` of at most {limits.path_bytes_max} bytes as UTF-8 - at `$.{field}`", seq=seq)
        if isinstance(message, Batch) and len(message.x) > limits.batch_samples_max:
            raise Refusal(f"Expected columns of 1 to {limits.batch_samples_max} samples - at `$.x`", seq=message.seq)

    def _resolve(self, message: Classic | Batch, site: Site, sender: Sender, now_ms: int) -> _Taken:
        """The page and time of a message, or why it is kept apart."""
        query = message.query if isinstance(message, Classic) else None
        path = site.page_path(message.path, query)
        time_ms = self._event_time_ms(message.timestamp_ms, now_ms) if isinstance(message, Classic) else 0
        if path is None:
            return _Taken(message, None, time_ms, "left_out")
        if not self._count_bots and (sender.crawler or (isinstance(message, Batch) and message.bot)):
            return _Taken(message, None, time_ms, "bots")
        if site.drawing and isinstance(message, Batch):
            message.anchors[:] = site.drawing.named(path, message.anchors)
        return _Taken(message, Page(site.key, path), time_ms, "")

    def _weigh(self, wanted: Sequence[_Taken], sender: Sender, now_ms: int) -> None:
        if self.judge is None:
            return
        visits = []
        for message, page, time_ms, _ in wanted:
            if page is None:
                continue
            if isinstance(message, Batch):
                visits.append(Visit(page.site, message.session, page.key, now_ms - message.age_ms, True, message.seq))
            else:
                visits.append(Visit(page.site, message.session, page.key, [time_ms], sender.browser, None))
        if len(visits) < len(wanted):
            self.judge.charge(sender, len(wanted) - len(visits), now_ms)
        if visits:
            self.judge.weigh(visits, sender, now_ms)

    def _add(self, taken: _Taken, origin: str | None, now_ms: int, waiter: Waiter | None) -> bool:
        """Puts a message into the intake; False: it is only counted, and nobody needs to wait for it."""
        message, page, time_ms, apart = taken
        counters = self.counters
        samples = len(message.x) if isinstance(message, Batch) else 1
        if page is None:
            counters.add(apart, samples)
            return False
        counters.add("messages")
        counters.add("samples", samples)
        if self.first_event_ms is None:
            self.first_event_ms = now_ms
        if isinstance(message, Batch):
            counters.add("ignored", message.ignored)
            self._intake.add_batch(message, page, origin, now_ms, waiter)
        else:
            self._intake.add_classic(message, page, origin, time_ms, waiter)
        return True

    def _event_time_ms(self, timestamp_ms: float | None, now_ms: int) -> int:
        if timestamp_ms is None:
            return now_ms
        if timestamp_ms > now_ms + self._skew_ms:
            self.counters.add("timestamp_ahead")
            return now_ms
        return math.floor(max(timestamp_ms, 0.0))

    @property
    def waited_for(self) -> bool:
        """Somebody waits for an acknowledgement of what was taken."""
        return self._intake.waited_for

    @property
    def gathered(self) -> int:
        """Samples that wait to be drained."""
        return len(self._intake)

    def drain(self, now_ms: int) -> Drained | None:
        return self._intake.drain(now_ms)

    # -- pace

    def every_ms(self, page_key: str) -> int:
        """How long trackers of the page may gather before they send."""
        return self._every_watched_ms if page_key in self._watched or page_key in self._reacting else EVERY_UNWATCHED_MS

    def set_watched(self, page_key: str, watched: bool) -> None:
        """Somebody watches the page now, or nobody any more: its trackers are told."""
        if watched == (page_key in self._watched):
            return
        if watched:
            self._watched.add(page_key)
        else:
            self._watched.discard(page_key)
        self._repace(page_key)

    def set_reacting(self, pages: set[str]) -> None:
        """Rules look at these pages: their trackers send as if somebody watched."""
        changed, self._reacting = self._reacting ^ pages, set(pages)
        for page_key in changed:
            self._repace(page_key)

    def tell(self, page_key: str, text: str) -> None:
        """Says something to all trackers of a page."""
        for paced in list(self._paced.get(page_key, ())):
            paced.tell(text)

    def _repace(self, page_key: str) -> None:
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

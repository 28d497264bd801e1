"""The judge: whether a sender may have a message counted now. Rates are told before the acknowledgement, never after.

A rate is kept as one number, the time until which what was taken is *paid* (GCRA, the virtual scheduling of ITU-T I.371): each sample
moves it on by 1/rate, from the sample's own time at the earliest; a message passes if it stays within the burst ahead of the clock. So
samples that were gathered for seconds, or kept through an outage, pay with the time over which they were taken; and what is refused passes
a little later, since the clock moves on and the paid time does not.

        paid before        samples, each pays 100 ms           paid after     now        now + burst
    ──────┴──────────────────┴───┴────┴──────────────────────────┴─────────────┴───────────┴────
                                                                        here: taken       │ beyond: refused until it is not

Sessions and pages are remembered for ten minutes in two generations. An address is a key in memory and stands nowhere else.

Events of sockets that go on as before never come here (`core/familiar.py`): what they pay, they pay in the places where it stands here, and
when something of that may go, `familiar` is told to forget.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from isotherm.core.familiar import Familiar
from isotherm.core.limits import REPEAT_MEMORY_MS, Limits
from isotherm.core.memory import Generations
from isotherm.gateway.messages import Refusal
from isotherm.gateway.senders import Sender

__all__ = ["Judge", "Visit"]

_SESSION_PAGES_MAX = 64  #: pages of a session whose rates are kept; a visit has a few
_FULL_RETRY_MS = 30_000
_TURN_EVERY_MS = 1000  #: what is forgotten a second late does no harm
_MANY = 8  #: from so many samples on, numpy is quicker than a loop


class Visit(NamedTuple):
    """What one message brings."""

    site: str
    session: str
    page: str  #: page key
    time_ms: Any  #: event times, a numpy array or a list
    rated: bool  #: False: only addresses and numbers hold (an event of a client that is no browser)
    seq: int | None


class _Session:
    """One session's address, and until when its pages are paid."""

    __slots__ = ("address", "paid_ms")

    def __init__(self, address: str | None) -> None:
        self.address = address
        self.paid_ms: dict[str, float] = {}

    def paid(self, page: str, until_ms: float) -> None:
        """The newest pages are kept."""
        self.paid_ms.pop(page, None)
        self.paid_ms[page] = until_ms
        if len(self.paid_ms) > _SESSION_PAGES_MAX:
            del self.paid_ms[next(iter(self.paid_ms))]


class Judge:
    """`weigh` what one sender brings: all of it, or a `Refusal`."""

    def __init__(self, limits: Limits, pages_memory_ms: int = REPEAT_MEMORY_MS, familiar: Familiar | None = None) -> None:
        self.limits = limits
        self._familiar = familiar
        self._sessions: Generations[str, _Session] = Generations(REPEAT_MEMORY_MS)
        self._sessions_of: dict[str, int] = {}  # address -> sessions remembered
        self._pages: Generations[str, str] = Generations(max(pages_memory_ms, REPEAT_MEMORY_MS))  # page key -> site
        self._pages_of: dict[str, int] = {}
        self._turned_ms = 0
        self._paid_ms: Generations[str, list[float]] = Generations(REPEAT_MEMORY_MS)  # address -> until when it is paid, alone in a list
        self._session_each_ms = 1000 / limits.session_samples_per_s
        self._session_burst_ms = limits.session_burst_samples * self._session_each_ms
        self._address_each_ms = 1000 / limits.address_samples_per_s
        self._address_burst_ms = limits.address_burst_samples * 1000 / limits.address_samples_per_s
        self._address_most_ms = (limits.address_burst_samples + 1000) * self._address_each_ms
        if familiar is not None:
            familiar.rates(
                self._session_each_ms, self._session_burst_ms, self._address_each_ms, self._address_burst_ms, self._address_most_ms
            )

    def known_page(self, site: str, page: str) -> None:
        """A page that was there before: it is told when the log is read again."""
        if self._pages.get(page) is None:
            self._pages.put(page, site)
            self._pages_of[site] = self._pages_of.get(site, 0) + 1

    def hold(self, sender: Sender, now_ms: int) -> None:
        """To be asked before a message is looked at: refuses at once what an address sends beyond its rate."""
        self._turn(now_ms)
        if sender.address is not None:
            paid_ms = self._paid_ms.get(sender.address)
            if paid_ms is not None:
                self._check_address(paid_ms[0], now_ms, None)

    def charge(self, sender: Sender, samples: int, now_ms: int) -> None:
        """What was refused costs its address too, or refusing would be what wears the server out."""
        if sender.address is not None:
            self._pay_address(sender.address, self._address_paid(sender.address, samples, now_ms))

    def weigh_event(self, site: str, session: str, page: str, time_ms: int, sender: Sender, now_ms: int) -> None:
        """`weigh` for one event. Most are of a session and page that are known, and within all rates: nothing is built for those."""
        self._turn(now_ms)
        known, address, paid_ms, address_paid_ms = self._sessions.get(f"{site}/{session}"), sender.address, 0.0, 0.0
        fine = known is not None and self._pages.get(page) is not None
        if known is not None and sender.browser:
            each_ms, most_ms = self._session_each_ms, now_ms + self._session_burst_ms
            before_ms = min(known.paid_ms.get(page, 0.0), most_ms)
            paid_ms = (before_ms if before_ms > time_ms else time_ms) + each_ms
            fine = fine and paid_ms <= most_ms + each_ms
        if address is not None:
            address_paid_ms = self._address_paid(address, 1, now_ms)
            fine = fine and address_paid_ms <= now_ms + self._address_burst_ms
        if not fine or known is None:
            self.weigh([Visit(site, session, page, (time_ms,), sender.browser, None)], sender, now_ms)
            return
        if paid_ms:
            known.paid(page, paid_ms)
        if address is not None:
            self._pay_address(address, address_paid_ms)

    def paid_by(self, site: str, session: str, sender: Sender) -> tuple[dict[str, float] | None, list[float] | None]:
        """Until when a session's pages are paid, by key, and its address; None where no rate holds. Of one that was just weighed."""
        known = self._sessions.get(f"{site}/{session}") if sender.browser else None
        return known.paid_ms if known is not None else None, self._paid_ms.get(sender.address) if sender.address is not None else None

    def weigh(self, visits: Sequence[Visit], sender: Sender, now_ms: int) -> None:
        """Takes all visits, or raises `Refusal` and takes none."""
        self._turn(now_ms)
        samples = sum(len(visit.time_ms) for visit in visits)
        if sender.address is not None:
            address_paid_ms = self._address_paid(sender.address, samples, now_ms)
            self._check_address(address_paid_ms, now_ms, visits[0].seq if visits else None)
        paid_ms: dict[tuple[str, str], float] = {}
        new_sessions: dict[str, None] = {}
        new_pages: dict[str, str] = {}
        for visit in visits:
            who = f"{visit.site}/{visit.session}"
            session = self._sessions.get(who)
            if session is None and who not in new_sessions:
                new_sessions[who] = None
                self._check_sessions(len(new_sessions), sender, visit.seq)
            if visit.page not in new_pages and self._pages.get(visit.page) is None:
                new_pages[visit.page] = visit.site
                self._check_pages(visit.site, sum(site == visit.site for site in new_pages.values()), visit.seq)
            if visit.rated:
                before = paid_ms.get((who, visit.page), session.paid_ms.get(visit.page, 0.0) if session else 0.0)
                paid_ms[who, visit.page] = self._session_paid(before, visit, now_ms)
        for who in new_sessions:
            self._sessions.put(who, _Session(sender.address))
            if sender.address is not None:
                self._sessions_of[sender.address] = self._sessions_of.get(sender.address, 0) + 1
        for page, site in new_pages.items():
            self.known_page(site, page)
        for (who, page), paid in paid_ms.items():
            kept = self._sessions.get(who)
            assert kept is not None
            kept.paid(page, paid)
        if sender.address is not None:
            self._pay_address(sender.address, address_paid_ms)

    @property
    def sessions(self) -> int:
        """Sessions remembered."""
        return len(self._sessions)

    # -- rates

    def _session_paid(self, before_ms: float, visit: Visit, now_ms: int) -> float:
        limits = self.limits
        each_ms = 1000 / limits.session_samples_per_s
        before_ms = min(before_ms, now_ms + limits.session_burst_samples * each_ms)  # a clock set back owes nobody anything
        times = visit.time_ms
        if len(times) <= _MANY:
            paid_ms = before_ms
            for time_ms in sorted(times):
                paid_ms = max(paid_ms, time_ms) + each_ms
        else:
            ordered = np.sort(np.asarray(times, np.float64))
            ahead = np.arange(len(ordered), 0, -1) * each_ms
            paid_ms = max(before_ms + len(ordered) * each_ms, float((ordered + ahead).max()))
        over_ms = paid_ms - (now_ms + limits.session_burst_samples * each_ms) - each_ms
        if over_ms > 0:
            raise Refusal(
                f"too fast: a session may bring {limits.session_samples_per_s} samples a second on a page",
                reason="too_fast",
                seq=visit.seq,
                retry_after_ms=int(over_ms) + 1,
            )
        return paid_ms

    def _address_paid(self, address: str, samples: int, now_ms: int) -> float:
        known = self._paid_ms.get(address)
        before_ms = min(known[0], now_ms + self._address_most_ms) if known is not None else 0.0
        return max(before_ms, now_ms) + max(1, samples) * self._address_each_ms

    def _pay_address(self, address: str, until_ms: float) -> None:
        known = self._paid_ms.get(address)
        if known is not None:
            known[0] = until_ms
        else:
            self._paid_ms.put(address, [until_ms])

    def _check_address(self, paid_ms: float, now_ms: int, seq: int | None) -> None:
        limits = self.limits
        over_ms = paid_ms - now_ms - limits.address_burst_samples * 1000 / limits.address_samples_per_s
        if over_ms > 0:
            raise Refusal(
                f"too fast: an address may bring {limits.address_samples_per_s} samples a second",
                reason="too_fast",
                seq=seq,
                retry_after_ms=int(over_ms) + 1,
            )

    # -- numbers

    def _check_sessions(self, new: int, sender: Sender, seq: int | None) -> None:
        limits = self.limits
        if len(self._sessions) + new > limits.sessions_max:
            raise Refusal("can't take more sessions now", reason="sessions", seq=seq, retry_after_ms=_FULL_RETRY_MS)
        if sender.address is not None and self._sessions_of.get(sender.address, 0) + new > limits.address_sessions_max:
            raise Refusal("too many sessions of one address", reason="sessions", seq=seq, retry_after_ms=_FULL_RETRY_MS)

    def _check_pages(self, site: str, new: int, seq: int | None) -> None:
        if self._pages_of.get(site, 0) + new > self.limits.site_pages_max:
            raise Refusal(f"site {site} has its {self.limits.site_pages_max} pages: no more are kept", reason="pages", seq=seq)

    # -- forgetting

    def _turn(self, now_ms: int) -> None:
        if 0 <= now_ms - self._turned_ms < _TURN_EVERY_MS:
            return
        back = now_ms < self._turned_ms
        if back:
            self._forgive()
        self._turned_ms = now_ms
        turned = self._turned
        for session in self._sessions.turn(now_ms):
            if session.address is not None:
                self._sessions_of[session.address] -= 1
                if not self._sessions_of[session.address]:
                    del self._sessions_of[session.address]
        for site in self._pages.turn(now_ms):
            self._pages_of[site] -= 1
        self._paid_ms.turn(now_ms)
        if self._familiar is not None:
            self._familiar.span(now_ms, now_ms + _TURN_EVERY_MS)
            if back or self._turned != turned:
                self._familiar.forget()

    @property
    def _turned(self) -> int:
        """Grows when something that was not asked for since is forgotten, or will be at the next turn."""
        return self._sessions.turned + self._pages.turned + self._paid_ms.turned

    def _forgive(self) -> None:
        """The clock was set back: what was paid until then would shut everybody out until it comes there again."""
        for session in self._sessions.values():
            session.paid_ms.clear()
        self._paid_ms = Generations(REPEAT_MEMORY_MS)

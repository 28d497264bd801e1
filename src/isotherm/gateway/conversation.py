"""A conversation: what one socket says and is told. No I/O: it is handed frames, and hands answers to its `Peer`.

A socket may carry many sessions (a relay, a load generator). Its pace is the quickest that any of their pages asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from isotherm.core.sites import Site
from isotherm.gateway.gate import Gate
from isotherm.gateway.messages import Refusal, seq_of
from isotherm.gateway.numbers import Speaker
from isotherm.gateway.senders import UNKNOWN, Sender

__all__ = ["Conversation", "Peer"]

_SESSIONS_MAX: Final = 64  #: sessions of one socket that its pace looks at; a browser has one


class Peer(Protocol):
    """What answers are pushed to."""

    def push(self, data: str, /) -> object: ...
    def push_all(self, several: Sequence[str], /) -> object: ...


class Conversation(Speaker):
    """Feed it with `receive`; call `close` at the end."""

    __slots__ = ("_every_ms", "_gate", "_origin", "_page_of", "_push", "_push_all", "_sender", "_session", "_site", "full", "heard_ms")

    def __init__(
        self,
        gate: Gate,
        site: Site,
        session: str | None,
        origin: str | None,
        peer: Peer,
        sender: Sender = UNKNOWN,
    ) -> None:
        super().__init__()
        self._gate = gate
        self._site = site
        self._session = session
        self._origin = origin
        self._push = peer.push
        self._push_all = peer.push_all
        self._sender = sender
        self.heard_ms = 0  #: when the newest frame came
        self.full = False  #: nothing can be taken now: whoever holds the socket closes it, and the sender comes back
        self._page_of: dict[str, str] = {}  # session -> the page that it was last on
        self._every_ms = 0
        gate.connections += 1

    def receive(self, data: bytes, now_ms: int) -> None:
        """One frame. What is wrong with it is answered at once; what is right, when it is durable."""
        self.heard_ms = now_ms
        if self.voice is not None:
            if self._gate.take_familiar(self, data, now_ms):
                return
            self.voice = None  # so that what alternates is not decoded twice each time
        try:
            self._keep_up(now_ms)
            visit = self._gate.take(data, self._site, self._session, self._origin, now_ms, self, self._sender, self)
        except Refusal as refusal:
            if refusal.seq is None:  # refused unread: its sender wants to know all the same which of its batches it was
                refusal.seq = seq_of(data)
            self._push(refusal.answer())
            self.full = self._gate.why_closed is not None
            return
        if visit is not None and self._page_of.get(visit[0]) != visit[1]:
            self._visit(*visit)

    def _keep_up(self, now_ms: int) -> None:
        """A site may change while a socket is open: what holds is what the site is now. Raises `Refusal`."""
        site = self._gate.sites.by_key.get(self._site.key)
        if site is self._site:
            return
        if site is None or not site.admits(self._sender.origin):
            reason = "site" if site is None else "origin"
            self._gate.counters.refuse(reason, self._site.key if site is None else self._sender.origin or "", now_ms)
            raise Refusal(f"site {self._site.key} takes nothing from here any more", reason=reason)
        self._site = site

    def durable(self, *seqs: int) -> None:
        if len(seqs) == 1:
            self._push(f'{{"ack":{seqs[0]}}}')
        else:
            self._push_all([f'{{"ack":{seq}}}' for seq in seqs])

    def failed(self, seq: int) -> None:
        self._push(Refusal("could not be stored", seq=seq, retry_after_ms=2000).answer())

    def repace(self) -> None:
        """Tells the tracker how long it may gather, if that is news."""
        every_ms = min(self._gate.every_ms(page_key) for page_key in self._page_of.values())
        if every_ms != self._every_ms:
            self._every_ms = every_ms
            self._push(f'{{"every":{every_ms}}}')

    def tell(self, text: str) -> None:
        """Something is to be said to the page's visitor."""
        self._push(text)

    def close(self) -> None:
        for session in list(self._page_of):
            self._leave(session)
        self._gate.connections -= 1

    def _visit(self, session: str, page_key: str) -> None:
        if session in self._page_of:
            self._leave(session)
        elif len(self._page_of) >= _SESSIONS_MAX:
            self._leave(next(iter(self._page_of)))
        self._page_of[session] = page_key
        self._gate.follow(page_key, self)
        self.repace()
        greeting = self._gate.greeting(page_key)
        if greeting is not None:
            self._push(greeting)

    def _leave(self, session: str) -> None:
        page_key = self._page_of.pop(session)
        if page_key not in self._page_of.values():
            self._gate.unfollow(page_key, self)

"""Deliveries: what came of each message to each webhook, in `isotherm-deliveries`, so that whoever sends next knows what is to be told.

    key             value                                                            gone with
    WEBHOOK         how it stands: since when it hears, whether it is off, …         no value: it is to be as new, and so on again
    WEBHOOK/rx_…    of one message: done, or how often it failed and when it is due  no value, a day after it fired

What waits is what fired within the last day (`isotherm-reactions`) and is not done: it follows from the two topics, and nothing is kept on
a disk. Neither address nor secret stands here: of the address there is a hash, by which it is told from another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from isotherm.core.records import RecordError
from isotherm.core.rules import Reaction
from isotherm.core.webhooks import EXPIRY_MS, Webhook, about, message
from isotherm.reactions.outbox import Outbox
from isotherm.reactions.store import ReactionStore

__all__ = ["Known", "SharedOutbox", "Standing", "address_of"]

_KEPT_MS: Final = EXPIRY_MS + 3_600_000

Write = Callable[[str, bytes | None], None]


class Newest(msgspec.Struct, frozen=True):
    """The newest try."""

    at: int
    what: str


class Standing(msgspec.Struct, frozen=True):
    """A webhook, as far as it may be shown."""

    since: int  #: it hears of what fired from then on
    host: str
    rules: list[str]
    address: str  #: a hash
    waiting: int = 0
    disabled: int | None = None
    newest: Newest | None = None

    def wanted(self, rule: str) -> bool:
        return not self.rules or rule in self.rules


class Try(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message to one webhook."""

    at: int  #: when it fired
    due: int = 0
    failures: int = 0
    done: bool = False


def address_of(webhook: Webhook) -> str:
    return sha256(webhook.url.encode()).hexdigest()


class Known:
    """The state after the records that were taken. No I/O."""

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}
        self.tries: dict[str, Try] = {}  # by key

    def take(self, key: str, value: bytes | None) -> None:
        """Raises `RecordError`; then all stays as it was."""
        kind, kept = (Try, self.tries) if "/" in key else (Standing, self.standings)
        try:
            if value:
                kept[key] = msgspec.json.decode(value, type=kind)  # type: ignore[assignment]
            else:
                kept.pop(key, None)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RecordError(f"no word of a webhook: {error}") from None

    def turn(self, now_ms: int) -> list[str]:
        """Lets go what is no news any more; the keys of its records, which can be taken out of the topic."""
        old = [key for key, one in self.tries.items() if one.at < now_ms - _KEPT_MS]
        for key in old:
            del self.tries[key]
        return old


class SharedOutbox(Outbox):
    """An outbox in memory, whose changes are written for whoever has it next. `write` does not wait."""

    def __init__(self, store: ReactionStore, write: Write) -> None:
        super().__init__(store)
        self._write = write

    def fill(self, webhooks: Sequence[Webhook], known: Known, told: Iterable[Reaction], now_ms: int) -> dict[str, int]:
        """Everything that waits; and since when each webhook hears. What came before, or is of rules it did not want then, does not."""
        news = [reaction for reaction in told if reaction.at_ms >= now_ms - EXPIRY_MS]
        since: dict[str, int] = {}
        for webhook in webhooks:
            standing = known.standings.get(webhook.name)
            since[webhook.name] = standing.since if standing is not None else now_ms
            if standing is None:
                continue
            if standing.disabled is not None and standing.address == address_of(webhook):
                super().disable(webhook, standing.disabled)
                continue
            for reaction in news:
                if reaction.at_ms >= standing.since and webhook.wants(reaction.rule):
                    self._restore(webhook.name, reaction, known, standing)
        return since

    def _restore(self, webhook: str, reaction: Reaction, known: Known, standing: Standing) -> None:
        key = f"{webhook}/{reaction.id}"
        before = known.tries.get(key)
        self.put(webhook, reaction.id, about(reaction), message(reaction), reaction.at_ms)
        if before is None and not standing.wanted(reaction.rule):
            before = Try(reaction.at_ms, done=True)
            self._write(key, msgspec.json.encode(before))
        if before is None:
            return
        if before.done:
            self._rows("DELETE FROM deliveries WHERE webhook = ? AND id = ?", (webhook, reaction.id))
        else:
            values = (before.due, before.failures, webhook, reaction.id)
            self._rows("UPDATE deliveries SET due_ms = ?, failures = ? WHERE webhook = ? AND id = ?", values)

    def done(self, number: int) -> None:
        self._tell(number, lambda at_ms, _: Try(at_ms, done=True))
        super().done(number)

    def later(self, number: int, due_ms: int) -> None:
        self._tell(number, lambda at_ms, failures: Try(at_ms, due_ms, failures + 1))
        super().later(number, due_ms)

    def _tell(self, number: int, made: Callable[[int, int], Try]) -> None:
        """Nothing if a later word took its place meanwhile: that one's row is another."""
        rows: list[Any] = self._rows("SELECT webhook, id, at_ms, failures FROM deliveries WHERE number = ?", (number,))
        for webhook, id_, at_ms, failures in rows:
            self._write(f"{webhook}/{id_}", msgspec.json.encode(made(at_ms, failures)))

"""The outbox: what each webhook has still to be told, kept on the disk until it is told, or is no news any more.

Of one thing (a rule's zone, or its page) only the newest word waits: `zone.cooled` takes the place of a `zone.hot` that has not arrived,
whether or not that was tried. A webhook that answered 410 is off, for the address that did, until it is switched on again. All calls block.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from isotherm.core.webhooks import EXPIRY_MS, Webhook
from isotherm.reactions.store import ReactionStore

__all__ = ["WAITING_MAX", "Delivery", "Outbox"]

WAITING_MAX: Final = 1000  #: of a webhook: some 600 KB


class Delivery(NamedTuple):
    """One message to one webhook. The id stays through all tries."""

    number: int
    id: str
    body: bytes
    due_ms: int
    failures: int


class Outbox:
    """Raises `ReactionError`. What it returns are numbers for the counters."""

    def __init__(self, store: ReactionStore) -> None:
        self._rows = store.rows
        # numbers are never given twice, as SQLite would give that of a row that is gone: a message may be on its way while a later word
        # takes its place, and what came of it must not be taken for what came of that one
        self._next = int(self._rows("SELECT coalesce(max(number), 0) FROM deliveries")[0][0]) + 1

    def put(self, webhook: str, id_: str, about: str, body: bytes, at_ms: int) -> tuple[int, int]:
        """Adds a message, due at once; how many it took the place of, and how many of the oldest went because too many wait."""
        replaced = self._count("DELETE FROM deliveries WHERE webhook = ? AND about = ? RETURNING 1", webhook, about)
        self._rows(
            "INSERT OR IGNORE INTO deliveries (number, webhook, id, about, body, at_ms, due_ms, failures) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (self._next, webhook, id_, about, body, at_ms, at_ms),
        )
        self._next += 1
        dropped = self._count(
            "DELETE FROM deliveries WHERE webhook = ?1 AND number NOT IN "
            "(SELECT number FROM deliveries WHERE webhook = ?1 ORDER BY number DESC LIMIT ?2) RETURNING 1",
            webhook,
            WAITING_MAX,
        )
        return replaced, dropped

    def expire(self, webhook: str, now_ms: int) -> int:
        """Drops what is no news any more; how many."""
        return self._count("DELETE FROM deliveries WHERE webhook = ? AND at_ms < ? RETURNING 1", webhook, now_ms - EXPIRY_MS)

    def first(self, webhook: str) -> Delivery | None:
        """What is due first."""
        rows = self._rows(
            "SELECT number, id, body, due_ms, failures FROM deliveries WHERE webhook = ? ORDER BY due_ms, number LIMIT 1", (webhook,)
        )
        return Delivery(*rows[0]) if rows else None

    def done(self, number: int) -> None:
        """It was told. Nothing if a later word took its place meanwhile."""
        self._rows("DELETE FROM deliveries WHERE number = ?", (number,))

    def later(self, number: int, due_ms: int) -> None:
        """It could not be told. Nothing if a later word took its place meanwhile."""
        self._rows("UPDATE deliveries SET due_ms = ?, failures = failures + 1 WHERE number = ?", (due_ms, number))

    def waiting(self) -> dict[str, int]:
        """Webhook -> how many messages wait."""
        return dict(self._rows("SELECT webhook, count(*) FROM deliveries GROUP BY webhook"))

    # -- webhooks that are off

    def disable(self, webhook: Webhook, now_ms: int) -> int:
        """It wants to be told nothing any more; how many messages go with it."""
        self._rows("INSERT OR REPLACE INTO disabled VALUES (?, ?, ?)", (webhook.name, webhook.url, now_ms))
        return self._count("DELETE FROM deliveries WHERE webhook = ? RETURNING 1", webhook.name)

    def enable(self, webhook: str) -> bool:
        """False: it was not off."""
        return self._count("DELETE FROM disabled WHERE webhook = ? RETURNING 1", webhook) > 0

    def disabled(self, webhooks: Iterable[Webhook]) -> dict[str, int]:
        """Those of these that are off, and since when: one with another address than the one that answered so is not."""
        found = {(name, url): at_ms for name, url, at_ms in self._rows("SELECT webhook, url, at_ms FROM disabled")}
        return {each.name: found[each.name, each.url] for each in webhooks if (each.name, each.url) in found}

    def keep_only(self, webhooks: Iterable[str]) -> int:
        """Drops what waits for webhooks that are no more; how many."""
        gone = set(self.waiting()) - set(webhooks)
        return sum(self._count("DELETE FROM deliveries WHERE webhook = ? RETURNING 1", name) for name in gone)

    def _count(self, query: str, *values: object) -> int:
        return len(self._rows(query, values))

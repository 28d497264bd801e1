"""The store of reactions: rules that were made on the page, the log of what fired, and what webhooks have still to be told, in one small
SQLite file.

    rules       name, rule (JSON)
    fired       seq, id, at_ms, reaction (JSON)     seq counts on for ever: it is the `Last-Event-ID`
    deliveries  what waits for each webhook (`outbox`)
    disabled    webhooks that answered 410

What is written is small and rare. It blocks all the same: what fired is noted on a thread of its own; a rule is written at once, since its
maker waits for the answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from isotherm.core.rules import Reaction, Rule, RuleError, rule_from_json, rule_to_json

__all__ = ["KEPT_MAX", "ReactionError", "ReactionStore"]

KEPT_MAX: Final = 10_000  #: reactions in the log: some 3 MB
_FORMAT: Final = 1
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS rules (name TEXT PRIMARY KEY, rule TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fired (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at_ms INTEGER NOT NULL, reaction TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, webhook TEXT NOT NULL, id TEXT NOT NULL, about TEXT NOT NULL, "
    "body BLOB NOT NULL, at_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, failures INTEGER NOT NULL, UNIQUE (webhook, id))",
    "CREATE TABLE IF NOT EXISTS disabled (webhook TEXT PRIMARY KEY, url TEXT NOT NULL, at_ms INTEGER NOT NULL)",
)


class ReactionError(Exception):
    """The reactions can't be opened, read or written; the message says why and what to do."""


class ReactionStore:
    """Raises `ReactionError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            (found,) = self._sql.execute("PRAGMA user_version").fetchone()
            if found > _FORMAT:
                raise ReactionError(f"{path} was written by a newer release (format {found}, this one knows {_FORMAT}): update Isotherm")
            self._sql.execute("PRAGMA journal_mode = WAL")
            for table in _TABLES:  # a file of before the format had a number has some of them
                self._sql.execute(table)
            self._sql.execute(f"PRAGMA user_version = {_FORMAT}")
        except sqlite3.Error as error:
            raise ReactionError(f"can't use {path}: {error}; move it away to begin with no rules") from error

    def close(self) -> None:
        self._sql.close()

    def rules(self) -> list[Rule]:
        try:
            return [rule_from_json(msgspec.json.decode(text)) for (text,) in self.rows("SELECT rule FROM rules ORDER BY rowid")]
        except (RuleError, msgspec.MsgspecError) as error:
            raise ReactionError(f"{self.path} holds a rule that can't be: {error}; move it away to begin with no rules") from error

    def put_rule(self, rule: Rule) -> None:
        text = msgspec.json.encode(rule_to_json(rule)).decode()
        self.rows("INSERT INTO rules VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET rule = excluded.rule", (rule.name, text))

    def drop_rule(self, name: str) -> None:
        self.rows("DELETE FROM rules WHERE name = ?", (name,))

    @property
    def last_seq(self) -> int:
        return int(self.rows("SELECT coalesce(max(seq), 0) FROM fired")[0][0])

    def note(self, fired: Sequence[tuple[int, Reaction]]) -> None:
        """Puts what fired into the log, and lets the oldest beyond `KEPT_MAX` go."""
        for seq, reaction in fired:
            text = msgspec.json.encode(reaction._asdict()).decode()
            self.rows("INSERT OR IGNORE INTO fired VALUES (?, ?, ?, ?)", (seq, reaction.id, reaction.at_ms, text))
        self.rows("DELETE FROM fired WHERE seq <= (SELECT max(seq) FROM fired) - ?", (KEPT_MAX,))

    def since(self, seq: int, most: int = 1000) -> list[tuple[int, Reaction]]:
        """What fired after that number, oldest first; of more than `most` the newest."""
        rows = self.rows("SELECT seq, reaction FROM fired WHERE seq > ? ORDER BY seq DESC LIMIT ?", (seq, most))
        try:
            return [(number, Reaction(**msgspec.json.decode(text))) for number, text in reversed(rows)]
        except (TypeError, msgspec.MsgspecError) as error:
            raise ReactionError(f"{self.path} holds a reaction that can't be: {error}; move it away to begin with no rules") from error

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """One statement, whole or not at all."""
        try:
            return self._sql.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise ReactionError(f"{self.path}: {error}") from error

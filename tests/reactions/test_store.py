"""The store of rules and of what fired."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from isotherm.reactions.store import ReactionError, ReactionStore


@pytest.mark.parametrize("reaction", ["{", "{}", '{"of": "a later release"}', "[]"])
def test_a_reaction_that_can_not_be_is_named(tmp_path: Path, reaction: str) -> None:
    """With the file and what to do: a start that finds it ends in one line."""
    path = tmp_path / "reactions.sqlite"
    store = ReactionStore(path)
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO fired VALUES (1, 'rx_1', 1, ?)", (reaction,))
    db.close()
    with pytest.raises(ReactionError, match=r"reactions\.sqlite.*move it away"):
        store.since(0)
    store.close()


def test_a_file_of_a_newer_release_is_refused_and_one_of_before_is_brought_up(tmp_path: Path) -> None:
    """Its format has a number; the files of before had none, and keep what stands in them."""
    path = tmp_path / "reactions.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE rules (name TEXT PRIMARY KEY, rule TEXT NOT NULL)")
        db.execute("INSERT INTO rules VALUES ('r', '{\"name\": \"r\", \"page\": \"/\", \"metric\": \"people\", \"at_least\": 1}')")
    db.close()
    store = ReactionStore(path)
    assert [rule.name for rule in store.rules()] == ["r"]
    store.rows("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(ReactionError, match="newer release"):
        ReactionStore(path)

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

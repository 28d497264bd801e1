"""Words: what the trackers of a page hear of what is hot there. Nothing in them is of any person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from isotherm.core.rules import Reaction, Rule

__all__ = ["greeting", "words"]


def words(reaction: Reaction) -> str:
    """Of what fired just now."""
    return _message([(reaction.type, reaction.rule, reaction.zone)])


def greeting(hot: Iterable[tuple[Rule, str | None]]) -> str | None:
    """For a tracker that comes to the page; None: nothing is hot there."""
    told = [("hot", rule.name, zone) for rule, zone in hot]
    return _message(told) if told else None


def _message(told: list[tuple[str, str, str | None]]) -> str:
    react: list[dict[str, Any]] = [{"type": type_, "rule": rule, "zone": zone} for type_, rule, zone in told]
    return msgspec.json.encode({"react": react}).decode()

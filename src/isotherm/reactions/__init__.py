"""Reactions: what rules make of the heat, kept and told.

desk (rules held against each hop) -> store (rules, and the log of what fired) ; endpoints: rules, the log, server-sent events
"""

from isotherm.reactions.desk import Desk
from isotherm.reactions.store import ReactionError, ReactionStore

__all__ = ["Desk", "ReactionError", "ReactionStore"]

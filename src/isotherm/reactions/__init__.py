"""Reactions: what rules make of the heat, kept and told.

desk (rules held against each hop) -> store (rules, and the log of what fired) ; endpoints: rules, the log, server-sent events
     -> courier (webhooks) -> outbox (what they have still to be told) ; outward: where a webhook may go
"""

from isotherm.reactions.courier import Courier
from isotherm.reactions.desk import Desk
from isotherm.reactions.outbox import Outbox
from isotherm.reactions.store import ReactionError, ReactionStore

__all__ = ["Courier", "Desk", "Outbox", "ReactionError", "ReactionStore"]

"""What can go wrong with a history."""

from __future__ import annotations

__all__ = ["HistoryError", "NewerError", "OvertakenError"]


class HistoryError(Exception):
    """The history can't be opened, read or written; the message says why and what to do."""


class NewerError(HistoryError):
    """A newer release wrote the history: nobody of this one adds to it, or reads it, any more."""


class OvertakenError(HistoryError):
    """Another has stored records of this source meanwhile: what was to be added may be in there already."""

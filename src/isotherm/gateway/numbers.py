"""Numbers: a small one for each (session, load) that a socket speaks for, so that Group By need not look for names at each message.

A socket says the same two over and over, so its `Speaker` keeps their number, and to find it again is two comparisons. A number always
means the same within its *table*; when a table has given out all it has, another begins, between two drains, and every speaker is given a
new number in it. One that says ever new names (a relay) soon has none: its messages are found by name, as those of bodies and records are.
"""

from __future__ import annotations

from itertools import count
from typing import Final

from isotherm.core.familiar import Voice
from isotherm.core.samples import NO_NUMBER

__all__ = ["Numbers", "Speaker"]

_NUMBERS_MAX: Final = 1 << 18  #: of a table: Group By keeps 4 bytes for each. Some more than a server has sessions in ten minutes
_OF_A_SPEAKER_MAX: Final = 8  #: in one table; a browser's socket has one, of the document that opened it
_tables = count(1)  # none is another's, in this process


class Speaker:
    """Who speaks on a socket: the session and load (None: an event) that were said last, and their number."""

    __slots__ = ("said_load", "said_number", "said_of", "said_path", "said_session", "said_times", "voice")

    def __init__(self) -> None:
        self.said_session: str | None = None
        self.said_load: str | None = None
        self.said_number = NO_NUMBER
        self.said_of = 0  #: the table
        self.said_times = 0  #: numbers given in it
        self.said_path: str | None = None  #: of the last event
        self.voice: Voice | None = None  #: of the last event, where it said what the one before it had said


class Numbers:
    """What gives them out."""

    def __init__(self, most: int = _NUMBERS_MAX) -> None:
        self._most = most
        self.table = next(_tables)
        self.given = 0  #: of this table

    def of(self, speaker: Speaker, session: str, load: str | None) -> int:
        """The number of what the speaker says now; `NO_NUMBER`: it has none."""
        if speaker.said_load == load and speaker.said_session == session and speaker.said_of == self.table:
            return speaker.said_number
        return self._give(speaker, session, load)

    def _give(self, speaker: Speaker, session: str, load: str | None) -> int:
        if speaker.said_of != self.table:
            speaker.said_of, speaker.said_times = self.table, 0
        speaker.said_session, speaker.said_load, speaker.said_number = session, load, NO_NUMBER
        if speaker.said_times < _OF_A_SPEAKER_MAX and self.given < self._most:
            speaker.said_number = self.given
            speaker.said_times += 1
            self.given += 1
        return speaker.said_number

    def turn(self) -> bool:
        """To be called between two drains, never before what was numbered is drained: begins another table where this one is full."""
        full = self.given >= self._most
        if full:
            self.table, self.given = next(_tables), 0
        return full

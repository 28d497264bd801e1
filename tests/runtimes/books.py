"""The books of a whole engine: every message as a child would write it down, and what must be shown of it.

Nothing is kept in panes or tables. The log is a list of what was taken and when; heat and zones are lists of notes, looked through whole
at each question. A restart looks through the log's list again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from isotherm.core.limits import ARRIVED_TOGETHER_MS
from tests.oracle import Oracle, Sample

__all__ = ["Books", "Message", "Note", "Zone"]


@dataclass(frozen=True)
class Note:
    """One sample, who gave it, and the zone that it lay on (none: empty)."""

    sample: Sample
    session: str
    zone: str


@dataclass(frozen=True)
class Message:
    """What was taken at once. `name` tells a batch from others; an event has none, and can't be told from a repeat."""

    name: tuple[str, str, int] | None
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Zone:
    """What is to be told of a zone."""

    samples: int
    people: int
    clicks: int


@dataclass
class Books:
    """`take` messages, `commit` them, `hop`; `restart` at any time."""

    grid_size: int
    window_ms: int
    hop_ms: int
    skew_ms: int
    taken: list[Message] = field(default_factory=list)
    log: list[tuple[int, list[Message]]] = field(default_factory=list)  #: when, as the log says, and what
    ever: list[Note] = field(default_factory=list)  #: all that counts, for as long as anybody remembers
    waiting: list[Note] = field(default_factory=list)  #: for the next hop
    heat: list[Note] = field(default_factory=list)
    zones: list[Note] = field(default_factory=list)
    end_ms: int = 0
    counted: set[tuple[str, str, int]] = field(default_factory=set)  #: names of batches

    def commit(self, logged_ms: int) -> list[Message]:
        """What was taken is in the log from now on, as of that time; returns it."""
        messages, self.taken = self.taken, []
        if messages:
            self.log.append((logged_ms, messages))
            fresh = self._fresh(messages)
            self.ever += fresh
            self.waiting += fresh
            self.zones += [note for note in fresh if self._pane_ms(note) >= self.end_ms - self.window_ms]  # no pane is made for the rest
        return messages

    def hop(self, now_ms: int) -> None:
        """The window ends at the clock now, wherever it ended before. Within a hop nothing moves."""
        end_ms = now_ms // self.hop_ms * self.hop_ms
        if end_ms == self.end_ms:
            return
        self.end_ms = end_ms
        self.heat = [note for note in self.heat + self.waiting if self._is_kept(note)]
        self.waiting = []
        self.zones = [note for note in self.zones if self._is_kept(note)]

    def restart(self, now_ms: int) -> None:
        """All is forgotten but the log, and the log is read again."""
        self.taken, self.heat, self.end_ms, self.counted = [], [], 0, set()
        # from then on what the log has is looked at: a clock that leapt back may have taken in what lies further ahead than the skew
        since_ms = now_ms - self.window_ms - self.hop_ms - self.skew_ms - ARRIVED_TOGETHER_MS
        read = [(when_ms, note) for when_ms, messages in self.log for note in self._fresh(messages)]
        self.waiting = [note for when_ms, note in read if when_ms >= since_ms]
        self.zones = list(self.waiting)
        self.hop(now_ms)

    def erase(self, goes: Callable[[Note], bool]) -> None:
        """Of the log. A batch of which nothing is left was never there."""
        for _, messages in self.log:
            left = [replace(one, notes=tuple(note for note in one.notes if not goes(note))) for one in messages]
            messages[:] = [one for one in left if one.notes]

    def trim(self, before_ms: int) -> None:
        while self.log and self.log[0][0] < before_ms:
            del self.log[0]

    # -- what must be shown

    def window(self, page: str, kind: str, device: str) -> dict[tuple[int, int], int]:
        return self._oracle(self.heat).window(self.end_ms, page, kind, device)

    def league(self, page: str) -> dict[str, Zone]:
        """A page's zones in the window."""
        within = [note for note in self.zones if note.zone and note.sample.page == page and self._is_in_window(note)]
        return {name: _zone([note for note in within if note.zone == name]) for name in {note.zone for note in within}}

    def total(self, page: str, kind: str) -> dict[tuple[int, int], int]:
        """All there ever was."""
        oracle = self._oracle(self.ever)
        oracle.window_ms = self.end_ms * 2
        return oracle.window(self.end_ms * 2, page, kind)

    def _oracle(self, notes: Iterable[Note]) -> Oracle:
        return Oracle(self.grid_size, self.window_ms, [note.sample for note in notes])

    def _fresh(self, messages: list[Message]) -> list[Note]:
        fresh: list[Note] = []
        for message in messages:
            if message.name is None or message.name not in self.counted:
                fresh += message.notes
            if message.name is not None:
                self.counted.add(message.name)
        return fresh

    def _pane_ms(self, note: Note) -> int:
        return int(note.sample.time_ms) // self.hop_ms * self.hop_ms

    def _is_in_window(self, note: Note) -> bool:
        return self.end_ms - self.window_ms <= note.sample.time_ms < self.end_ms

    def _is_kept(self, note: Note) -> bool:
        """Panes of the window are kept, and those ahead of it by no more than the skew."""
        ahead_ms = -(-self.skew_ms // self.hop_ms) * self.hop_ms + self.hop_ms
        return self.end_ms - self.window_ms <= self._pane_ms(note) < self.end_ms + ahead_ms


def _zone(notes: list[Note]) -> Zone:
    kinds = Counter(note.sample.kind for note in notes)
    return Zone(len(notes), len({note.session for note in notes}), kinds["click"])

"""The intake: what was taken and is not yet durable, gathered in columns until it is drained.

What one message brings is put there by one call (`core/gathering.py`); all of it leaves at once.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from isotherm.core.familiar import Familiar
from isotherm.core.gathering import Columns, gathering
from isotherm.core.layers import SAMPLE_KINDS, device_of
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, NO_NUMBER, Anchored, Numbered, Runs, Samples
from isotherm.gateway.messages import Batch, Classic
from isotherm.gateway.numbers import Numbers, Speaker

__all__ = ["Drained", "Intake", "Waiter"]

_NO_SEQ: Final = 0  #: of an event


class Waiter(Protocol):
    """Somebody who must be told when messages are durable, and if one can't be made so."""

    def durable(self, *seqs: int) -> None: ...

    def failed(self, seq: int) -> None: ...


@dataclass(slots=True, frozen=True)
class Drained:
    """A batch on its way to the log, and whom to tell."""

    samples: Samples
    waiters: dict[Waiter, list[int]]

    def acknowledge(self) -> None:
        """To be called once the batch is durable, never before."""
        for waiter, seqs in self.waiters.items():
            waiter.durable(*seqs)

    def fail(self) -> None:
        """To be called where the batch could not be made durable: those who wait are told to send again."""
        for waiter, seqs in self.waiters.items():
            for seq in seqs:
                waiter.failed(seq)


class Intake:
    """Columns that grow. `wake` is called when the first row comes after a drain, but for one that `familiar` puts there: it says so."""

    def __init__(
        self, wake: Callable[[], None] = lambda: None, numbers: Numbers | None = None, familiar: Familiar | None = None
    ) -> None:
        self._wake = wake
        self._familiar = familiar
        self._columns = gathering()
        self._numbers = numbers or Numbers()
        self._reset()

    def __len__(self) -> int:
        """Samples gathered."""
        return len(self._columns)

    @property
    def waited_for(self) -> bool:
        return bool(self._waiters)

    def _reset(self) -> None:
        self._pages: dict[Page, int] = {}
        self._origins: list[str | None] = []
        self._sessions: dict[str, int] = {}
        self._loads: dict[str, int] = {}
        self._number = array("q")  # of each run's (session, load)
        numbered_anew = self._numbers.turn()
        self._waiters: dict[Waiter, list[int]] = {}
        self._anchors: dict[str, int] = {}
        self._anchored: list[tuple[int, Anchored]] = []  # first sample, its batch's anchors as places in `_anchors`
        if self._familiar is not None:
            self._familiar.begin(self._columns, self._pages, self._origins, self._sessions, self._number)
            if numbered_anew:
                self._familiar.forget()

    def _place(self, page: Page, origin: str | None) -> int:
        """Of the page, which a message is about to be added of."""
        pages = self._pages
        if not pages:
            self._wake()
        at = pages.get(page)
        if at is None:
            at = pages[page] = len(pages)
            self._origins.append(origin)
        elif origin is not None:
            self._origins[at] = origin
        return at

    def add_classic(
        self, event: Classic, page: Page, origin: str | None, time_ms: int, waiter: Waiter | None, speaker: Speaker | None = None
    ) -> None:
        at, sessions = self._place(page, origin), self._sessions
        self._columns.event(
            at, sessions.setdefault(event.session, len(sessions)), device_of(event.width), NO_LOAD, _NO_SEQ, event.width, event.height,
            time_ms, event.x, event.y, event.kind,
        )  # fmt: skip
        self._number.append(NO_NUMBER if speaker is None else self._numbers.of(speaker, event.session, None))
        if waiter is not None:
            self._wait(waiter, _NO_SEQ)

    def add_batch(
        self, batch: Batch, page: Page, origin: str | None, arrived_ms: int, waiter: Waiter | None, speaker: Speaker | None = None
    ) -> None:
        at, sessions, loads = self._place(page, origin), self._sessions, self._loads
        if batch.anchored is not None:
            self._add_anchors(batch.anchors, batch.anchored)
        self._columns.batch(
            at, sessions.setdefault(batch.session, len(sessions)), device_of(batch.viewport_width),
            loads.setdefault(batch.load, len(loads)), batch.seq, batch.width, batch.height,
            arrived_ms, _block(batch, arrived_ms) if batch.block is None else batch.block, batch.kind,
        )  # fmt: skip
        self._number.append(NO_NUMBER if speaker is None else self._numbers.of(speaker, batch.session, batch.load))
        if waiter is not None:
            self._wait(waiter, batch.seq)

    def _wait(self, waiter: Waiter, seq: int) -> None:
        seqs = self._waiters.get(waiter)
        if seqs is None:
            self._waiters[waiter] = [seq]
        else:
            seqs.append(seq)

    def _add_anchors(self, names: list[str], anchored: Anchored) -> None:
        places = np.array([self._anchors.setdefault(name, len(self._anchors)) for name in names], np.intp)
        known = np.where(anchored.anchor >= 0, places[anchored.anchor], -1)
        self._anchored.append((len(self), Anchored(known, anchored.x, anchored.y)))

    def _all_anchored(self) -> Anchored | None:
        """The anchors of all samples gathered; None where none has any."""
        if not self._anchored:
            return None
        length = len(self)
        anchor, x, y = np.full(length, -1, np.intp), np.zeros(length, np.int32), np.zeros(length, np.int32)
        for start, part in self._anchored:
            rows = slice(start, start + len(part.anchor))
            anchor[rows], x[rows], y[rows] = part.anchor, part.x, part.y
        return Anchored(anchor, x, y)

    def drain(self, now_ms: int) -> Drained | None:
        """All that was gathered; None where that is nothing."""
        if not self._pages:
            return None
        anchored = self._all_anchored()
        of = Columns(*self._columns.take())
        samples = Samples(
            arrived_ms=now_ms,
            pages=list(self._pages),
            origins=self._origins,
            sessions=list(self._sessions),
            loads=list(self._loads),
            runs=Runs(
                page=_numbers(of.page),
                session=_numbers(of.session),
                device=_numbers(of.device),
                load=_numbers(of.load),
                seq=_numbers(of.seq),
                width=_floats(of.width),
                height=_floats(of.height),
                size=_numbers(of.size),
                numbered=Numbered(self._numbers.table, np.frombuffer(self._number, np.int64)) if self._numbers.given else None,
            ),
            time_ms=_numbers(of.time_ms),
            x=_floats(of.x),
            y=_floats(of.y),
            kind=np.frombuffer(of.kind, np.uint8),
            kinds=list(SAMPLE_KINDS),
            anchors=list(self._anchors),
            anchored=anchored,
        )
        drained = Drained(samples, self._waiters)
        self._reset()
        return drained


def _block(batch: Batch, arrived_ms: int) -> bytes:
    """The batch's columns as `Gathering.batch` takes them. Event times are whole."""
    time_ms = np.floor(arrived_ms - batch.age_ms).astype(np.int64)
    return b"".join((batch.x.tobytes(), batch.y.tobytes(), (arrived_ms - time_ms).tobytes()))


def _numbers(column: bytes | bytearray) -> npt.NDArray[np.int64]:
    return np.frombuffer(column, np.int64)


def _floats(column: bytes | bytearray) -> npt.NDArray[np.float64]:
    return np.frombuffer(column, np.float64)

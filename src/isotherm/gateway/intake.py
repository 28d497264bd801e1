"""The intake: what was taken and is not yet durable, gathered in columns until it is drained.

Rows are appended one message at a time and leave all at once; arrays that grow in place cost less here than anything
that is joined later. What one message brings beside its columns is one row of numbers, appended by one call; all are exact as float64.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from isotherm.core.layers import SAMPLE_KINDS, device_of
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, Anchored, Runs, Samples
from isotherm.gateway.messages import Batch, Classic

__all__ = ["Drained", "Intake", "Waiter"]

_RUN_COLUMNS: Final = 8  #: page, session, device, load, seq, size, width, height


class Waiter(Protocol):
    """Somebody who must be told when a message is durable, and if it can't be made so."""

    def durable(self, seq: int) -> None: ...

    def failed(self, seq: int) -> None: ...


@dataclass(slots=True, frozen=True)
class Drained:
    """A batch on its way to the log, and whom to tell."""

    samples: Samples
    waiters: list[tuple[Waiter, int]]

    def acknowledge(self) -> None:
        """To be called once the batch is durable, never before."""
        for waiter, seq in self.waiters:
            waiter.durable(seq)

    def fail(self) -> None:
        """To be called where the batch could not be made durable: those who wait are told to send again."""
        for waiter, seq in self.waiters:
            waiter.failed(seq)


class Intake:
    """Columns that grow. `wake` is called when the first row comes after a drain."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._reset()

    def __len__(self) -> int:
        """Samples gathered."""
        return len(self._time)

    @property
    def waited_for(self) -> bool:
        return bool(self._waiters)

    def _reset(self) -> None:
        self._pages: dict[Page, int] = {}
        self._origins: list[str | None] = []
        self._sessions: dict[str, int] = {}
        self._loads: dict[str, int] = {}
        self._runs = array("d")
        self._time, self._x, self._y, self._kind = array("q"), array("d"), array("d"), array("B")
        self._waiters: list[tuple[Waiter, int]] = []
        self._anchors: dict[str, int] = {}
        self._anchored: list[tuple[int, Anchored]] = []  # first sample, its batch's anchors as places in `_anchors`

    def _run(self, page: Page, origin: str | None, session: str, load: int, seq: int, device: int, w: float, h: float, size: int) -> None:
        if not self._runs:
            self._wake()
        at = self._pages.get(page)
        if at is None:
            at = self._pages[page] = len(self._pages)
            self._origins.append(origin)
        elif origin is not None:
            self._origins[at] = origin
        sessions = self._sessions
        self._runs.extend((at, sessions.setdefault(session, len(sessions)), device, load, seq, size, w, h))

    def add_classic(self, event: Classic, page: Page, origin: str | None, time_ms: int, waiter: Waiter | None) -> None:
        self._run(page, origin, event.session, NO_LOAD, 0, device_of(event.width), event.width, event.height, 1)
        self._time.append(time_ms)
        self._x.append(event.x)
        self._y.append(event.y)
        self._kind.append(event.kind)
        if waiter is not None:
            self._waiters.append((waiter, 0))

    def add_batch(self, batch: Batch, page: Page, origin: str | None, arrived_ms: int, waiter: Waiter | None) -> None:
        load = self._loads.setdefault(batch.load, len(self._loads))
        device = device_of(batch.viewport_width)
        self._run(page, origin, batch.session, load, batch.seq, device, batch.width, batch.height, len(batch.x))
        if batch.anchored is not None:
            places = np.array([self._anchors.setdefault(name, len(self._anchors)) for name in batch.anchors], np.intp)
            anchored = batch.anchored
            known = np.where(anchored.anchor >= 0, places[anchored.anchor], -1)
            self._anchored.append((len(self._time), Anchored(known, anchored.x, anchored.y)))
        time_ms = arrived_ms - batch.age_ms
        if time_ms.dtype.kind == "f":
            time_ms = np.floor(time_ms).astype(np.int64)
        self._time.frombytes(time_ms.tobytes())
        self._x.frombytes(batch.x.tobytes())
        self._y.frombytes(batch.y.tobytes())
        self._kind.frombytes(batch.kind.tobytes())
        if waiter is not None:
            self._waiters.append((waiter, batch.seq))

    def _all_anchored(self) -> Anchored | None:
        """The anchors of all samples gathered; None where none has any."""
        if not self._anchored:
            return None
        length = len(self._time)
        anchor, x, y = np.full(length, -1, np.intp), np.zeros(length, np.int32), np.zeros(length, np.int32)
        for start, part in self._anchored:
            rows = slice(start, start + len(part.anchor))
            anchor[rows], x[rows], y[rows] = part.anchor, part.x, part.y
        return Anchored(anchor, x, y)

    def drain(self, now_ms: int) -> Drained | None:
        """All that was gathered; None where that is nothing."""
        if not self._runs:
            return None
        rows = np.frombuffer(self._runs).reshape(-1, _RUN_COLUMNS).T
        page, session, device, load, seq, size = rows[:6].astype(np.int64, order="C")  # whole columns: compiled loops read them
        width, height = np.ascontiguousarray(rows[6:])
        samples = Samples(
            arrived_ms=now_ms,
            pages=list(self._pages),
            origins=self._origins,
            sessions=list(self._sessions),
            loads=list(self._loads),
            runs=Runs(
                page=page,
                session=session,
                device=device,
                load=load,
                seq=seq,
                width=width,
                height=height,
                size=size,
            ),
            time_ms=np.frombuffer(self._time, np.int64) if self._time else np.zeros(0, np.int64),
            x=np.frombuffer(self._x, np.float64) if self._x else np.zeros(0),
            y=np.frombuffer(self._y, np.float64) if self._y else np.zeros(0),
            kind=np.frombuffer(self._kind, np.uint8) if self._kind else np.zeros(0, np.uint8),
            kinds=list(SAMPLE_KINDS),
            anchors=list(self._anchors),
            anchored=self._all_anchored(),
        )
        drained = Drained(samples, self._waiters)
        self._reset()
        return drained

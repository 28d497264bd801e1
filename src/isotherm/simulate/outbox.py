"""One visitor's batches: what is gathered, sent, and not yet acknowledged. No I/O, no clock: `docs/wire.md` as a machine.

    take ──> open batch ──(due: `every` ms gathered, or at once)──> sealed ──frames──> in flight ──ack──> forgotten
                                                                       ^─────── retry, connection lost ────┘

A sealed batch never grows, so it can come again under its number: the server counts it once. What is too old to be taken,
or too much to be kept, is given up and counted, as our tracker does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

import msgspec
import numpy as np

from isotherm.core.columns import pack
from isotherm.simulate.pointer import BEAT_MS, CLICK, LEAVE, Entered, Sample
from isotherm.simulate.report import Report

__all__ = ["Outbox"]

_GATHER_MS: Final = 1000.0  #: until the server gives a pace
_BATCH_SAMPLES_MAX: Final = 1000  #: the server's limit
_AGE_MS_MAX: Final = 590_000.0  #: the server takes 600,000; the rest is for the way
_BATCHES_MAX: Final = 256  #: kept without an answer; at one a beat a minute's worth

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


@dataclass(slots=True)
class _Batch:
    page: Entered
    load: str
    seq: int
    samples: list[Sample] = field(default_factory=list)
    in_flight: bool = False


class Outbox:
    """Counts into the report what becomes of each sample."""

    def __init__(self, session: str, visit: str, report: Report) -> None:
        self.session = session
        self._report = report
        self._visit = visit  #: random for each visit, so that no load comes twice
        self._loads = 0
        self._seq = 0  #: goes on over all loads, so that an answer names one batch of the socket
        self._first = True  #: the next sample is a page's first
        self._batches: deque[_Batch] = deque()
        self._open: _Batch | None = None
        self._page: Entered | None = None
        self._every_ms = _GATHER_MS
        self._due_ms = inf
        self._hold_ms = -inf  #: nothing is sent before

    def __len__(self) -> int:
        """Batches that are not answered, the open one among them."""
        return len(self._batches)

    @property
    def due_ms(self) -> float:
        """When `frames` has something to give; infinite where it has nothing."""
        return max(self._due_ms, self._hold_ms)

    def enter(self, page: Entered) -> None:
        """A new document: what was gathered on the one before goes out at once, as a tracker's beacon would."""
        if self._open:
            self._due_ms = page.at_ms
        self._open = None
        self._page = page
        self._loads += 1
        self._first = True

    def take(self, sample: Sample) -> None:
        assert self._page is not None, "a visit enters a page first"
        if self._open is None or len(self._open.samples) >= _BATCH_SAMPLES_MAX:
            self._open = _Batch(self._page, f"{self._visit}.{self._loads}", self._seq)
            self._seq += 1
            self._batches.append(self._open)
        self._open.samples.append(sample)
        self._report.taken += 1
        # A click goes at once, and what is first on a page, so that the server learns where this visitor is. The pace counts
        # from one beat before the first sample: gathering one beat is a frame a beat.
        at_once = self._first or sample.kind in (CLICK, LEAVE)
        self._first = False
        self._due_ms = min(self._due_ms, sample.at_ms if at_once else self._open.samples[0].at_ms - BEAT_MS + self._every_ms)
        while len(self._batches) > _BATCHES_MAX:
            self._shed(self._batches.popleft())

    def flush(self, now_ms: float) -> None:
        """The visit is over: what waits is due."""
        if any(not batch.in_flight for batch in self._batches):
            self._due_ms = now_ms

    def frames(self, now_ms: float) -> list[bytes]:
        """What to send now. Each stays here until it is answered; after a lost connection it comes again."""
        self._open = None
        self._due_ms = inf
        frames = []
        for batch in list(self._batches):
            if batch.in_flight:
                continue
            fresh = [sample for sample in batch.samples if now_ms - sample.at_ms < _AGE_MS_MAX]
            if len(fresh) < len(batch.samples):  # too old in part or whole: a resend must not change, so all of it goes
                self._batches.remove(batch)
                self._shed(batch)
                continue
            batch.in_flight = True
            frames.append(self._encode(batch, now_ms))
        self._report.frames += len(frames)
        return frames

    def answered(self, text: str | bytes, now_ms: float) -> None:
        """One message of the server. What it does not know it ignores."""
        try:
            answer = _decoder.decode(text)
        except msgspec.DecodeError:
            return
        if not isinstance(answer, dict):
            return
        if isinstance(every_ms := answer.get("every"), (int, float)) and every_ms > 0:
            self._every_ms = float(every_ms)
        if isinstance(seq := answer.get("ack"), int):
            self._report.acked += self._forget(seq)
        elif "error" in answer:
            self._told_error(answer, now_ms)

    def lost(self) -> None:
        """The connection is gone; what was in flight goes again on the next one."""
        for batch in self._batches:
            batch.in_flight = False
        self._due_ms = -inf if self._batches else inf

    def hold(self, until_ms: float) -> None:
        """Nothing is due before: a pause between attempts to connect."""
        self._hold_ms = until_ms

    def abandon(self) -> None:
        """Nobody will send again: what is not answered is given up."""
        while self._batches:
            self._shed(self._batches.popleft())

    def _told_error(self, answer: dict[str, Any], now_ms: float) -> None:
        self._report.last_refusal = str(answer["error"])
        seq, retry_after_ms = answer.get("seq"), answer.get("retry_after_ms")
        if isinstance(retry_after_ms, (int, float)):
            self._report.retried += 1
            self._hold_ms = now_ms + retry_after_ms
            self._due_ms = now_ms
            for batch in self._batches:
                if seq is None or batch.seq == seq:
                    batch.in_flight = False
        elif isinstance(seq, int):
            self._report.refused += self._forget(seq)

    def _forget(self, seq: int) -> int:
        for batch in self._batches:
            if batch.seq == seq and batch.in_flight:
                self._batches.remove(batch)
                return len(batch.samples)
        return 0

    def _shed(self, batch: _Batch) -> None:
        self._report.shed += len(batch.samples)
        if batch is self._open:
            self._open = None

    def _encode(self, batch: _Batch, now_ms: float) -> bytes:
        page, samples = batch.page, batch.samples
        kinds = [sample.kind for sample in samples]
        return _encoder.encode(
            {
                "v": 1,
                "session": self.session,
                "load": batch.load,
                "seq": batch.seq,
                "path": page.path,
                "w": page.width_px,
                "h": page.height_px,
                "vw": page.viewport_px,
                **({"vh": page.viewport_high_px} if page.viewport_high_px else {}),
                "kind": pack(np.array(kinds)) if any(kinds) else "move",
                "x": pack(np.array([round(sample.x) for sample in samples])),
                "y": pack(np.array([round(sample.y) for sample in samples])),
                "age": pack(np.array([max(0, round(now_ms - sample.at_ms)) for sample in samples])),
                **_anchors(samples),
            }
        )


def _anchors(samples: Sequence[Sample]) -> dict[str, object]:
    """The columns of what samples lie on, if any lies on something."""
    zones = list(dict.fromkeys(sample.anchor.zone for sample in samples))
    if not any(zones):
        return {}
    return {
        "anchors": zones,
        "anchor": pack(np.array([zones.index(sample.anchor.zone) for sample in samples])),
        "ax": pack(np.array([int(sample.anchor.x) for sample in samples])),
        "ay": pack(np.array([int(sample.anchor.y) for sample in samples])),
    }

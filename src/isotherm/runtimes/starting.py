"""Starting: what a pipeline knows is brought back from its log.

    digests ──▶ restored, where they lie without a gap behind each other          both ──▶ history · merge (window, zones, views)
    records ──▶ read, where no digest tells what they came to

State is a function of the log: the last window, the repeats' ten minutes, and what the history lacks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.aggregate import RATE_SPAN_MS
from isotherm.core.counts import Counts
from isotherm.core.digest import Digest
from isotherm.core.group_by import GroupBy
from isotherm.core.limits import ARRIVED_TOGETHER_MS, REPEAT_MEMORY_MS
from isotherm.core.pages import Page
from isotherm.core.records import RecordError, decode_clickstream
from isotherm.core.sample_records import samples_from_record
from isotherm.gateway.gate import Gate
from isotherm.history import History
from isotherm.log import Log
from isotherm.runtimes.digesting import Digesting
from isotherm.runtimes.pipeline import PipelineSettings
from isotherm.runtimes.remembering import Remembering

__all__ = ["REPEATS_MS", "Starting"]

REPEATS_MS: Final = REPEAT_MEMORY_MS + ARRIVED_TOGETHER_MS  #: by the times of records
_RATED_MS: Final = 40_000  #: of a page's rate, what came before that is a thousandth: at a start it need not be told when it came

Merge = Callable[[Counts, int, npt.NDArray[np.float64] | None], object]

logger = logging.getLogger(__name__)


class _Span(NamedTuple):
    """What a start looks at."""

    begin_ms: int  #: of what is looked at
    since_ms: int  #: of what must be remembered
    heat_since_ms: int  #: of what may show
    lacking: int  #: the history has no record from this one on
    newest_ms: int  #: of the log


class Starting:
    """`replay` once, before anything is counted. What was counted goes to `history` (None: there is none) and to `merge`: counts, when they
    arrived, and of each page how many arrived lately, where that differs. Raises `LogError`, `HistoryError`."""

    def __init__(
        self,
        settings: PipelineSettings,
        log: Log,
        digesting: Digesting,
        group_by: GroupBy,
        history: History | None,
        gate: Gate,
        merge: Merge,
    ) -> None:
        self._settings, self._log, self._digesting, self._group_by = settings, log, digesting, group_by
        self._history, self._gate, self._merge = history, gate, merge

    def replay(self, now_ms: int) -> None:
        """Brings it all back, as of `now_ms`."""
        log = self._log
        since_ms = now_ms - max(self._settings.window_ms, REPEATS_MS) - self._settings.skew_ms
        # no sample of a record that was taken before is in the window, however far ahead of its arrival it lies
        heat_since_ms = now_ms - self._settings.window_ms - self._settings.hop_ms - self._settings.skew_ms - ARRIVED_TOGETHER_MS
        lacking = self._history.next_offset(log.newest_offset) if self._history is not None else 0
        behind = self._history is not None and lacking <= log.newest_offset
        begin_ms = 0 if behind else since_ms  # repeats of what it lacks may lie before the window
        span = _Span(begin_ms, since_ms, heat_since_ms, lacking, log.newest_ms)
        at = 0
        wanted = self._wanted(span)
        past = Remembering(log, self._digesting, self._group_by)
        for stored, digest in self._digesting.usable(begin_ms, wanted):
            self._read(span, past, at, stored.first)
            past.take(stored, digest)
            self._restore(digest, stored.taken_ms, span, wanted)
            at = stored.last + 1
        self._read(span, past, at)
        past.meet_skipped()
        past.begin(now_ms)

    def _wanted(self, span: _Span) -> Callable[[int, int], tuple[int, ...] | None]:
        """Which records' counts are taken from digests, by offset and time, and which of them together (`Digest.pieces`)."""
        slot_ms = self._history.slot_ms if self._history is not None else span.newest_ms + 1

        def wanted(offset: int, taken_ms: int) -> tuple[int, ...] | None:
            shows, lacks = taken_ms >= span.heat_since_ms, self._history is not None and offset >= span.lacking
            return (shows, lacks, taken_ms // slot_ms) if shows or lacks else None

        return wanted

    def _restore(self, digest: Digest, taken_ms: int, span: _Span, wanted: Callable[[int, int], object]) -> None:
        """What records were counted to."""
        for piece in digest.pieces(wanted):
            if self._history is not None:
                self._history.add(piece, piece.offset, piece.taken_ms)
            if piece.taken_ms >= span.heat_since_ms:
                counts, rated = piece.without_people(), piece.arrived_ms > span.newest_ms - _RATED_MS
                self._merge(counts, piece.arrived_ms, piece.faded(counts, RATE_SPAN_MS) if rated else None)
        if taken_ms >= span.since_ms:
            for key in digest.pages:
                self._gate.known_page(Page.from_key(key))
            self._gate.first_event_ms = self._gate.first_event_ms or digest.arrived_ms

    def _read(self, span: _Span, past: Remembering, first: int, end: int | None = None) -> None:
        """The records themselves, from `first` to (not including) `end`."""
        since_ms, heat_since_ms, lacking = span.since_ms, span.heat_since_ms, span.lacking
        for offset, taken_ms, value in self._log.replay(span.begin_ms, first, end):
            past.meet_skipped()
            try:
                samples = samples_from_record(decode_clickstream(value))
            except RecordError as error:
                logger.error("record %d of the log can't be read and is left out: %s", offset, error)
                self._log.damaged += 1
                continue
            past.begin(samples.arrived_ms)
            if taken_ms < heat_since_ms and (self._history is None or offset < lacking):  # nothing of it shows, but repeats are told by it
                self._group_by.remember(samples)
            else:
                counts = self._group_by.group(samples)
                if self._history is not None:
                    self._history.add(counts, offset, taken_ms)
                if taken_ms >= heat_since_ms:
                    self._merge(counts, samples.arrived_ms, None)
            if taken_ms < since_ms:
                continue
            for page in samples.pages:
                self._gate.known_page(page)
            self._gate.first_event_ms = self._gate.first_event_ms or samples.arrived_ms

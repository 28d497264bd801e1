"""Remembering: what a start takes up of batches, sessions, clicks and views, from the digests that it passes and the memory beside one.

    digest digest digest*  digest digest │ record record …        * a memory says what was remembered at its end
    skipped              │ recall        │ begin: clicks, views

Batches before the memory are not met. Should the digest that it ends with not come, those that were skipped are read again, and met after
all: only where they lie is kept, a start would hold ten minutes of columns. What a digest can't tell its records do.
"""

from __future__ import annotations

import logging
from typing import Final

from isotherm.core.digest import Digest
from isotherm.core.digest_bytes import DigestError
from isotherm.core.group_by import GroupBy
from isotherm.core.rage import REMEMBERED_MS
from isotherm.core.records import RecordError, decode_clickstream
from isotherm.core.sample_records import samples_from_record
from isotherm.log import Log, Stored
from isotherm.runtimes.digesting import Digesting

__all__ = ["Remembering"]

_RECENT_MS: Final = 3 * REMEMBERED_MS  #: of digests whose clicks may be asked for

logger = logging.getLogger(__name__)


class Remembering:
    """`take` each digest in the order of the log, and call `begin` before a record is read. Its methods raise `LogError`."""

    def __init__(self, log: Log, digesting: Digesting, group_by: GroupBy) -> None:
        self._log, self._digesting, self._group_by = log, digesting, group_by
        self._memory = digesting.memory()  # what was remembered after that record, which is still to come
        self._skipped: list[Stored] = []  # the digests before it, whose batches are in it
        self._recent: list[Digest] = []  # those since the last record that was read

    def take(self, stored: Stored, digest: Digest) -> None:
        """Whose batches were seen, and who was where."""
        recent = [one for one in self._recent if stored.taken_ms - one.arrived_ms <= _RECENT_MS]
        self._recent = [*recent, digest.without_counted()]
        if self._memory is None or stored.last > self._memory[0]:
            self.meet_skipped()
            self._recall(stored, digest)
        elif stored.last < self._memory[0]:
            self._skipped.append(stored)
        else:
            self._group_by.restore(self._memory[1])
            self._memory, self._skipped = None, []

    def meet_skipped(self) -> None:
        """Something comes that must know all before it, and the digest that was said to end with a memory is not there, or not yet."""
        skipped, self._memory, self._skipped = self._skipped, None, []
        for stored in skipped:
            self._recall(stored, None)

    def begin(self, now_ms: int) -> None:
        """A record is read next: bursts may have begun in the digests before it, and the last of them knows who has what in view."""
        recent, self._recent = self._recent, []
        try:
            if recent:
                self._group_by.recall_views(recent[-1].views(), recent[-1].last_arrived_ms)
            for digest in recent:
                self._group_by.recall_clicks(digest.clicks(now_ms - 2 * REMEMBERED_MS))
        except DigestError as error:
            logger.warning("clicks and views before the newest records are forgotten, a digest does not tell them: %s", error)

    def _recall(self, stored: Stored, digest: Digest | None) -> None:
        """`digest` None: it is read."""
        try:
            batches = (digest or self._digesting.read(stored)).batches()
        except (OSError, DigestError) as error:
            logger.warning("the batches of records %d to %d are read from these, the digest does not tell them: %s", *stored[:2], error)
            self._recall_records(stored)
        else:
            self._group_by.recall(batches)

    def _recall_records(self, stored: Stored) -> None:
        for _, _, value in self._log.replay(0, stored.first, stored.last + 1):
            try:
                samples = samples_from_record(decode_clickstream(value))
            except RecordError:
                continue  # it was not counted either
            self._group_by.recall(samples)

"""Together: records that are durable and wait to be counted, those of a hop as one.

Counting is some hundred small steps, whatever is in a record; where a record is a tick's few samples, the steps are all there is. So what
the ticks of a hop brought is joined, and counted in one go, right before the hop or whoever asks for it:

    tick   tick   tick  …  hop: take() ─▶ joined samples ─▶ Group By ─▶ …
    add    add    add

How records are joined changes nothing that is counted. All that depends on the time of arrival (which repeats are remembered, which clicks
are near, what stayed in view, rates, slots of the history) depends on `Samples.arrived_ms`; records are joined only where that is the same,
and so that it is, `arrival_ms` gives the records of a hop the time of the first. It stands in the log: a start that reads them one by one
comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from isotherm.core.joining import joined_samples
from isotherm.core.limits import ARRIVED_TOGETHER_MS
from isotherm.core.samples import Samples

__all__ = ["Durable", "Together"]

_WEIGHT_MAX: Final = 8192  #: that waits: some 2 ms of counting, 10 at worst. Where more comes, a tick's is enough to be counted for itself
_RECORDS_MAX: Final = 64  #: they may turn out not to go together: then each is counted for itself, all in one go


class Durable(NamedTuple):
    """Records of the log that follow each other, from offset `first` to `last`, as one."""

    samples: Samples
    first: int
    last: int
    checksum: int  #: of the last
    pages: int  #: that they name, each for itself


class Together:
    """Ask `arrival_ms` for each record, `add` it once it is durable; `take` what waits."""

    def __init__(self) -> None:
        self._waiting: list[Durable] = []
        self._weight = 0

    @property
    def enough(self) -> bool:
        """What waits should wait no longer: it is much, or there is some that what comes is not joined with."""
        waiting = self._waiting
        return (
            self._weight >= _WEIGHT_MAX
            or len(waiting) >= _RECORDS_MAX
            or (len(waiting) > 1 and waiting[0].samples.arrived_ms != waiting[-1].samples.arrived_ms)
        )

    def arrival_ms(self, now_ms: int) -> int:
        """When a record that is made now has arrived: together with those that wait."""
        if not self._waiting:
            return now_ms
        before_ms = self._waiting[-1].samples.arrived_ms
        return before_ms if 0 <= now_ms - before_ms <= ARRIVED_TOGETHER_MS else now_ms

    def add(self, samples: Samples, offset: int, checksum: int) -> None:
        """Takes a record, in the order of offsets."""
        self._waiting.append(Durable(samples, offset, offset, checksum, len(samples.pages)))
        self._weight += _weight(samples)

    def take(self) -> Iterator[Durable]:
        """All that waits, in as few parts as can be."""
        waiting, self._waiting, self._weight = self._waiting, [], 0
        for _, group in groupby(waiting, key=lambda one: one.samples.arrived_ms):
            yield from _joined(list(group))


def _weight(samples: Samples) -> int:
    """What there is to do for a record, in samples: a name or a run costs about as much as one."""
    names = len(samples.pages) + len(samples.sessions) + len(samples.loads) + len(samples.anchors)
    return len(samples) + len(samples.runs) + names


def _joined(records: list[Durable]) -> Iterator[Durable]:
    """Of records that arrived together."""
    start, origins = 0, dict[object, str | None]()
    for at, record in enumerate(records):
        if not _agree(record.samples, origins):  # which origin holds depends on what of each record counts
            yield _one(records[start:at])
            start, origins = at, {}
        origins.update(zip(record.samples.pages, record.samples.origins, strict=True))
    yield _one(records[start:])


def _agree(samples: Samples, origins: dict[object, str | None]) -> bool:
    return all(origins.get(page, origin) == origin for page, origin in zip(samples.pages, samples.origins, strict=True))


def _one(records: list[Durable]) -> Durable:
    last = records[-1]
    samples = joined_samples([record.samples for record in records])
    return last._replace(samples=samples, first=records[0].first, pages=sum(record.pages for record in records))

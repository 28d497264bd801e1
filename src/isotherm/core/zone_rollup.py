"""Zones rolled up: minutes, hours and days of a page's zones, beside those of its tiles (`rollup`).

A bucket holds names, in order; cells, ``zone x KIND_STRIDE + kind`` with the zone's place among the names; and who was on which zone.
Buckets are added by their names: counts add up, people are joined as sets, so an hour is the sum of its minutes and a person in it is one.

    names    add-to-bag          offers
    cells    move 0, click 1     move 16, click 17        (KIND_STRIDE is 16)

A bucket keeps the `ZONES_MAX` zones with most samples; what lies on others is left out of it. So is it live, of a page that has more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.counts import Counts
from isotherm.core.layers import KINDS, PLAIN_KINDS
from isotherm.core.people import MARKS_MAX, Marks
from isotherm.core.rollup import groups
from isotherm.core.tiers import TIERS_MS, Floors
from isotherm.core.zones import ZONES_MAX, ZoneNow

__all__ = ["KIND_STRIDE", "ZoneBucket", "ZoneContents", "ZonePast", "fold_zones"]

KIND_STRIDE: Final = 16  #: more kinds than there will be: what is stored keeps its meaning when one is added
_CELL_BITS: Final = np.uint64(32)
_CELL_MASK: Final = np.uint64(0xFFFF_FFFF)
_NONE: Final = np.zeros(0, np.int64)
_CLICK: Final = KINDS.index("click")
_RAGE: Final = KINDS.index("rage")
_DEAD: Final = KINDS.index("dead")


class ZonePast(NamedTuple):
    """One zone in a span of the past."""

    name: str
    by_kind: tuple[int, ...]  #: samples, by place in `layers.KINDS`
    people: int  #: distinct sessions

    @property
    def samples(self) -> int:
        return sum(self.by_kind[:PLAIN_KINDS])

    @property
    def clicks(self) -> int:
        return self.by_kind[_CLICK]

    @property
    def rage(self) -> int:
        return self.by_kind[_RAGE]

    @property
    def dead(self) -> int:
        return self.by_kind[_DEAD]


@dataclass(slots=True, frozen=True)
class ZoneContents:
    """What a bucket, or several together, holds of zones. `names` ascending; `cells` that are not zero, ascending; marks by zone."""

    names: tuple[str, ...] = ()
    cells: npt.NDArray[np.int64] = field(default_factory=lambda: _NONE)
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: _NONE)
    marks: Marks = field(default_factory=Marks)

    @staticmethod
    def added(parts: Sequence[ZoneContents], marks_max: int = MARKS_MAX, zones_max: int = ZONES_MAX) -> ZoneContents:
        """All of them together."""
        if len(parts) < 2:
            return parts[0] if parts else ZoneContents()
        names = tuple(sorted(set().union(*(part.names for part in parts))))
        place = {name: at for at, name in enumerate(names)}
        moved = [part.moved(np.array([place[name] for name in part.names], np.int64)) for part in parts]
        cells, inverse = np.unique(np.concatenate([part.cells for part in moved]), return_inverse=True)
        counts = np.bincount(inverse, weights=np.concatenate([part.counts for part in moved]), minlength=len(cells)).astype(np.int64)
        marks = Marks.joined((part.marks for part in moved), marks_max)
        return ZoneContents(names, cells, counts, marks).largest(zones_max)

    def moved(self, place: npt.NDArray[np.int64]) -> ZoneContents:
        """With each zone's place as in `place`, which ascends; the names are those of the whole then, not told here."""
        zone, kind = np.divmod(self.cells, KIND_STRIDE)
        cells = place[zone] * KIND_STRIDE + kind if len(zone) else self.cells
        on = (self.marks.marks & _CELL_MASK).astype(np.int64)
        marks = (self.marks.marks & ~_CELL_MASK) | place[on].astype(np.uint64) if len(on) else self.marks.marks
        return ZoneContents((), cells, self.counts, Marks(marks, self.marks.level))

    def largest(self, zones_max: int) -> ZoneContents:
        """The `zones_max` zones with most samples, of those with as many the first by name; itself where there are no more."""
        if len(self.names) <= zones_max:
            return self
        zone, kind = np.divmod(self.cells, KIND_STRIDE)
        samples = np.bincount(zone, weights=np.where(kind < PLAIN_KINDS, self.counts, 0), minlength=len(self.names))
        kept = np.sort(np.argsort(-samples, kind="stable")[:zones_max])
        place = np.full(len(self.names), -1, np.int64)
        place[kept] = np.arange(len(kept))
        cells = np.isin(zone, kept)
        on = np.isin((self.marks.marks & _CELL_MASK).astype(np.int64), kept)
        inside = ZoneContents((), self.cells[cells], self.counts[cells], Marks(self.marks.marks[on], self.marks.level)).moved(place)
        return ZoneContents(tuple(self.names[at] for at in kept.tolist()), inside.cells, inside.counts, inside.marks)

    def league(self) -> list[ZonePast]:
        """Its zones, those with most samples first."""
        table = np.zeros((len(self.names), KIND_STRIDE), np.int64)
        table[np.divmod(self.cells, KIND_STRIDE)] = self.counts
        people = self.marks.by_tile(np.zeros(1, np.int64), max(1, len(self.names)))
        columns = zip(self.names, table[:, : len(KINDS)].tolist(), people.tolist(), strict=False)
        zones = [ZonePast(name, tuple(by_kind), count) for name, by_kind, count in columns]
        return sorted((zone for zone in zones if zone.samples), key=lambda zone: (-zone.samples, zone.name))

    def now(self) -> list[ZoneNow]:
        """The same as if it were the live window; what it was a moment before is not known, so all is steady."""
        zones = self.league()
        total = sum(zone.samples for zone in zones)
        return [
            ZoneNow(
                name=zone.name, samples=zone.samples, share=zone.samples / total, people=zone.people, clicks=zone.clicks,
                rage=zone.rage, dead=zone.dead, trend=1.0,
            )
            for zone in zones
        ]  # fmt: skip

    @property
    def people(self) -> int:
        """Distinct sessions on any of its zones."""
        return len(np.unique(self.marks.marks >> _CELL_BITS)) << self.marks.level


class ZoneBucket(NamedTuple):
    """What is to be added to the zones of a page's bucket."""

    page: str
    tier: int
    number: int  #: event time // the tier's span
    contents: ZoneContents


def fold_zones(
    counts: Sequence[Counts], *, hop_ms: int, floors: Floors, only_page: str | None = None, marks_max: int = MARKS_MAX
) -> list[ZoneBucket]:
    """The zones' buckets of all tiers that get something, above the floors."""
    pages: dict[str, int] = {}
    names: dict[str, int] = {}
    parts: list[npt.NDArray[np.int64]] = []
    for one in counts:
        zones = one.zones
        if zones is None or (only_page is not None and only_page not in one.pages):
            continue
        if only_page is not None:
            zones = zones.of_rows(rows := np.flatnonzero(zones.page == one.pages.index(only_page)), zones.page[rows])
        place = np.array([pages.setdefault(key, len(pages)) for key in one.pages], np.int64)
        name = np.array([names.setdefault(each, len(names)) for each in zones.names], np.int64)
        kept = zones.kind.astype(np.int64)
        parts.append(np.stack((place[zones.page], name[zones.zone], zones.pane, kept, zones.person.astype(np.int64), zones.count)))
    if not parts:
        return []
    page, zone, pane, kind, person, count = np.concatenate(parts, axis=1)
    keys, every, time_ms = list(pages), list(names), pane * hop_ms
    buckets = []
    for tier, (span_ms, floor_ms) in enumerate(zip(TIERS_MS, floors.by_tier, strict=True)):
        above = np.flatnonzero(time_ms >= floor_ms)
        for (page_at, number), rows in groups(page[above], time_ms[above] // span_ms):
            chosen = above[rows]
            contents = _contents(every, zone[chosen], kind[chosen], person[chosen], count[chosen], marks_max)
            buckets.append(ZoneBucket(keys[page_at], tier, number, contents))
    return buckets


def _contents(
    names: list[str],
    zone: npt.NDArray[np.int64],
    kind: npt.NDArray[np.int64],
    person: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    marks_max: int,
) -> ZoneContents:
    there, at = np.unique(zone, return_inverse=True)
    in_order = sorted(range(len(there)), key=lambda one: names[there[one]])
    rank = np.empty(len(there), np.int64)
    rank[in_order] = np.arange(len(there))
    place = rank[at]
    cells, inverse = np.unique(place * KIND_STRIDE + kind, return_inverse=True)
    counts = np.bincount(inverse, weights=count, minlength=len(cells)).astype(np.int64)
    in_names = tuple(names[there[one]] for one in in_order)
    return ZoneContents(in_names, cells, counts, Marks.of(person, place, marks_max)).largest(ZONES_MAX)

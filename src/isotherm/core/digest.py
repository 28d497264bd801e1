"""Digest: some seconds of the log as they were counted, in columns, so that a start need not decode and count their records again.

What a record left behind is all here: its rows of counts, those of zones, who is behind them, and its batches as far as they must be
remembered. Each record's part can still be told from the next one's, so a reader may begin anywhere, and take many records as one or each
by itself:

    record      offset, taken, arrived │ how many pages, batches, rows, samples, clicks, rows of zones, stretches
    page of it  place, newest, origin, visitors
    batch       page, session, load, seq, samples, last, document; of a burst's samples seq is -1
    click       batch (of the record), time, position, device class, zone, place in it: what bursts are found by
    view        what a session has in view, once, as of the last record (`Views.snapshot`), so that whoever goes on from here knows it
    ─────────── what is remembered for ten minutes is above, what is counted for a window below
    row         page (of the record), layer, pane, tile, count
    sample      the row (of the record) that counts it; only where people are wanted, and then with each session's hash
    zone row    page (of the record), zone, pane, kind, person, count
    stretch     page (of the record), person, device class, bands, start, end: what was in view (`views`)

How that stands in a file: `digest_bytes`; what must hold in it: `digest_check`; how counts are taken out again: `digest_pieces`. Each of
the two parts is all there and sound, or it is none: `Digest.from_bytes` and its halves raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from isotherm.core.counts import Counts
from isotherm.core.digest_bytes import (
    COUNTED,
    FORMAT,
    NOBODY,
    REMEMBERED,
    STRETCH,
    Column,
    Head,
    Named,
    Packed,
    Setting,
    Tables,
    counted_in,
    remembered_bytes,
    remembered_in,
    written,
)
from isotherm.core.digest_check import check_counted, check_remembered
from isotherm.core.digest_pieces import Piece, Reader, ends_of
from isotherm.core.group_by import Grouped
from isotherm.core.layers import DEVICES, KINDS
from isotherm.core.pages import Page
from isotherm.core.people import hash_of
from isotherm.core.rage import BURST_SEQ, Click, Clicked
from isotherm.core.samples import NO_LOAD, Runs, Samples
from isotherm.core.views import View

__all__ = ["Counted", "Digest"]


class ClickColumns(NamedTuple):
    """The clicks of a record, one element each."""

    run: Column  #: place among the record's runs
    time_ms: Column
    x: Column
    y: Column
    device: Column
    zone: Column  #: place in the record's names of zones; -1: none
    in_x: Column
    in_y: Column

    @staticmethod
    def of(samples: Samples, places: Column) -> ClickColumns:
        run = np.searchsorted(np.cumsum(samples.runs.size), places, "right")
        zone = in_x = in_y = np.full(len(places), NOBODY)
        if samples.anchored is not None:
            zone, in_x, in_y = samples.anchored.anchor[places], samples.anchored.x[places], samples.anchored.y[places]
        return ClickColumns(run, samples.time_ms[places], samples.x[places], samples.y[places], samples.runs.device[run], zone, in_x, in_y)


_NO_CLICKS: Final = ClickColumns(*(np.zeros(0, np.int64),) * 8)


class Counted(NamedTuple):
    """A record that was counted, as much of it as is kept."""

    offset: int
    taken_ms: int
    arrived_ms: int
    sessions: list[str]
    loads: list[str]
    runs: Runs
    time_ms: npt.NDArray[np.int64]
    counts: Counts
    zones: list[str]  #: names that `clicks` and the counts' zones mean
    clicks: ClickColumns

    @staticmethod
    def of(grouped: Grouped, counts: Counts, offset: int, taken_ms: int) -> Counted:
        samples, clicks = grouped
        return Counted(
            offset, taken_ms, samples.arrived_ms, samples.sessions, samples.loads, samples.runs, samples.time_ms, counts, samples.anchors,
            ClickColumns.of(samples, clicks) if len(clicks) else _NO_CLICKS,
        )  # fmt: skip


@dataclass(slots=True, frozen=True)
class Digest:
    """Records that follow each other, none left out. Without what is counted (`remembered`) it has no `pieces`."""

    head: Head
    columns: dict[str, Packed]
    _named: Named
    _setting: Setting

    @property
    def pages(self) -> list[str]:
        """Keys of all pages in it."""
        return self.head.pages

    @property
    def first_offset(self) -> int:
        """Of its first record; where several were counted as one, the last of these."""
        return int(self.columns["record.offset"].wide(0, 1)[0])

    @property
    def last_offset(self) -> int:
        return int(self.columns["record.offset"].wide()[-1])

    @property
    def arrived_ms(self) -> int:
        """Of its first record."""
        return int(self.columns["record.arrived"].wide(0, 1)[0])

    # -- made, written, read

    @staticmethod
    def of(records: Sequence[Counted], setting: Setting, views: Mapping[str, Mapping[str, View]] | None = None) -> Digest:
        """`records` follow each other. `setting`: what counting depends on; a reader compares it with his own. `views`: as of the last."""
        pages, origins, sessions, loads, zones = _Names(), _Names(), _Names(), _Names(), _Names()
        lists: dict[str, list[Any]] = {name: [] for name in ("place", "newest", "visitors", "origin", "session", "load", "zone")}
        of_records, people = [], any(len(record.counts.seen) for record in records)
        for record in records:  # calls of numpy for each would cost more than all that is done with the columns afterwards
            counts, zone = record.counts, record.counts.zones
            lists["place"] += pages.places(counts.pages)
            lists["newest"] += counts.newest_ms
            lists["visitors"] += counts.visitors
            lists["origin"] += [NOBODY if origin is None else origins.place(origin) for origin in counts.origins]
            lists["session"] += sessions.places(record.sessions)
            lists["load"] += loads.places(record.loads)
            lists["zone"] += zones.places(record.zones)
            seen = len(counts.seen) if people else 0
            assert seen in (0, len(record.time_ms)), "a sample of the record each"
            of_records.append((
                record.offset, record.taken_ms, record.arrived_ms, len(counts.pages), len(record.runs), len(counts.page), seen,
                len(record.clicks.run), 0 if zone is None else len(zone.page), len(counts.stretches or ()), len(record.sessions),
                len(record.loads), len(record.zones),
            ))  # fmt: skip
        of_record: Any = np.array(of_records).T
        offset, taken, arrived, with_pages, with_runs, with_rows, with_seen, with_clicks, *of_record = of_record
        with_zones, with_stretches, of_session, of_load, of_zone = of_record
        stretched = [record.counts.stretches for record in records if record.counts.stretches is not None]
        viewed = [(pages.place(page), sessions.place(who), *view) for page, known in (views or {}).items() for who, view in known.items()]
        seen_now: Any = np.array(viewed, np.int64).reshape(-1, 2 + len(View._fields)).T
        flat = {name: np.array(column, np.int64) for name, column in lists.items()}
        every, clicks = [record.runs for record in records], [record.clicks for record in records]
        rows, zoned = [record.counts for record in records], [record.counts.zones for record in records if record.counts.zones is not None]
        size, time_ms = _joined([runs.size for runs in every]), _joined([record.time_ms for record in records])
        last = np.maximum(np.cumsum(size) - 1, 0)
        columns: dict[str, Packed | Column] = {  # each packed before the next is made: a whole set of wide ones would be large
            "record.offset": offset, "record.taken": taken, "record.arrived": arrived, "record.pages": with_pages, "record.runs": with_runs,
            "record.rows": with_rows, "record.samples": with_seen, "record.clicks": with_clicks, "record.zone_rows": with_zones,
            "record.stretches": with_stretches,
            "page.place": flat["place"], "page.newest": flat["newest"], "page.origin": flat["origin"], "page.visitors": flat["visitors"],
            "run.page": _named(_joined([runs.page for runs in every]), with_runs, flat["place"], with_pages),
            "run.session": _named(_joined([runs.session for runs in every]), with_runs, flat["session"], of_session),
            "run.load": _named(_joined([runs.load for runs in every]), with_runs, flat["load"], of_load),
            "run.seq": _packed([runs.seq for runs in every]), "run.size": size, "run.last": time_ms[last] if len(time_ms) else last,
            "run.width": _packed([runs.width for runs in every], np.float64),
            "run.height": _packed([runs.height for runs in every], np.float64),
            "click.run": _packed([one.run for one in clicks]), "click.time": _packed([one.time_ms for one in clicks]),
            "click.x": _packed([one.x for one in clicks], np.float64), "click.y": _packed([one.y for one in clicks], np.float64),
            "click.device": _packed([one.device for one in clicks]),
            "click.zone": _named(_joined([one.zone for one in clicks]), with_clicks, flat["zone"], of_zone),
            "click.in_x": _packed([one.in_x for one in clicks]), "click.in_y": _packed([one.in_y for one in clicks]),
            **dict(zip(("view.page", "view.session", *(f"view.{name}" for name in View._fields)), seen_now, strict=True)),
            "row.page": _packed([one.page for one in rows]), "row.layer": _packed([one.layer for one in rows]),
            "row.pane": _packed([one.pane for one in rows]), "row.tile": _packed([one.tile for one in rows]),
            "row.count": _packed([one.count for one in rows]), "sample.row": _packed([one.seen.row for one in rows] if people else []),
            "zone.page": _packed([zone.page for zone in zoned]),
            "zone.zone": _named(_joined([zone.zone for zone in zoned]), with_zones, flat["zone"], of_zone),
            "zone.pane": _packed([zone.pane for zone in zoned]), "zone.kind": _packed([zone.kind for zone in zoned]),
            "zone.person": _packed([zone.person for zone in zoned]), "zone.count": _packed([zone.count for zone in zoned]),
            # known to whoever asked for people: a start is not
            "session.hash": np.array([hash_of(name) for name in sessions.names] if people else [], np.int64),
            **{f"stretch.{name}": _packed([getattr(one, name) for one in stretched]) for name in STRETCH},
        }  # fmt: skip
        assert tuple(columns) == REMEMBERED + COUNTED
        head = Head(
            FORMAT, str(setting), list(KINDS), list(DEVICES), pages.names, origins.names, zones.names, people, 0, 0, []
        )  # fmt: skip
        packed = {name: column if isinstance(column, Packed) else Packed.of(column) for name, column in columns.items()}
        return Digest(head, packed, Named(b"", Tables(sessions.names, loads.names)), setting)

    def to_bytes(self) -> bytes:
        return written(self.head, self.columns, self._named.tables)

    @staticmethod
    def from_bytes(content: bytes, setting: Setting) -> Digest:
        """Raises `DigestError`, also where it was counted by another release, or under another `setting`, or does not hold together
        (`digest_check`)."""
        end = remembered_bytes(content)
        return Digest.remembered(memoryview(content)[:end], setting).with_counted(memoryview(content)[end:])

    @staticmethod
    def remembered(content: bytes | memoryview, setting: Setting) -> Digest:
        """A digest without what is counted, from as many bytes as `remembered_bytes` says. Raises `DigestError` as `from_bytes` does."""
        head, columns, named = remembered_in(content, setting)
        check_remembered(head, columns, setting.grid_size)
        return Digest(head, columns, named, setting)

    def with_counted(self, content: bytes | memoryview) -> Digest:
        """The whole digest, from the bytes behind those of `remembered`. Raises `DigestError`."""
        columns = self.columns | counted_in(content, self.head)
        check_counted(self.head, columns, self._setting.grid_size, self._setting.hop_ms)
        return Digest(self.head, columns, self._named, self._setting)

    def without_counted(self) -> Digest:
        """What is remembered alone: most of the bytes are let go."""
        return Digest(self.head, {name: self.columns[name] for name in REMEMBERED}, self._named, self._setting)

    # -- what was in it

    def batches(self) -> Samples:
        """The batches, as samples without positions: of each batch the last sample only. For `GroupBy.recall`. Raises `DigestError`,
        as `clicks` and `views` do, where the names can't be read."""
        page, session, load, seq, size, last_ms = (
            self.columns[f"run.{name}"].wide() for name in ("page", "session", "load", "seq", "size", "last")
        )
        own = seq != BURST_SEQ
        page, session, load, seq, size, last_ms = page[own], session[own], load[own], seq[own], size[own], last_ms[own]
        some = size > 0
        nothing: Column = np.zeros(int(some.sum()))
        tables = self._named.tables
        runs = Runs(page, session, np.zeros_like(page), load, seq, nothing, nothing, some.astype(np.int64))
        return Samples(
            self.arrived_ms, [Page.from_key(key) for key in self.pages], [], tables.sessions, tables.loads, runs, last_ms[some],
            nothing, nothing, nothing.astype(np.uint8),
        )  # fmt: skip

    def clicks(self, since_ms: int) -> list[Clicked]:
        """The clicks of the records that arrived since then, in their order. For `GroupBy.recall_clicks`."""
        arrived = self.columns["record.arrived"].wide()
        runs_before = np.array(ends_of(self.columns, "runs")[:-1], np.int64)
        record = np.repeat(np.arange(len(arrived)), self.columns["record.clicks"].wide())
        chosen = np.flatnonzero(arrived[record] >= since_ms)
        if not len(chosen):
            return []
        run = (self.columns["click.run"].wide() + runs_before[record])[chosen]
        of_run = [self.columns[f"run.{name}"].wide()[run].tolist() for name in ("session", "page")]
        sizes = [self.columns[f"run.{name}"].wide(dtype=np.float64)[run].tolist() for name in ("width", "height")]
        places = [self.columns[f"click.{name}"].wide(dtype=np.float64)[chosen].tolist() for name in ("x", "y")]
        numbers = [self.columns[f"click.{name}"].wide()[chosen].tolist() for name in ("time", "device", "zone", "in_x", "in_y")]
        columns = zip(*of_run, *sizes, *places, *numbers, arrived[record[chosen]].tolist(), strict=True)
        sessions = self._named.tables.sessions
        names = [*self.head.zones, None]  # the last is that of -1
        return [
            ((sessions[session], self.pages[page]), Click(time_ms, arrived_ms, x, y, device, width, height, names[zone], (in_x, in_y)))
            for session, page, width, height, x, y, time_ms, device, zone, in_x, in_y, arrived_ms in columns
        ]

    def views(self) -> dict[str, list[tuple[str, View]]]:
        """What every session had in view when its last record was counted, by page. For `GroupBy.recall_views`."""
        found: dict[str, list[tuple[str, View]]] = {}
        columns = [self.columns[f"view.{name}"].wide().tolist() for name in ("page", "session", *View._fields)]
        sessions = self._named.tables.sessions if columns[0] else []
        for page, session, *view in zip(*columns, strict=True):
            found.setdefault(self.pages[page], []).append((sessions[session], View(*view)))
        return found

    @property
    def last_arrived_ms(self) -> int:
        """Of its last record."""
        return int(self.columns["record.arrived"].wide()[-1])

    def has(self, wanted: Callable[[int, int], object]) -> bool:
        """Whether `pieces` would give any."""
        offset, taken = (self.columns[f"record.{name}"].wide().tolist() for name in ("offset", "taken"))
        return any(wanted(*record) is not None for record in zip(offset, taken, strict=True))

    def pieces(self, wanted: Callable[[int, int], object]) -> Iterator[Piece]:
        """The counts. `wanted` is told each record's offset and when it was taken; those that follow each other and for which it answers
        the same are one piece, those for which it answers None are left out."""
        offset, taken, arrived = (self.columns[f"record.{name}"].wide().tolist() for name in ("offset", "taken", "arrived"))
        answers = [wanted(*record) for record in zip(offset, taken, strict=True)]
        starts = [at for at, answer in enumerate(answers) if not at or answer != answers[at - 1]]
        if all(answer is None for answer in answers):
            return
        reader = Reader(self.head, self.columns)
        for start, end in zip(starts, [*starts[1:], len(answers)], strict=True):
            if answers[start] is not None:
                yield Piece(offset[end - 1], taken[start], arrived[end - 1], reader, start, end)


class _Names:
    """A table of names, each once."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        return list(self._places)

    def place(self, name: str) -> int:
        return self._places.setdefault(name, len(self._places))

    def places(self, names: Sequence[str]) -> list[int]:
        known = self._places
        return [known.setdefault(name, len(known)) for name in names]


def _joined(parts: list[Column], dtype: type[np.generic] = np.int64) -> Column:
    return np.concatenate(parts, dtype=dtype) if parts else np.zeros(0, dtype)


def _packed(parts: list[Column], dtype: type[np.generic] | None = None) -> Packed:
    """In the parts' own type if none is given."""
    return Packed.of(np.concatenate(parts, dtype=dtype) if parts else np.zeros(0, np.int64))


def _named(places: Column, rows: Column, table: Column, sizes: Column) -> Column:
    """Places in the tables of records (`rows` of them a record, `sizes` names a record) as places in the table of all; below 0: none."""
    at = places + np.repeat(np.cumsum(sizes) - sizes, rows)
    return np.where(places < 0, NO_LOAD, np.append(table, NO_LOAD)[np.where(places < 0, -1, at)])

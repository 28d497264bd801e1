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

As bytes: a magic word, a checksum, two lengths, a head in JSON (tables of names, columns' types and lengths), the names of sessions and
loads in JSON, which are most of all names and are decoded when somebody asks for them; then the columns, each in the smallest type that
holds it. What is counted, most of the bytes, lies behind and has a checksum of its own, in the head: of old records it need not be read.

    magic │ CRC-32 of ▸ │ bytes of the head │ bytes of all up to ◂ │ head │ names │ columns remembered ◂ │ columns counted

Each of the two parts is all there and sound, or it is none: `Digest.from_bytes` and its halves raise.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from isotherm.core.counts import Counts, StretchCounts, ZoneCounts
from isotherm.core.group_by import Grouped
from isotherm.core.layers import DEVICES, KINDS, PLAIN_LAYERS
from isotherm.core.pages import Page
from isotherm.core.people import Documents, Sightings, hash_of
from isotherm.core.rage import BURST_SEQ, Click, Clicked
from isotherm.core.samples import NO_LOAD, Runs, Samples
from isotherm.core.views import View

__all__ = ["BEGIN_BYTES", "Counted", "Digest", "DigestError", "Piece"]

_MAGIC: Final = b"isotherm-digest5"  #: its last character is new where what stands here at the beginning is
_FORMAT: Final = 5  #: to be counted up where a column is added or means something else: digests of others are not read
_BEGIN: Final = struct.Struct("<16sIII")  #: magic, checksum of the rest of what is remembered, bytes of the head and of all of it
BEGIN_BYTES: Final = _BEGIN.size  #: enough of a digest for `Digest.remembered_bytes`
_CHECKED_FROM: Final = 20
_NOBODY: Final = -1
_SIZES: Final = {"|u1": 1, "<u2": 2, "<u4": 4, "<i8": 8, "<f8": 8}  #: the types of columns, bytes of an element
_BASE_MAX: Final = 2**63
_STRETCH: Final = ("page", "person", "device", "top", "bottom", "start_ms", "end_ms")
_REMEMBERED: Final = (
    "record.offset", "record.taken", "record.arrived", "record.pages", "record.runs", "record.rows", "record.samples", "record.clicks",
    "record.zone_rows", "record.stretches", "page.place", "page.newest", "page.origin", "page.visitors",
    "run.page", "run.session", "run.load", "run.seq", "run.size", "run.last", "run.width", "run.height",
    "click.run", "click.time", "click.x", "click.y", "click.device", "click.zone", "click.in_x", "click.in_y",
    "view.page", "view.session", *(f"view.{name}" for name in View._fields),
)  # fmt: skip
_COUNTED: Final = (
    "row.page", "row.layer", "row.pane", "row.tile", "row.count", "sample.row",
    "zone.page", "zone.zone", "zone.pane", "zone.kind", "zone.person", "zone.count", "session.hash",
    *(f"stretch.{name}" for name in _STRETCH),
)  # fmt: skip

Column = npt.NDArray[Any]


class DigestError(Exception):
    """Bytes that are no digest, not a whole one, or one of another release."""


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
        zone = in_x = in_y = np.full(len(places), _NOBODY)
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
class Piece:
    """One record or several, counted: `counts.CountsToRead`."""

    offset: int  #: of the last
    taken_ms: int  #: of the first
    arrived_ms: int  #: of the last
    _reader: _Reader
    _first: int
    _end: int

    def read(self) -> Counts:
        """All of it."""
        return self._reader.counts(self._first, self._end, people=True)

    def without_people(self) -> Counts:
        """The same, but for who is behind the rows: these are as many as samples, and heat needs none of them."""
        return self._reader.counts(self._first, self._end, people=False)

    @property
    def rows(self) -> int:
        return self._reader.length("rows", self._first, self._end)

    @property
    def people(self) -> int:
        return self._reader.length("samples", self._first, self._end)

    @property
    def stretched(self) -> int:
        return self._reader.length("stretches", self._first, self._end)

    @property
    def newest_pane(self) -> int:
        return self._reader.newest_pane(self._first, self._end)

    def faded(self, counts: Counts, span_ms: float) -> Column:
        """Samples of plain kinds on each page of these, its counts, each record's as much less as it arrived before the last: of one that
        arrived `span_ms` before, a part of e. float64."""
        return self._reader.faded(counts, self._first, self._end, span_ms)


class _Head(msgspec.Struct):
    format: int
    setting: str
    kinds: list[str]
    devices: list[str]
    pages: list[str]
    origins: list[str]
    zones: list[str]
    people: bool  #: the rows tell who is behind them
    named: int  #: bytes of the names behind it
    checked: int  #: CRC-32 of the columns counted
    columns: list[tuple[str, str, int, int]]  #: name, type, length, and what is to be added to each element


class _Tables(msgspec.Struct):
    sessions: list[str]
    loads: list[str]


_head_decoder = msgspec.json.Decoder(_Head)
_tables_decoder = msgspec.json.Decoder(_Tables)


class _Named:
    """The tables of sessions and loads: decoded once, when they are asked for."""

    __slots__ = ("_found", "_text")

    def __init__(self, text: bytes | memoryview, found: _Tables | None = None) -> None:
        self._text, self._found = text, found

    @property
    def tables(self) -> _Tables:
        """Raises `DigestError`."""
        if self._found is None:
            try:
                self._found = _tables_decoder.decode(self._text)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise DigestError(f"its names can't be read: {error}") from None
        return self._found


class _Packed(NamedTuple):
    """A column in the smallest type that holds it."""

    values: Column
    base: int  #: to be added

    @staticmethod
    def of(column: Column) -> _Packed:
        if column.dtype.kind == "f":
            return _Packed(column.astype("<f8"), 0)
        base = int(column.min()) if len(column) else 0
        span = int(column.max()) - base if len(column) else 0
        dtype = next((dtype for dtype in ("<u1", "<u2", "<u4") if span <= np.iinfo(dtype).max), "<i8")
        narrow = np.empty(len(column), dtype)  # less than 2^64 apart: what wraps in the column's own type is right in this one
        return _Packed(np.subtract(column, column.dtype.type(base), out=narrow, casting="unsafe"), base)

    def wide(self, start: int = 0, end: int | None = None, dtype: type[np.generic] = np.int64) -> Column:
        values = self.values[start:end].astype(dtype)
        if self.base:
            values += dtype(self.base)
        return values


@dataclass(slots=True, frozen=True)
class Digest:
    """Records that follow each other, none left out. Without what is counted (`remembered`) it has no `pieces`."""

    head: _Head
    columns: dict[str, _Packed]
    _named: _Named

    @property
    def pages(self) -> list[str]:
        """Keys of all pages in it."""
        return self.head.pages

    @property
    def arrived_ms(self) -> int:
        """Of its first record."""
        return int(self.columns["record.arrived"].wide(0, 1)[0])

    # -- made, written, read

    @staticmethod
    def of(records: Sequence[Counted], setting: str, views: Mapping[str, Mapping[str, View]] | None = None) -> Digest:
        """`records` follow each other. `setting`: what counting depends on; a reader compares it with his own. `views`: as of the last."""
        pages, origins, sessions, loads, zones = _Names(), _Names(), _Names(), _Names(), _Names()
        lists: dict[str, list[Any]] = {name: [] for name in ("place", "newest", "visitors", "origin", "session", "load", "zone")}
        of_records, people = [], any(len(record.counts.seen) for record in records)
        for record in records:  # calls of numpy for each would cost more than all that is done with the columns afterwards
            counts, zone = record.counts, record.counts.zones
            lists["place"] += pages.places(counts.pages)
            lists["newest"] += counts.newest_ms
            lists["visitors"] += counts.visitors
            lists["origin"] += [_NOBODY if origin is None else origins.place(origin) for origin in counts.origins]
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
        columns: dict[str, _Packed | Column] = {  # each packed before the next is made: a whole set of wide ones would be large
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
            **{f"stretch.{name}": _packed([getattr(one, name) for one in stretched]) for name in _STRETCH},
        }  # fmt: skip
        assert tuple(columns) == _REMEMBERED + _COUNTED
        head = _Head(
            _FORMAT, setting, list(KINDS), list(DEVICES), pages.names, origins.names, zones.names, people, 0, 0, []
        )  # fmt: skip
        packed = {name: column if isinstance(column, _Packed) else _Packed.of(column) for name, column in columns.items()}
        return Digest(head, packed, _Named(b"", _Tables(sessions.names, loads.names)))

    def to_bytes(self) -> bytes:
        self.head.columns = [(name, values.dtype.str, len(values), base) for name, (values, base) in self.columns.items()]
        remembered, counted = ([self.columns[name].values.tobytes() for name in names] for names in (_REMEMBERED, _COUNTED))
        names = msgspec.json.encode(self._named.tables)
        self.head.named, self.head.checked = len(names), _checksum(counted)
        head = msgspec.json.encode(self.head)
        lengths = struct.pack("<II", len(head), BEGIN_BYTES + len(head) + len(names) + sum(map(len, remembered)))
        checked = struct.pack("<I", _checksum([lengths, head, names, *remembered]))
        return b"".join([_MAGIC, checked, lengths, head, names, *remembered, *counted])

    @staticmethod
    def from_bytes(content: bytes, setting: str) -> Digest:
        """Raises `DigestError`, also where it was counted by another release, or under another `setting`."""
        end = Digest.remembered_bytes(content)
        return Digest.remembered(memoryview(content)[:end], setting).with_counted(memoryview(content)[end:])

    @staticmethod
    def remembered_bytes(begin: bytes) -> int:
        """How many bytes of a digest that begins so are what is remembered. Raises `DigestError`."""
        if len(begin) < BEGIN_BYTES:
            raise DigestError("it is cut short")
        magic, _, _, length = _BEGIN.unpack_from(begin)
        if magic != _MAGIC:
            raise DigestError("it is damaged, or of another release")
        return int(length)

    @staticmethod
    def remembered(content: bytes | memoryview, setting: str) -> Digest:
        """A digest without what is counted, from as many bytes. Raises `DigestError` as `from_bytes` does."""
        if len(content) < BEGIN_BYTES:
            raise DigestError("it is cut short")
        magic, checked, head_bytes, length = _BEGIN.unpack_from(content)
        if magic != _MAGIC or length != len(content) or zlib.crc32(memoryview(content)[_CHECKED_FROM:]) != checked:
            raise DigestError("it is damaged")
        at = BEGIN_BYTES + head_bytes
        try:
            head = _head_decoder.decode(memoryview(content)[BEGIN_BYTES:at])
        except msgspec.MsgspecError as error:
            raise DigestError(f"it is of another release: {error}") from None
        named = tuple(name for name, *_ in head.columns)
        same = (head.format, head.setting, head.kinds, head.devices) == (_FORMAT, setting, list(KINDS), list(DEVICES))
        if not same or named != _REMEMBERED + _COUNTED:
            raise DigestError("it was counted by another release, or under other settings")
        if head.named < 0:
            raise DigestError("it is not whole")
        columns = _unpacked(head, _REMEMBERED, content, at + head.named)
        if not len(columns["record.offset"].values):
            raise DigestError("it is not whole")
        return Digest(head, columns, _Named(memoryview(content)[at : at + head.named]))

    def with_counted(self, content: bytes | memoryview) -> Digest:
        """The whole digest, from the bytes behind those of `remembered`. Raises `DigestError`."""
        if zlib.crc32(content) != self.head.checked:
            raise DigestError("it is damaged")
        return Digest(self.head, self.columns | _unpacked(self.head, _COUNTED, content, 0), self._named)

    def without_counted(self) -> Digest:
        """What is remembered alone: most of the bytes are let go."""
        return Digest(self.head, {name: self.columns[name] for name in _REMEMBERED}, self._named)

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
        runs_before = np.array(self.ends("runs")[:-1], np.int64)
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
        reader = _Reader(self)
        for start, end in zip(starts, [*starts[1:], len(answers)], strict=True):
            if answers[start] is not None:
                yield Piece(offset[end - 1], taken[start], arrived[end - 1], reader, start, end)

    def ends(self, what: str) -> list[int]:
        """Where each record's part of these columns ends, after a 0."""
        return [0, *np.cumsum(self.columns[f"record.{what}"].wide()).tolist()]


class _Reader:
    """Counts of any records of a digest that follow each other."""

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self._ends = {what: digest.ends(what) for what in ("pages", "runs", "rows", "samples", "zone_rows", "stretches")}
        self._people = digest.columns["session.hash"].wide(dtype=np.uint32) if digest.head.people else None

    def counts(self, first: int, end: int, *, people: bool) -> Counts:
        """Of records `first` to (not including) `end`."""
        head = self._digest.head
        place = self._of("page.place", "pages", first, end)
        used, local = np.unique(place, return_inverse=True)
        entry = self._starts("pages", first, end)  # of each record: its first page's place among those of the piece

        def pages_of(what: str, column: str) -> Column:
            """A column of places in its record's pages, as places in the piece's."""
            sizes = np.diff(self._ends[what][first : end + 1])
            pages: Column = local[self._of(column, what, first, end) + np.repeat(entry, sizes)]
            return pages

        origins: list[str | None] = [None] * len(used)
        newest, visitors = np.zeros(len(used), np.int64), np.zeros(len(used), np.int64)
        np.maximum.at(newest, local, self._of("page.newest", "pages", first, end))
        visitors[local] = self._of("page.visitors", "pages", first, end)  # of several, the last
        origin = self._of("page.origin", "pages", first, end)
        for at in np.flatnonzero(origin != _NOBODY).tolist():
            origins[local[at]] = head.origins[origin[at]]
        return Counts(
            pages=[head.pages[at] for at in used.tolist()],
            origins=origins,
            visitors=visitors.tolist(),
            newest_ms=newest.tolist(),
            page=pages_of("rows", "row.page"),
            layer=self._of("row.layer", "rows", first, end),
            pane=self._of("row.pane", "rows", first, end),
            tile=self._of("row.tile", "rows", first, end, np.int32),
            count=self._of("row.count", "rows", first, end, np.int32),
            seen=self._seen(first, end) if people else Sightings(),
            documents=self._documents(first, end, used) if people else None,
            zones=self._zones(first, end, pages_of),
            stretches=self._stretches(first, end, pages_of),
        )

    def faded(self, counts: Counts, first: int, end: int, span_ms: float) -> Column:
        arrived = self._digest.columns["record.arrived"].wide(first, end)
        weight = np.repeat(np.exp((arrived - arrived[-1]) / span_ms), np.diff(self._ends["rows"][first : end + 1]))
        weight *= counts.count
        weight[counts.layer >= PLAIN_LAYERS] = 0
        samples: Column = np.bincount(counts.page, weights=weight, minlength=len(counts.pages))
        return samples

    def length(self, what: str, first: int, end: int) -> int:
        """Rows of it."""
        return self._ends[what][end] - self._ends[what][first]

    def newest_pane(self, first: int, end: int) -> int:
        pane = self._digest.columns["row.pane"]
        return int(pane.values[self._ends["rows"][first] : self._ends["rows"][end]].max()) + pane.base

    def _seen(self, first: int, end: int) -> Sightings:
        if self._people is None:
            return Sightings()
        row = self._of("sample.row", "samples", first, end)
        sizes = np.diff(self._ends["samples"][first : end + 1])
        row += np.where(row < 0, 0, np.repeat(self._starts("rows", first, end), sizes))
        session, size = self._of("run.session", "runs", first, end), self._of("run.size", "runs", first, end)
        told = np.repeat(sizes > 0, np.diff(self._ends["runs"][first : end + 1]))  # a record without samples tells of nobody
        return Sightings(row, np.repeat(self._people[session[told]], size[told]))

    def _documents(self, first: int, end: int, used: Column) -> Documents | None:
        if self._people is None:
            return None
        page = np.searchsorted(used, self._of("run.page", "runs", first, end))
        own = self._of("run.seq", "runs", first, end) != BURST_SEQ  # a burst's clicks may be older than the document now is
        width, height = (self._of(f"run.{name}", "runs", first, end, np.float64) for name in ("width", "height"))
        return Documents(page[own], width[own], height[own])

    def _zones(self, first: int, end: int, pages_of: Callable[[str, str], Column]) -> ZoneCounts | None:
        if self._ends["zone_rows"][first] == self._ends["zone_rows"][end]:
            return None
        zone, pane, kind = (self._of(f"zone.{name}", "zone_rows", first, end) for name in ("zone", "pane", "kind"))
        person, count = self._of("zone.person", "zone_rows", first, end, np.uint32), self._of("zone.count", "zone_rows", first, end)
        return ZoneCounts(self._digest.head.zones, pages_of("zone_rows", "zone.page"), zone, pane, kind, person, count)

    def _stretches(self, first: int, end: int, pages_of: Callable[[str, str], Column]) -> StretchCounts | None:
        if not self.length("stretches", first, end):
            return None
        rest = (self._of(f"stretch.{name}", "stretches", first, end) for name in _STRETCH[1:])
        return StretchCounts(pages_of("stretches", "stretch.page"), *rest)

    def _of(self, column: str, what: str, first: int, end: int, dtype: type[np.generic] = np.int64) -> Column:
        ends = self._ends[what]
        return self._digest.columns[column].wide(ends[first], ends[end], dtype)

    def _starts(self, what: str, first: int, end: int) -> npt.NDArray[np.int64]:
        starts: npt.NDArray[np.int64] = np.array(self._ends[what][first:end], np.int64)
        starts -= self._ends[what][first]
        return starts


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


def _unpacked(head: _Head, names: Sequence[str], content: bytes | memoryview, at: int) -> dict[str, _Packed]:
    """These of the head's columns, which lie in `content` from `at` to the end. Raises `DigestError`."""
    columns = {}
    for name, dtype, length, base in head.columns:
        if name in names:
            size = _SIZES.get(dtype)
            if size is None or not 0 <= length * size <= len(content) - at or not -_BASE_MAX <= base < _BASE_MAX:
                raise DigestError(f"its column {name} is none: {length} of {dtype}, from {base} on")
            columns[name] = _Packed(np.frombuffer(content, dtype, length, at), base)
            at += columns[name].values.nbytes
    if at != len(content):
        raise DigestError("it is not whole")
    return columns


def _checksum(parts: Sequence[bytes]) -> int:
    checked = 0
    for part in parts:
        checked = zlib.crc32(part, checked)
    return checked


def _joined(parts: list[Column], dtype: type[np.generic] = np.int64) -> Column:
    return np.concatenate(parts, dtype=dtype) if parts else np.zeros(0, dtype)


def _packed(parts: list[Column], dtype: type[np.generic] | None = None) -> _Packed:
    """In the parts' own type if none is given."""
    return _Packed.of(np.concatenate(parts, dtype=dtype) if parts else np.zeros(0, np.int64))


def _named(places: Column, rows: Column, table: Column, sizes: Column) -> Column:
    """Places in the tables of records (`rows` of them a record, `sizes` names a record) as places in the table of all; below 0: none."""
    at = places + np.repeat(np.cumsum(sizes) - sizes, rows)
    return np.where(places < 0, NO_LOAD, np.append(table, NO_LOAD)[np.where(places < 0, -1, at)])

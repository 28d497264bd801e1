"""Records: the value of each topic, one struct a topic, and the way between them and what the stages work on.

The same bytes stand in Kafka's topics, in the local log, and on the topics page. JSON, so that any tool can read them;
numbers in packed columns (`columns`), so that it costs little.
"""

from __future__ import annotations

from collections.abc import Container, Sized
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from isotherm.core.columns import ColumnError, pack, pack_few, pack_parts, unpack
from isotherm.core.counts import Counts, ZoneCounts
from isotherm.core.layers import DEVICES, KINDS, LAYERS
from isotherm.core.limits import TIME_MS_MAX
from isotherm.core.pages import Page
from isotherm.core.samples import NO_LOAD, Anchored, Runs, Samples

__all__ = [
    "FORMAT",
    "Clickstream",
    "DeadLetter",
    "GroupedByPage",
    "HeatmapRecord",
    "Interest",
    "RecordError",
    "Tick",
    "Visit",
    "ZoneColumns",
    "counts_from_record",
    "counts_to_records",
    "dead_letter",
    "decode_clickstream",
    "decode_grouped",
    "decode_heatmap",
    "decode_interest",
    "encode",
    "is_clickstream",
    "places",
    "readable",
    "samples_from_record",
    "samples_to_record",
    "tick_of",
    "visits_of",
    "whole",
    "zones_from_columns",
    "zones_from_record",
    "zones_to_columns",
]

FORMAT: Final = 1
_INT53: Final = 2**53  #: what every reader of JSON can hold, and 64 bits with room to spare
_Int53 = Annotated[int, msgspec.Meta(ge=-_INT53, le=_INT53)]


class RecordError(ValueError):
    """Bytes that are not the record they should be; the message says where and why."""


class RunColumns(msgspec.Struct):
    """Packed columns, one element a run."""

    page: str
    session: str
    device: str
    load: str
    seq: str
    w: str
    h: str
    n: str


class SampleColumns(msgspec.Struct):
    """Packed columns, one element a sample. `age` is ms before the record's `at`; below zero for an event of the near future."""

    age: str
    x: str
    y: str
    kind: str


class AnchorColumns(msgspec.Struct):
    """Packed columns, one element a sample: place in `names` plus 1, 0 for none; position in its box, in thousandths."""

    names: list[str]
    at: str
    x: str
    y: str


class Clickstream(msgspec.Struct):
    """Topic `clickstream`: samples of many sessions as the gateway took them."""

    at: _Int53  #: arrival, ms since the epoch
    pages: list[str]
    origins: list[str | None]
    sessions: list[str]
    loads: list[str]
    kinds: list[str]
    runs: RunColumns
    samples: SampleColumns
    v: int = FORMAT
    anchors: AnchorColumns | msgspec.UnsetType = msgspec.UNSET  #: left out where no sample has one


class ZoneColumns(msgspec.Struct):
    """Packed columns, one element a (zone, pane, kind, person). `person` is the hashed session."""

    names: list[str]
    zone: str  #: place in `names`
    pane: str
    kind: str  #: place in the record's `kinds`
    person: str
    count: str


class GroupedByPage(msgspec.Struct, rename={"pane_ms": "pane-ms", "grid_size": "grid-size"}):
    """Topic `clickstream-group-by-page`: one page's counts of one `clickstream` record."""

    site: str
    path: str
    partition: int  #: of that record
    offset: _Int53
    pane_ms: int
    grid_size: int
    visitors: int  #: sessions active on the page, as this partition's Group By knows them
    newest: _Int53  #: newest event time, ms since the epoch; 0: no samples
    origin: str | None
    kinds: list[str]
    pane: str  #: packed columns: pane number, layer (kind x 3 + device class), tile, count
    layer: str
    tile: str
    count: str
    v: int = FORMAT
    zones: ZoneColumns | msgspec.UnsetType = msgspec.UNSET  #: left out where no rule asks for them, and where no sample lay on one


class HeatmapRecord(msgspec.Struct, rename={"grid_size": "grid-size"}, omit_defaults=True):
    """Topic `heatmap`: the classic heat map of one page and stored layer."""

    start: int
    end: int
    value: dict[str, dict[str, int]]
    grid_size: int
    site: str
    path: str
    kind: str
    device: str
    changes: bool = False  #: only the tiles that changed; a count of 0: the tile is cold now
    more: bool = False  #: another record of this page and window follows at once
    visitors: int = 0  #: of the page, as all that follow
    rate: float = 0.0  #: samples a second at `end`
    newest: _Int53 = 0  #: newest event time, ms since the epoch; 0: none known
    origin: str | None = None


class Tick(msgspec.Struct):
    """A record that only says what time it is, so that time goes on where no event comes. In both topics of the clickstream."""

    tick: _Int53  #: ms since the epoch
    v: int = FORMAT


class DeadLetter(msgspec.Struct):
    """Topic `clickstream-dead-letter`: a record that a stage could not process, and why."""

    error: str
    stage: str
    topic: str
    partition: int
    offset: _Int53
    value: str  #: as text; bytes that are no UTF-8 are escaped
    cut: bool = False  #: the value was too long to be kept whole


class Interest(msgspec.Struct, omit_defaults=True):
    """Topic `isotherm-interest`: somebody watches the page that is the key. Of several, the longest holds."""

    until: _Int53  #: ms since the epoch; 0: nobody watches
    zones: _Int53 = 0  #: so long its zones are asked for
    spots: _Int53 = 0  #: and so long the spots of its elements
    exposure: _Int53 = 0  #: and so long what of it was in view


_encoder = msgspec.json.Encoder()
_clickstream_decoder = msgspec.json.Decoder(Clickstream)
_grouped_decoder = msgspec.json.Decoder(GroupedByPage)
_heatmap_decoder = msgspec.json.Decoder(HeatmapRecord)
_tick_decoder = msgspec.json.Decoder(Tick)
_interest_decoder = msgspec.json.Decoder(Interest)
_TICK_BEGINS: Final = b'{"tick":'
_CLICKSTREAM_BEGINS: Final = b'{"at":'
_FEW: Final = 64  #: elements, up to which a loop is quicker than numpy's calls
_DEAD_VALUE_CHARS_MAX: Final = 64 * 1024


def encode(record: msgspec.Struct) -> bytes:
    return _encoder.encode(record)


def decode_clickstream(value: bytes) -> Clickstream:
    """Raises `RecordError`."""
    return _of_this_format(_decoded(_clickstream_decoder, value))


def decode_grouped(value: bytes) -> GroupedByPage:
    """Raises `RecordError`."""
    return _of_this_format(_decoded(_grouped_decoder, value))


def decode_heatmap(value: bytes) -> HeatmapRecord:
    """Raises `RecordError`."""
    return _decoded(_heatmap_decoder, value)


def decode_interest(value: bytes) -> Interest:
    """Raises `RecordError`."""
    return _decoded(_interest_decoder, value)


def tick_of(value: bytes) -> int | None:
    """The time that a tick tells; None: the record is no tick. Raises `RecordError`."""
    return _decoded(_tick_decoder, value).tick if value.startswith(_TICK_BEGINS) else None


def is_clickstream(value: bytes) -> bool:
    """Whether a gateway of ours wrote the record; what others write is an event a record."""
    return value.startswith(_CLICKSTREAM_BEGINS)


def dead_letter(error: str, stage: str, topic: str, partition: int, offset: int, value: bytes) -> DeadLetter:
    """What is kept of a record that could not be processed."""
    text = value.decode("utf-8", "backslashreplace")
    cut = len(text) > _DEAD_VALUE_CHARS_MAX
    return DeadLetter(error, stage, topic, partition, offset, text[:_DEAD_VALUE_CHARS_MAX], cut)


_Any = TypeVar("_Any")
_Record = TypeVar("_Record", Clickstream, GroupedByPage)


def _decoded(decoder: msgspec.json.Decoder[_Any], value: bytes) -> _Any:
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(str(error)) from None


def _of_this_format(record: _Record) -> _Record:
    if record.v != FORMAT:
        raise RecordError(f"expected a record of format {FORMAT}, got {record.v}: it is of another release")
    return record


class _RememberedRuns(msgspec.Struct):
    page: str
    session: str
    load: str
    seq: str
    n: str


class _RememberedSamples(msgspec.Struct):
    age: str


class _Remembered(msgspec.Struct):
    """The part of `Clickstream` that tells who was where."""

    at: _Int53
    pages: list[str]
    sessions: list[str]
    loads: list[str]
    runs: _RememberedRuns
    samples: _RememberedSamples


_remembered_decoder = msgspec.json.Decoder(_Remembered)


class Visit(NamedTuple):
    """A batch that was counted once, as far as it must be remembered."""

    page: str  #: page key
    session: str
    load: str | None  #: None: it can't be told from a repeat
    seq: int
    last_ms: int | None  #: event time of its last sample; None: it had none


def visits_of(value: bytes) -> tuple[int, list[Visit]]:
    """The arrival and the batches of a record that was processed before: a tenth of the work of its samples. Raises `RecordError`.

    It is as strict as `samples_from_record`: what went to the dead letters then is not remembered now.
    """
    record = _decoded(_remembered_decoder, value)
    runs = record.runs
    try:
        page, session = places("page", runs.page, record.pages), places("session", runs.session, record.sessions)
        load, seq = places("load", runs.load, record.loads, NO_LOAD), whole("seq", runs.seq)
        age_ms = ages(unpack(record.samples.age))
        size = _sizes(runs.n, len(age_ms))
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(page) == len(session) == len(load) == len(seq) == len(size):
        raise RecordError("expected run columns of one length")
    visits, end = [], 0
    columns = zip(page.tolist(), session.tolist(), load.tolist(), seq.tolist(), size.tolist(), strict=True)
    for page_at, session_at, load_at, number, samples in columns:
        end += samples
        known = record.loads[load_at] if load_at != NO_LOAD else None
        last_ms = record.at - int(age_ms[end - 1]) if samples else None
        visits.append(Visit(record.pages[page_at], record.sessions[session_at], known, number, last_ms))
    return record.at, visits


def whole(name: str, text: str, dtype: type[np.generic] = np.int64) -> npt.NDArray[Any]:
    """A packed column of whole numbers that fit the type. Raises `RecordError`, `ColumnError`."""
    column = unpack(text)
    if np.can_cast(column.dtype, dtype):
        return column.astype(dtype)
    with np.errstate(invalid="ignore"):
        numbers = column.astype(dtype)
    if not np.array_equal(numbers, column):
        raise RecordError(f"expected `{name}` to be whole numbers of {numbers.itemsize * 8} bits")
    return numbers


def places(name: str, text: str, table: Sized, least: int = 0, dtype: type[np.generic] = np.intp) -> npt.NDArray[Any]:
    """A packed column of places in a table. Raises `RecordError`, `ColumnError`."""
    found = whole(name, text, dtype)
    if len(found) and not (found.min() >= least and found.max() < len(table)):
        raise RecordError(f"expected `{name}` to be places in a table of {len(table)}")
    return found


def near(name: str, column: npt.NDArray[np.int64], most: int = TIME_MS_MAX) -> npt.NDArray[np.int64]:
    """The column, of times where nothing else is said. Raises `RecordError`: something of it is further from 0."""
    if len(column) and not (column.min() >= -most and column.max() <= most):
        raise RecordError(f"expected {name} from {-most} to {most}")
    return column


def panes(name: str, text: str, pane_ms: int) -> npt.NDArray[np.int64]:
    """A packed column of panes' numbers. Raises `RecordError`, `ColumnError`."""
    return near(name, whole(name, text), TIME_MS_MAX // max(1, pane_ms))


def ages(column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Samples' ages, in ms; what they are taken from has as many bits. Raises `RecordError`."""
    if not ((column >= -_INT53) & (column <= _INT53)).all():
        raise RecordError("expected ages of at most 53 bits")
    return column.astype(np.int64)


def _sizes(text: str, samples: int) -> npt.NDArray[Any]:
    """How many of so many samples each run has. Raises `RecordError`, `ColumnError`."""
    sizes = whole("n", text, np.intp)
    if len(sizes) and not (sizes.min() >= 0 and sizes.max() <= samples):
        raise RecordError("expected sizes from 0 to the number of samples")
    if int(sizes.sum()) != samples:
        raise RecordError("expected sample columns of one length, the sum of the runs' sizes")
    return sizes


def samples_to_record(samples: Samples) -> Clickstream:
    runs = samples.runs
    return Clickstream(
        at=samples.arrived_ms,
        pages=[page.key for page in samples.pages],
        origins=samples.origins,
        sessions=samples.sessions,
        loads=samples.loads,
        kinds=samples.kinds,
        runs=RunColumns(
            page=pack(runs.page),
            session=pack(runs.session),
            device=pack(runs.device),
            load=pack(runs.load),
            seq=pack(runs.seq),
            w=pack(runs.width),
            h=pack(runs.height),
            n=pack(runs.size),
        ),
        samples=SampleColumns(
            age=pack(samples.arrived_ms - samples.time_ms),
            x=pack(samples.x),
            y=pack(samples.y),
            kind=pack(samples.kind),
        ),
        anchors=_anchors_to_record(samples),
    )


def _anchors_to_record(samples: Samples) -> AnchorColumns | msgspec.UnsetType:
    anchored = samples.anchored
    if anchored is None:
        return msgspec.UNSET
    return AnchorColumns(samples.anchors, pack(anchored.anchor + 1), pack(anchored.x), pack(anchored.y))


def _anchored_from_record(columns: AnchorColumns | msgspec.UnsetType, length: int) -> Anchored | None:
    if isinstance(columns, msgspec.UnsetType):
        return None
    anchor = places("anchors.at", columns.at, range(len(columns.names) + 1)) - 1  # in the record 0 is none
    anchored = Anchored(anchor, whole("anchors.x", columns.x, np.int32), whole("anchors.y", columns.y, np.int32))
    if not len(anchored.anchor) == len(anchored.x) == len(anchored.y) == length:
        raise RecordError("expected anchor columns as long as the samples'")
    return anchored


def samples_from_record(record: Clickstream) -> Samples:
    """The samples of a record. Raises `RecordError` where its columns do not fit together."""
    try:
        columns = record.runs
        age_ms = ages(unpack(record.samples.age))
        runs = Runs(
            page=places("page", columns.page, record.pages),
            session=places("session", columns.session, record.sessions),
            device=places("device", columns.device, DEVICES),
            load=places("load", columns.load, record.loads, NO_LOAD),
            seq=whole("seq", columns.seq),
            width=unpack(columns.w).astype(np.float64),
            height=unpack(columns.h).astype(np.float64),
            size=_sizes(columns.n, len(age_ms)),
        )
        samples = Samples(
            arrived_ms=record.at,
            pages=[Page.from_key(key) for key in record.pages],
            origins=record.origins,
            sessions=record.sessions,
            loads=record.loads,
            runs=runs,
            time_ms=record.at - age_ms,
            x=unpack(record.samples.x).astype(np.float64),
            y=unpack(record.samples.y).astype(np.float64),
            kind=places("kind", record.samples.kind, record.kinds, dtype=np.uint8),
            kinds=record.kinds,
            anchors=[] if isinstance(record.anchors, msgspec.UnsetType) else record.anchors.names,
            anchored=_anchored_from_record(record.anchors, len(age_ms)),
        )
    except (ColumnError, ValueError) as error:
        raise RecordError(str(error)) from None
    _check(samples)
    return samples


def _check(samples: Samples) -> None:
    runs, length = samples.runs, len(samples)
    lengths = {
        len(runs.page),
        len(runs.session),
        len(runs.device),
        len(runs.load),
        len(runs.seq),
        len(runs.width),
        len(runs.height),
    }
    if lengths != {len(runs)} or len(samples.origins) != len(samples.pages):
        raise RecordError("expected run columns of one length")
    if {len(samples.x), len(samples.y), len(samples.kind)} != {length}:
        raise RecordError("expected sample columns of one length, the sum of the runs' sizes")
    if not len(runs):
        return
    for numbers in (runs.width, runs.height, samples.x, samples.y):
        if not np.isfinite(numbers).all():
            raise RecordError("expected positions and sizes to be finite")
    if runs.width.min() <= 0 or runs.height.min() <= 0:
        raise RecordError("expected document widths and heights above 0")


def counts_to_records(
    counts: Counts, *, partition: int, offset: int, pane_ms: int, grid_size: int, zones_of: Container[str] = ()
) -> list[tuple[str, GroupedByPage]]:
    """One record a page with its key; pages without counts too, where their visitors changed. `zones_of`: pages whose zones are told."""
    # numbers of 16 bits are sorted in a few passes
    order = np.argsort(counts.page.astype(np.uint16) if len(counts.pages) <= 1 << 16 else counts.page, kind="stable")
    ends = np.searchsorted(counts.page[order], np.arange(len(counts.pages) + 1)).tolist()
    columns = (pack_parts(column[order], ends) for column in (counts.pane, counts.layer, counts.tile, counts.count))
    records, kinds = [], list(KINDS)
    for index, (key, pane, layer, tile, count) in enumerate(zip(counts.pages, *columns, strict=True)):
        page = Page.from_key(key)
        records.append(
            (
                key,
                GroupedByPage(
                    site=page.site,
                    path=page.path,
                    partition=partition,
                    offset=offset,
                    pane_ms=pane_ms,
                    grid_size=grid_size,
                    visitors=counts.visitors[index],
                    newest=counts.newest_ms[index],
                    origin=counts.origins[index],
                    kinds=kinds,
                    pane=pane,
                    layer=layer,
                    tile=tile,
                    count=count,
                    zones=zones_to_columns(counts.zones, index) if counts.zones is not None and key in zones_of else msgspec.UNSET,
                ),
            )
        )
    return records


def zones_to_columns(counts: ZoneCounts, page: int) -> ZoneColumns | msgspec.UnsetType:
    """The zones of the page at that place; left out where there are none."""
    rows = np.flatnonzero(counts.page == page)
    if not len(rows):
        return msgspec.UNSET
    used, zone = np.unique(counts.zone[rows], return_inverse=True)
    columns = (zone, counts.pane[rows], counts.kind[rows], counts.person[rows], counts.count[rows])
    return ZoneColumns([counts.names[at] for at in used.tolist()], *map(_packed, columns))


def zones_from_record(record: GroupedByPage) -> ZoneCounts | None:
    """The zones of a record of one page; None: it tells of none. Raises `RecordError`."""
    return zones_from_columns(record.zones, record.pane_ms)


def zones_from_columns(columns: ZoneColumns | msgspec.UnsetType, pane_ms: int) -> ZoneCounts | None:
    """The zones of one page, in panes of so many ms; None: they are left out. Raises `RecordError`."""
    if isinstance(columns, msgspec.UnsetType):
        return None
    try:
        zone, pane = places("zones.zone", columns.zone, columns.names), panes("zones.pane", columns.pane, pane_ms)
        kind, person = places("zones.kind", columns.kind, KINDS), whole("zones.person", columns.person, np.uint32)
        count = whole("zones.count", columns.count, np.int32)
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(zone) == len(pane) == len(kind) == len(person) == len(count):
        raise RecordError("expected zone columns of one length")
    if len(count) and count.min() <= 0:
        raise RecordError("expected counts of zones above 0")
    wide = np.int64  # as the stage that counts them makes them
    return ZoneCounts(columns.names, np.zeros(len(zone), wide), zone.astype(wide), pane, kind.astype(wide), person, count.astype(wide))


def _packed(column: npt.NDArray[Any]) -> str:
    return pack(column) if len(column) > _FEW else pack_few(column.tolist())


def counts_from_record(record: GroupedByPage) -> Counts:
    """The counts of a record of one page. Raises `RecordError`."""
    try:
        pane, layer = panes("pane", record.pane, record.pane_ms), places("layer", record.layer, range(LAYERS))
        tile, count = whole("tile", record.tile, np.int32), whole("count", record.count, np.int32)
    except ColumnError as error:
        raise RecordError(str(error)) from None
    if not len(pane) == len(layer) == len(tile) == len(count):
        raise RecordError("expected columns of one length")
    if len(tile) and not (tile.min() >= 0 and tile.max() < record.grid_size**2 and count.min() > 0):
        raise RecordError("expected tiles within the grid, and counts above 0")
    return Counts(
        pages=[record.site + record.path],
        origins=[record.origin],
        visitors=[record.visitors],
        newest_ms=[record.newest],
        page=np.zeros(len(pane), np.intp),
        layer=layer,
        pane=pane,
        tile=tile,
        count=count,
    )


def readable(value: Any) -> Any:
    """A record's JSON with packed columns unpacked to lists, for people's eyes."""
    if isinstance(value, dict):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [readable(item) for item in value]
    if isinstance(value, str) and value.startswith("<"):
        try:
            return unpack(value).tolist()
        except ColumnError:
            return value
    return value

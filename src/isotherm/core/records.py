"""Records: the value of each topic, one struct a topic, and its bytes. `sample_records` and `count_records` make them and read them.

The same bytes stand in Kafka's topics, in the local log, and on the topics page. JSON, so that any tool can read them;
numbers in packed columns (`columns`), so that it costs little.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

import msgspec

from isotherm.core.columns import ColumnError, unpack

__all__ = [
    "FORMAT",
    "INT53",
    "AnchorColumns",
    "Clickstream",
    "DeadLetter",
    "GroupedByPage",
    "HeatmapRecord",
    "Int53",
    "Interest",
    "RecordError",
    "RunColumns",
    "SampleColumns",
    "Tick",
    "ZoneColumns",
    "dead_letter",
    "decode_clickstream",
    "decode_grouped",
    "decode_heatmap",
    "decode_interest",
    "decoded",
    "encode",
    "is_clickstream",
    "readable",
    "tick_of",
]

FORMAT: Final = 1
INT53: Final = 2**53  #: what every reader of JSON can hold, and 64 bits with room to spare
Int53 = Annotated[int, msgspec.Meta(ge=-INT53, le=INT53)]


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

    at: Int53  #: arrival, ms since the epoch
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
    offset: Int53
    pane_ms: int
    grid_size: int
    visitors: int  #: sessions active on the page, as this partition's Group By knows them
    newest: Int53  #: newest event time, ms since the epoch; 0: no samples
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
    newest: Int53 = 0  #: newest event time, ms since the epoch; 0: none known
    origin: str | None = None


class Tick(msgspec.Struct):
    """A record that only says what time it is, so that time goes on where no event comes. In both topics of the clickstream."""

    tick: Int53  #: ms since the epoch
    v: int = FORMAT


class DeadLetter(msgspec.Struct):
    """Topic `clickstream-dead-letter`: a record that a stage could not process, and why."""

    error: str
    stage: str
    topic: str
    partition: int
    offset: Int53
    value: str  #: as text; bytes that are no UTF-8 are escaped
    cut: bool = False  #: the value was too long to be kept whole


class Interest(msgspec.Struct, omit_defaults=True):
    """Topic `isotherm-interest`: somebody watches the page that is the key. Of several, the longest holds."""

    until: Int53  #: ms since the epoch; 0: nobody watches
    zones: Int53 = 0  #: so long its zones are asked for
    spots: Int53 = 0  #: and so long the spots of its elements
    exposure: Int53 = 0  #: and so long what of it was in view


_encoder = msgspec.json.Encoder()
_clickstream_decoder = msgspec.json.Decoder(Clickstream)
_grouped_decoder = msgspec.json.Decoder(GroupedByPage)
_heatmap_decoder = msgspec.json.Decoder(HeatmapRecord)
_tick_decoder = msgspec.json.Decoder(Tick)
_interest_decoder = msgspec.json.Decoder(Interest)
_TICK_BEGINS: Final = b'{"tick":'
_CLICKSTREAM_BEGINS: Final = b'{"at":'
_DEAD_VALUE_CHARS_MAX: Final = 64 * 1024


def encode(record: msgspec.Struct) -> bytes:
    return _encoder.encode(record)


def decode_clickstream(value: bytes) -> Clickstream:
    """Raises `RecordError`."""
    return _of_this_format(decoded(_clickstream_decoder, value))


def decode_grouped(value: bytes) -> GroupedByPage:
    """Raises `RecordError`."""
    return _of_this_format(decoded(_grouped_decoder, value))


def decode_heatmap(value: bytes) -> HeatmapRecord:
    """Raises `RecordError`."""
    return decoded(_heatmap_decoder, value)


def decode_interest(value: bytes) -> Interest:
    """Raises `RecordError`."""
    return decoded(_interest_decoder, value)


def tick_of(value: bytes) -> int | None:
    """The time that a tick tells; None: the record is no tick. Raises `RecordError`."""
    return decoded(_tick_decoder, value).tick if value.startswith(_TICK_BEGINS) else None


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


def decoded(decoder: msgspec.json.Decoder[_Any], value: bytes) -> _Any:
    try:
        return decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(str(error)) from None


def _of_this_format(record: _Record) -> _Record:
    if record.v != FORMAT:
        raise RecordError(f"expected a record of format {FORMAT}, got {record.v}: it is of another release")
    return record


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

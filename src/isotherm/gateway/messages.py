"""Messages: bytes that came in become a typed event or batch, or are refused with what was expected and where.

To decode is to validate: nobody behind this module checks again. The rules are those of the public interface.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from isotherm.core.columns import ColumnError, unpack, unpack_floats, unpack_samples, unpack_within
from isotherm.core.layers import CLASSIC_KINDS, KINDS, SAMPLE_KINDS, SENT_KINDS
from isotherm.core.limits import SAMPLE_AGE_MS_MAX
from isotherm.core.pages import PATH_BYTES_MAX
from isotherm.core.samples import Anchored

__all__ = ["PLACE_OF_TYPE", "Batch", "Classic", "Ignored", "Refusal", "decode", "decode_event", "seq_of", "split"]

SESSION_BYTES_MAX: Final = 128
LOAD_BYTES_MAX: Final = 64
ANCHOR_BYTES_MAX: Final = 256
_IN_BOX_MAX: Final = 1000  #: positions in a box are thousandths
BATCH_SAMPLES_MAX: Final = 1000
SEQ_MAX: Final = 2**53 - 1

_Positive = Annotated[float, Meta(gt=0)]
_DEFAULT_KINDS: Final = ["move", "click", "dead", "view", "leave"]  #: of a packed column without a table; grows at its end
_VIEW: Final = SAMPLE_KINDS.index("view")
PLACE_OF_TYPE: Final = {type_: KINDS.index(kind) for type_, kind in CLASSIC_KINDS.items()}


class Refusal(Exception):
    """A message that is not taken.

    `reason` is the counter's name, `seq` the batch's number where one could be read; `retry_after_ms` is set where the same message
    may be taken later.
    """

    def __init__(self, message: str, *, reason: str = "invalid", seq: int | None = None, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.seq = seq
        self.retry_after_ms = retry_after_ms

    def answer(self) -> str:
        """The JSON that the sender is answered with."""
        body: dict[str, Any] = {"error": self.message}
        if self.seq is not None:
            body["seq"] = self.seq
        if self.retry_after_ms is not None:
            body["retry_after_ms"] = self.retry_after_ms
        return msgspec.json.encode(body).decode()


class _Size(msgspec.Struct):
    width: _Positive
    height: _Positive


class _Point(msgspec.Struct):
    x: float
    y: float


class _ClassicEvent(msgspec.Struct):
    """The tutorial's event, all types."""

    type: str
    relative_path: str  #: begins with a slash, which `_to_classic` looks at: a pattern here would cost as much as a quarter of decoding
    session_id: str | None = None
    query_prams: Any = None  #: spelt so; optional, so whatever it is refuses nothing
    window: _Size | None = None
    point: _Point | None = msgspec.field(default=None, name="mouse-coordinates")
    timestamp: float | None = None


class _OtherEvent(msgspec.Struct):
    """The tutorial's event, of a type that no layer wants: its coordinates may be anything."""

    type: str
    relative_path: Annotated[str, Meta(pattern="^/")]
    session_id: str | None = None


class _BatchMessage(msgspec.Struct):
    v: int
    load: Annotated[str, Meta(min_length=1)]
    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    path: Annotated[str, Meta(pattern="^/")]
    w: _Positive
    h: _Positive
    x: str | list[float]
    y: str | list[float]
    age: str | list[float]
    kind: str | list[str]
    kinds: Annotated[list[str], Meta(min_length=1, max_length=255)] | None = None
    vw: _Positive | None = None
    vh: _Positive | None = None
    session: str | None = None
    bot: bool = False  #: the browser said that a program drives it
    anchors: Annotated[list[str], Meta(max_length=BATCH_SAMPLES_MAX)] | None = None
    anchor: str | list[int] | None = None
    ax: str | list[float] | None = None
    ay: str | list[float] | None = None


class _Peek(msgspec.Struct):
    """What tells a batch from an event, whatever else is wrong with it."""

    v: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    seq: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Classic(msgspec.Struct):
    """One sample of the tutorial's tracker."""

    session: str
    path: str
    kind: int  #: place in `layers.KINDS`
    x: float
    y: float
    width: float
    height: float
    timestamp_ms: float | None
    query: str | None = None  #: of the page's address; a site's rules may want some of it


class Ignored(msgspec.Struct):
    """A classic event of a type that no layer wants."""

    type: str


class Batch(msgspec.Struct):
    """Samples of one page and session, columns of one length; those of kinds that no layer wants are left out."""

    session: str
    load: str
    seq: int
    path: str
    width: float
    height: float
    viewport_width: float
    kind: npt.NDArray[np.uint8]  #: places in `layers.SAMPLE_KINDS`
    x: npt.NDArray[np.float64]  #: of a view: how high the viewport is
    y: npt.NDArray[np.float64]
    age_ms: npt.NDArray[np.float64] | npt.NDArray[np.int64]
    ignored: int  #: samples left out
    bot: bool = False
    anchors: list[str] = []
    anchored: Anchored | None = None  #: as long as the other columns
    block: bytes | None = None  #: x, y and ages of 64 bits, one behind the other, where they came so and none was left out


_classic = msgspec.json.Decoder(_ClassicEvent)
decode_event: Final = _classic.decode  #: of one whose form is right; what it says is for `decode` to judge
_other = msgspec.json.Decoder(_OtherEvent)
_batch = msgspec.json.Decoder(_BatchMessage)
_peek = msgspec.json.Decoder(_Peek)
_several = msgspec.json.Decoder(Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=1000)])
_DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(data: bytes, session: str | None) -> Classic | Batch | Ignored:
    """One message. `session` serves where the message has none. Raises `Refusal`."""
    if not data.startswith(b'{"v":'):  # our tracker's batches begin so; for all else an event is the likelier
        try:
            return _to_classic(_classic.decode(data), session)
        except _DECODE_ERRORS as error:
            problem = _words(error)  # the error itself would refer to this call, which refers to it
        peek = _peeked(data)
        if peek is None or peek.v is msgspec.UNSET or peek.type is not msgspec.UNSET:
            return _other_or_refusal(data, problem)
    try:
        message = _batch.decode(data)
    except _DECODE_ERRORS as error:
        peek = _peeked(data)
        if peek is not None and peek.type is not msgspec.UNSET:
            return decode(b" " + data, session)  # an event that happens to begin with an unknown field `v`
        raise Refusal(_words(error), seq=_seq(peek)) from None
    if message.v != 1:
        raise Refusal(f"Expected a batch of version 1, got {message.v} - at `$.v`: update the server", reason="version", seq=message.seq)
    return _to_batch(message, session)


def split(body: bytes) -> list[bytes]:
    """The messages of a beacon's body: one, or the elements of an array. Raises `Refusal`."""
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        return [body]
    try:
        return [bytes(raw) for raw in _several.decode(body)]
    except _DECODE_ERRORS as error:
        raise Refusal(_words(error)) from None


def seq_of(data: bytes) -> int | None:
    """The number of a batch that nobody decodes; None: it is none, or can't be read."""
    peek = _peeked(data)
    return None if peek is None or peek.v is msgspec.UNSET or peek.type is not msgspec.UNSET else _seq(peek)


def _peeked(data: bytes) -> _Peek | None:
    try:
        return _peek.decode(data)
    except _DECODE_ERRORS:
        return None


def _seq(peek: _Peek | None) -> int | None:
    if peek is None or isinstance(peek.seq, msgspec.UnsetType):
        return None
    try:
        seq = msgspec.json.decode(peek.seq, type=int)
    except _DECODE_ERRORS:
        return None
    return seq if 0 <= seq <= SEQ_MAX else None


def _words(error: BaseException) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"Expected JSON in UTF-8: {error.reason} (byte {error.start})"
    if isinstance(error, RecursionError):
        return "Expected JSON that is not nested so deeply"
    return str(error)


def _session(session: str | None, fallback: str | None, field: str, seq: int | None = None) -> str:
    chosen = session or fallback
    if not chosen:
        raise Refusal(f"Object missing required field `{field}` (the address gives no session either)", seq=seq)
    _limit(chosen, SESSION_BYTES_MAX, field, seq)
    return chosen


def _limit(text: str, bytes_max: int, field: str, seq: int | None = None) -> None:
    if len(text) * 4 > bytes_max and len(text.encode()) > bytes_max:
        raise Refusal(f"Expected `str` of at most {bytes_max} bytes as UTF-8 - at `$.{field}`", seq=seq)


def _to_classic(event: _ClassicEvent, session: str | None) -> Classic | Ignored:
    if not event.relative_path.startswith("/"):
        raise Refusal("Expected `str` matching regex '^/' - at `$.relative_path`")
    _limit(event.relative_path, PATH_BYTES_MAX, "relative_path")
    who = _session(event.session_id, session, "session_id")
    place = PLACE_OF_TYPE.get(event.type)
    if place is None:
        return Ignored(event.type)
    if event.window is None:
        raise Refusal("Object missing required field `window`")
    if event.point is None:
        raise Refusal("Object missing required field `mouse-coordinates`")
    return Classic(
        who,
        event.relative_path,
        place,
        event.point.x,
        event.point.y,
        event.window.width,
        event.window.height,
        event.timestamp,
        event.query_prams if isinstance(event.query_prams, str) else None,
    )


def _other_or_refusal(data: bytes, problem: str) -> Ignored:
    """An event whose coordinates are wrong is still ignored rather than refused, if nobody wants them."""
    try:
        event = _other.decode(data)
    except _DECODE_ERRORS:
        raise Refusal(problem) from None
    if event.type in CLASSIC_KINDS:
        raise Refusal(problem) from None
    return Ignored(event.type)


def _to_batch(message: _BatchMessage, session: str | None) -> Batch:
    seq = message.seq
    _limit(message.path, PATH_BYTES_MAX, "path", seq)
    _limit(message.load, LOAD_BYTES_MAX, "load", seq)
    who = _session(message.session, session, "session", seq)
    block = unpack_samples(message.x, message.y, message.age, SAMPLE_AGE_MS_MAX)
    x, y, age, near = _of_block(block) if block is not None else _one_by_one(message)
    if not 1 <= len(x) <= BATCH_SAMPLES_MAX:
        raise Refusal(f"Expected columns of 1 to {BATCH_SAMPLES_MAX} samples, got {len(x)} - at `$.x`", seq=seq)
    kind: npt.NDArray[Any] = _kinds(message, len(x))
    if not len(y) == len(age) == len(kind) == len(x):
        for name, column in (("y", y), ("age", age), ("kind", kind)):
            if len(column) != len(x):
                raise Refusal(f"Expected {len(x)} elements as in `x`, got {len(column)} - at `$.{name}`", seq=seq)
    if not near and (np.minimum.reduce(age) < 0 or np.maximum.reduce(age) > SAMPLE_AGE_MS_MAX):
        raise Refusal(f"Expected ages from 0 to {SAMPLE_AGE_MS_MAX} ms - at `$.age`: older samples are not taken", seq=seq)
    anchored = _anchored(message, len(x)) if message.anchors else None
    if kind.dtype != np.uint8 or _VIEW in kind.tobytes():
        x, kind, block = *_with_heights(message, x, kind), None
    ignored = 0
    if kind.dtype != np.uint8:
        wanted = kind >= 0
        ignored = len(x) - int(np.count_nonzero(wanted))
        kind = kind.astype(np.uint8)
        if ignored:
            x, y, age, kind = x[wanted], y[wanted], age[wanted], kind[wanted]
            anchored = anchored.take(np.flatnonzero(wanted)) if anchored is not None else None
    return Batch(
        session=who,
        load=message.load,
        seq=seq,
        path=message.path,
        width=message.w,
        height=message.h,
        viewport_width=message.vw or message.w,
        kind=kind,
        x=x,
        y=y,
        age_ms=age,
        ignored=ignored,
        bot=message.bot,
        anchors=message.anchors or [],
        anchored=anchored,
        block=block,
    )


_Columns = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64] | npt.NDArray[np.int64], bool]


def _of_block(block: bytes) -> _Columns:
    """x, y and ages, which are all within their bounds."""
    length = len(block) // 24
    places = np.frombuffer(block, np.float64)
    return places[:length], places[length : 2 * length], np.frombuffer(block, np.int64, length, 16 * length), True


def _one_by_one(message: _BatchMessage) -> _Columns:
    """The same of columns that are not all packed, or one of which is wrong; and whether ages are known to be within their bounds."""
    x, y = _numbers(message.x, "x", message.seq), _numbers(message.y, "y", message.seq)
    near = unpack_within(message.age, SAMPLE_AGE_MS_MAX) if isinstance(message.age, str) else None
    return x, y, _ages(message.age, message.seq) if near is None else near, near is not None


def _with_heights(
    message: _BatchMessage, x: npt.NDArray[np.float64], kind: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
    """A view's x says nothing, so it carries the viewport's height. Where a batch does not tell that, its views are not wanted."""
    viewed = kind == _VIEW
    if not viewed.any():
        return x, kind
    if message.vh is None:
        return x, np.where(viewed, -1, kind.astype(np.int16))
    return np.where(viewed, message.vh, x), kind


def _anchored(message: _BatchMessage, length: int) -> Anchored | None:
    """The anchors' columns; an empty name in the table is no anchor."""
    table, seq = message.anchors, message.seq
    if not table or message.anchor is None:
        return None
    for name in table:
        _limit(name, ANCHOR_BYTES_MAX, "anchors[...]", seq)
    places = _whole_numbers(message.anchor, "anchor", seq)
    x, y = (_in_box(column, name, length, seq) for name, column in (("ax", message.ax), ("ay", message.ay)))
    for name, column in (("anchor", places), ("ax", x), ("ay", y)):
        if len(column) != length:
            raise Refusal(f"Expected {length} elements as in `x`, got {len(column)} - at `$.{name}`", seq=seq)
    if places.min() < 0 or places.max() >= len(table):
        raise Refusal(f"Expected places in a table of {len(table)} anchors - at `$.anchor`", seq=seq)
    named = np.array([bool(name) for name in table], np.bool_)
    return Anchored(np.where(named[places], places, -1), x, y)


def _whole_numbers(column: str | list[int], name: str, seq: int) -> npt.NDArray[np.intp]:
    if isinstance(column, list):
        return np.array([min(max(number, -1), 2**31) for number in column], np.intp)
    numbers = _unpacked(column, name, seq)
    if numbers.dtype.kind == "f":
        raise Refusal(f"Expected whole numbers - at `$.{name}`", seq=seq)
    return numbers.astype(np.intp)


def _in_box(column: str | list[float] | None, name: str, length: int, seq: int) -> npt.NDArray[np.int32]:
    """Thousandths of a box, clamped to it; left out: its middle."""
    if column is None:
        return np.full(length, _IN_BOX_MAX // 2, np.int32)
    clamped: npt.NDArray[np.int32] = np.clip(np.rint(_numbers(column, name, seq)), 0, _IN_BOX_MAX).astype(np.int32)
    return clamped


def _numbers(column: str | list[float], name: str, seq: int) -> npt.NDArray[np.float64]:
    if isinstance(column, list):
        return np.array(column, np.float64)
    floats = unpack_floats(column)
    if floats is not None:
        return floats
    array = _unpacked(column, name, seq)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Refusal(f"Expected finite numbers - at `$.{name}`", seq=seq)
    return array.astype(np.float64)


def _ages(column: str | list[float], seq: int) -> npt.NDArray[np.float64] | npt.NDArray[np.int64]:
    """Whole numbers stay whole: nobody has to round them."""
    if isinstance(column, str):
        array = _unpacked(column, "age", seq)
        if array.dtype.kind != "f":
            return array.astype(np.int64)
    return _numbers(column, "age", seq)


def _unpacked(column: str, name: str, seq: int) -> npt.NDArray[Any]:
    try:
        return unpack(column)
    except ColumnError as error:
        raise Refusal(f"{str(error).capitalize()} - at `$.{name}`", seq=seq) from None


def _kinds(message: _BatchMessage, length: int) -> npt.NDArray[np.int16] | npt.NDArray[np.uint8]:
    """Places in `SAMPLE_KINDS`, one a sample; -1 where nobody wants the kind. Of `uint8` where all are wanted for sure."""
    column = message.kind
    if isinstance(column, list):
        return np.array([_place(kind) for kind in column], np.int16)
    if not column.startswith("<"):
        return _same_kinds(_known(column), length)
    places = _unpacked(column, "kind", message.seq)
    table = message.kinds or _DEFAULT_KINDS
    if places.dtype.kind != "u" or (len(places) and places.max() >= len(table)):
        raise Refusal(f"Expected places in a table of {len(table)} kinds, of type `B` - at `$.kind`", seq=message.seq)
    known: npt.NDArray[np.uint8] | npt.NDArray[np.int16] = _table_of(tuple(map(_known, table)))[places]
    return known


def _known(kind: str) -> str:
    """All names that mean nothing are one: a sender's own words are not kept."""
    return kind if kind in SENT_KINDS else ""


@lru_cache(maxsize=1024)
def _same_kinds(kind: str, length: int) -> npt.NDArray[np.int16] | npt.NDArray[np.uint8]:
    """Most batches are movement alone, of as many samples as others: read-only, since it is shared."""
    place = _place(kind)
    column: npt.NDArray[Any] = np.full(length, place, np.uint8 if place >= 0 else np.int16)
    column.flags.writeable = False
    return column


@lru_cache(maxsize=256)
def _table_of(kinds: tuple[str, ...]) -> npt.NDArray[np.int16] | npt.NDArray[np.uint8]:
    places = [_place(kind) for kind in kinds]
    return np.array(places, np.uint8) if min(places) >= 0 else np.array(places, np.int16)


def _place(kind: str) -> int:
    return SAMPLE_KINDS.index(kind) if kind in SENT_KINDS else -1

"""Digests: what is read from them is what the records came to, however many of them, and in whatever parts it is taken."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings

from isotherm.core.aggregate import RATE_SPAN_MS, Aggregator
from isotherm.core.counts import Counts
from isotherm.core.digest import Counted, Digest
from isotherm.core.digest_bytes import BEGIN_BYTES, COUNTED, REMEMBERED, DigestError, Packed, Setting, remembered_bytes
from isotherm.core.exposure import Exposures
from isotherm.core.exposure_rollup import fold_exposure
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.layers import KINDS, SAMPLE_KINDS
from isotherm.core.pages import Page
from isotherm.core.recollection import Recollection
from isotherm.core.rollup import Bucket, fold
from isotherm.core.samples import Anchored, Samples
from isotherm.core.tiers import Floors
from isotherm.core.zones import Zones
from isotherm.gateway.intake import Intake
from isotherm.gateway.messages import Batch, Classic
from tests.core.made_up import made_up_digest, with_column
from tests.core.test_windows import PAGES, batches

START_MS, HOP_MS, GRID, WINDOW_MS = 1_700_000_000_000, 250, 5, 10_000
SETTING = Setting(GRID, HOP_MS, people=True)
VIEW = SAMPLE_KINDS.index("view")
zones = st.lists(st.sampled_from(["", "hero", "price", "#buy"]), min_size=5, max_size=5)
origins = st.sampled_from([None, "https://a.example", "https://b.example"])
messages = st.tuples(batches(), zones, origins, st.booleans())
steps = st.lists(st.tuples(st.integers(0, 3000), st.lists(messages, min_size=1, max_size=4)), min_size=1, max_size=12)


def to_samples(made: list[Any], now_ms: int) -> Samples:
    """As the gateway would hand them on: batches, on zones where they have a name, and events, which have no load."""
    intake = Intake()
    for one, names, origin, is_event in made:
        page = Page.from_key(one["page"])
        if is_event:
            event = Classic(one["session"], "/", one["kind"][0], one["x"][0], one["y"][0], float(one["width"]), float(one["height"]), None)
            intake.add_classic(event, page, origin, now_ms - one["age"][0], None)
            continue
        length = len(one["x"])
        anchor = np.array([place if name else -1 for place, name in enumerate(names[:length])])
        zero = np.zeros(length, np.int32)
        intake.add_batch(
            Batch(
                session=one["session"], load=one["load"], seq=one["seq"], path="", width=float(one["width"]), height=float(one["height"]),
                viewport_width=one["viewport"], kind=np.array(one["kind"], np.uint8), x=np.array(one["x"], np.float64),
                y=np.array(one["y"], np.float64), age_ms=np.array(one["age"], np.float64), ignored=0, anchors=names[:length],
                anchored=Anchored(anchor, zero, zero) if any(names[:length]) else None,
            ),
            page, origin, now_ms, None,
        )  # fmt: skip
    drained = intake.drain(now_ms)
    assert drained is not None
    return drained.samples


class Core:
    """What follows Group By."""

    def __init__(self) -> None:
        self.aggregator = Aggregator(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS, skew_ms=2000)
        self.zones = Zones(window_ms=WINDOW_MS, hop_ms=HOP_MS, skew_ms=2000)
        self.counts: list[Counts] = []

    def take(self, counts: Counts, arrived_ms: int, arrived: npt.NDArray[np.float64] | None = None) -> None:
        self.aggregator.merge(counts, arrived_ms, arrived=arrived)
        if counts.zones is not None:
            self.zones.merge(counts.pages, counts.zones)
        self.counts.append(counts)

    def said(self, now_ms: int, group_by: GroupBy) -> tuple[list[float], Any]:
        """All that anyone could ask; the pages' rates apart."""
        self.aggregator.set_visitors(group_by.expire(now_ms))
        self.aggregator.advance(now_ms)
        self.zones.advance(now_ms)
        views = [View(page, kind, device) for page in PAGES for kind in KINDS for device in ("mobile", "tablet", "desktop")]
        heat = [self.aggregator.whole(view) for view in views]
        pages = sorted(self.aggregator.pages(now_ms), key=lambda page: page.key)
        buckets, _ = fold(self.counts, hop_ms=HOP_MS, tiles=GRID * GRID, floors=Floors())
        sizes = {one.pages[at]: size for one in self.counts if one.documents for at, size in one.documents.sizes().items()}
        return [page.rate for page in pages], (
            [(one.cells.tolist(), one.counts.tolist()) for one in heat], [page._replace(rate=0.0) for page in pages],
            [self.zones.league(page) for page in PAGES], [self.zones.people(page) for page in PAGES],
            sorted(map(plain, buckets)), sizes, self.aggregator.late, self.aggregator.ahead,
        )  # fmt: skip


def plain(bucket: Bucket) -> Any:
    contents = bucket.contents
    return bucket[:3], contents.cells.tolist(), contents.counts.tolist(), contents.marks.marks.tolist(), contents.marks.level


def sent(page: str, load: str, origin: str | None) -> tuple[dict[str, Any], list[str], str | None, bool]:
    """A batch of one sample, always the first of its load."""
    one = {"page": page, "session": "a", "load": load, "seq": 0, "width": 10, "height": 10, "viewport": 800.0}
    return one | {"kind": [0], "x": [1.0], "y": [2.0], "age": [0]}, [""] * 5, origin, False


#: A repeat, on a page that nobody knows yet, from an origin of which nothing that counts came.
OF_NOTHING = [(0, [sent(PAGES[0], "x", None)]), (9, [sent(PAGES[2], "x", "https://a.example")]), (9, [sent(PAGES[2], "y", None)])]


@example(OF_NOTHING, set(), set(), [], True, 0)
@settings(max_examples=40, deadline=None)
@given(
    steps, st.sets(st.integers(1, 11), max_size=4), st.sets(st.integers(1, 11), max_size=4), st.lists(messages, max_size=4), st.booleans(),
    st.integers(0, 5),
)  # fmt: skip
def test_a_digest_says_what_the_records_said(
    trace: Any, cuts: set[int], apart: set[int], after: list[Any], people: bool, remembered: int
) -> None:
    """Heat, zones, people, history, pages and visitors are the same, whether records are counted or their digests read, in any pieces;
    and so is what comes after, repeats of what was before among it, also where what was remembered at the end of a digest stands for the
    batches of all before."""
    now_ms, records, direct, recollections = START_MS, [], Core(), []
    group_by, again = (GroupBy(grid_size=GRID, hop_ms=HOP_MS, people=people) for _ in range(2))
    for offset, (wait_ms, made) in enumerate(trace):
        now_ms += wait_ms
        samples = to_samples(made, now_ms)
        counts = group_by.group(samples)
        direct.take(counts, now_ms)
        records.append(Counted.of(group_by.newest, counts, offset, now_ms))
        recollection = group_by.recollection()
        assert recollection is not None
        recollections.append(recollection.to_bytes())
    through = Core()
    bounds = [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]
    for number, (start, end) in enumerate(pairwise(bounds), 1):
        digest = Digest.from_bytes(Digest.of(records[start:end], SETTING).to_bytes(), SETTING)
        if number == remembered:
            again.restore(Recollection.from_bytes(recollections[end - 1]))
        elif number > remembered or remembered >= len(bounds):
            again.recall(digest.batches())
        again.recall_clicks(digest.clicks(0))
        pieces = list(digest.pieces(lambda offset, _: sum(offset >= at for at in apart)))
        assert pieces[0].taken_ms == records[start].taken_ms
        assert pieces[-1].offset == records[end - 1].offset
        for piece in pieces:
            counts = piece.read()
            assert (piece.rows, piece.people) == (counts.rows, counts.people)
            assert not counts.rows or piece.newest_pane == counts.newest_pane
            through.take(counts, piece.arrived_ms, piece.faded(piece.without_people(), RATE_SPAN_MS))
    if after:
        now_ms += 100
        samples = to_samples(after, now_ms)
        direct.take(group_by.group(samples), now_ms)
        through.take(again.group(samples), now_ms)
    now_ms += HOP_MS
    rates, said = through.said(now_ms, again)
    expected_rates, expected = direct.said(now_ms, group_by)
    assert said == expected
    assert rates == pytest.approx(expected_rates, rel=1e-6)


def test_records_that_are_not_wanted_are_left_out() -> None:
    """Each record is asked for by its offset and time; None leaves it out, and what is alike on both sides of it is not put together."""
    group_by, records, page = GroupBy(grid_size=GRID, hop_ms=HOP_MS), [], "default/a"
    for offset in range(5):
        intake = Intake()
        intake.add_classic(Classic(f"s{offset}", "/a", 0, 1.0, 1.0, 10.0, 10.0, None), Page.from_key(page), None, START_MS, None)
        drained = intake.drain(START_MS)
        assert drained is not None
        counts = group_by.group(drained.samples)
        records.append(Counted.of(group_by.newest, counts, 10 + offset, START_MS + offset))
    digest = Digest.of(records, SETTING)
    pieces = list(digest.pieces(lambda offset, taken_ms: None if taken_ms == START_MS + 2 else "wanted"))
    assert [(piece.offset, piece.taken_ms, int(piece.read().count.sum())) for piece in pieces] == [(11, START_MS, 2), (14, START_MS + 3, 2)]
    assert pieces[1].read().visitors == [5]


WHOLE = [(10, [({"page": PAGES[0], "session": "s", "load": "l", "seq": 0, "width": 10, "height": 10, "viewport": 800.0,
                 "kind": [0], "x": [1.0], "y": [2.0], "age": [0]}, ["hero"], None, False)])]  # fmt: skip


def written() -> bytes:
    samples = to_samples(WHOLE[0][1], START_MS)
    group_by = GroupBy(grid_size=GRID, hop_ms=HOP_MS, people=True)
    counts = group_by.group(samples)
    return Digest.of([Counted.of(group_by.newest, counts, 1, START_MS)], SETTING).to_bytes()


def test_a_digest_that_is_not_whole_is_none() -> None:
    """Cut anywhere, longer than it was, or with any byte changed: it is refused."""
    content = written()
    assert Digest.from_bytes(content, SETTING).pages == [PAGES[0]]
    damaged = [content[:end] for end in range(len(content))] + [content + b"\0"]
    damaged += [content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :] for at in range(len(content))]
    for one in damaged:
        with pytest.raises(DigestError, match=r"damaged|cut short"):
            Digest.from_bytes(one, SETTING)


def made_up(content: bytes, change: Callable[[dict[str, Any]], object], names: bytes | None = None) -> bytes:
    """The digest with its head changed and other names, and with checksums that are right."""
    head_bytes, length = struct.unpack_from("<II", content, 20)
    head = msgspec.json.decode(content[BEGIN_BYTES : BEGIN_BYTES + head_bytes])
    columns_at = BEGIN_BYTES + head_bytes + head["named"]
    names = content[BEGIN_BYTES + head_bytes : columns_at] if names is None else names
    head["named"] = len(names)
    change(head)
    encoded = msgspec.json.encode(head)
    columns = content[columns_at:length]
    rest = struct.pack("<II", len(encoded), BEGIN_BYTES + len(encoded) + len(names) + len(columns)) + encoded + names + columns
    return content[:16] + struct.pack("<I", zlib.crc32(rest)) + rest + content[length:]


@pytest.mark.parametrize("name", ["run.seq", "row.tile"])
@pytest.mark.parametrize(
    ("at", "value"),
    [(1, "|O"), (1, "<u3"), (1, "no type"), (1, "<M8[s]"), (1, "|V1"), (2, -1), (2, 2**40), (2, 2**62), (3, 2**63), (3, -(2**70))],
)
def test_a_digest_with_columns_that_are_made_up_is_none(name: str, at: int, value: object) -> None:
    """A right checksum does not make it one: of another type, longer than it, or from anywhere on, it is refused, not stumbled over."""

    def change(head: dict[str, Any]) -> None:
        next(column for column in head["columns"] if column[0] == name)[at] = value

    content = written()
    assert made_up(content, lambda head: None) == content
    with pytest.raises(DigestError):
        Digest.from_bytes(made_up(content, change), SETTING)


@pytest.mark.parametrize("named", [-1, -(2**40), 2**40])
def test_a_digest_with_names_of_no_length_is_none(named: int) -> None:
    """Columns are not looked for before it, nor behind it."""
    with pytest.raises(DigestError):
        Digest.from_bytes(made_up(written(), lambda head: head.update(named=named)), SETTING)


@pytest.mark.parametrize("names", [b"", b"{", b"[1]", b'{"sessions": ["\xff"], "loads": []}'])
def test_names_that_are_none_are_told_when_they_are_asked_for(names: bytes) -> None:
    """What needs no names is there."""
    digest = Digest.from_bytes(made_up(written(), lambda head: None, names), SETTING)
    assert len(list(digest.pieces(lambda _offset, _taken_ms: True))) == 1
    with pytest.raises(DigestError, match="names"):
        digest.batches()


def test_what_is_remembered_is_read_without_what_is_counted() -> None:
    """The first part of a digest says who sent what, whatever became of the second; with that, it is the digest."""
    content = written()
    end = remembered_bytes(content[:BEGIN_BYTES])
    half, whole = Digest.remembered(content[:end], SETTING), Digest.from_bytes(content, SETTING)
    assert (half.batches().sessions, half.batches().loads, half.views()) == (["s"], ["l"], whole.views())
    assert half.has(lambda _offset, _taken_ms: True)
    assert not half.has(lambda _offset, _taken_ms: None)
    with pytest.raises(DigestError, match="damaged"):
        half.with_counted(content[end:-1])
    again = half.with_counted(content[end:])
    said = [[piece.read() for piece in one.pieces(lambda _offset, _taken_ms: True)] for one in (again, whole)]
    assert [counts.tile.tolist() for counts in said[0]] == [counts.tile.tolist() for counts in said[1]] != []


def test_a_digest_of_an_older_release_is_none() -> None:
    """Its beginning was shorter: what stands there now was other bytes."""
    content = written()
    older = b"isotherm-digest\n" + content[16:24] + content[BEGIN_BYTES:]
    with pytest.raises(DigestError, match="another release"):
        remembered_bytes(older[:BEGIN_BYTES])


def test_a_digest_of_other_settings_is_none() -> None:
    """What was counted otherwise can't be used."""
    with pytest.raises(DigestError, match="other settings"):
        Digest.from_bytes(written(), SETTING._replace(grid_size=GRID + 1))


def rich() -> bytes:
    """A digest with all that there can be in one: several records and pages, clicks, zones, views, stretches, a repeat."""
    group_by, records = GroupBy(grid_size=GRID, hop_ms=HOP_MS, people=True), []
    for offset in range(1, 5):
        made = [
            {"page": page, "session": who, "load": "l", "seq": offset - (who == "t"), "width": 10, "height": 10, "viewport": 800.0,
             "kind": [1, 0, VIEW, 1], "x": [1.0, 9.0, 5.0, 1.0], "y": [2.0, 3.0, offset, 2.0], "age": [900, 800, 700, 600]}
            for who, page in zip("stu", PAGES, strict=False)
        ]  # fmt: skip
        samples = to_samples([(one, ["hero", "", "", "buy"], "https://a.example", False) for one in made], START_MS + 5000 * offset)
        counts = group_by.group(samples)
        records.append(Counted.of(group_by.newest, counts, offset, START_MS + 5000 * offset))
    return Digest.of(records, SETTING, group_by.views.snapshot()).to_bytes()


@pytest.mark.parametrize("name", [*REMEMBERED, *COUNTED])
def test_each_column_is_held_against_what_it_can_be(name: str) -> None:
    """No number that is far out stands in any column, nor one too many or too few, whatever the checksum says."""
    content = rich()
    digest = Digest.from_bytes(content, SETTING)
    column = digest.columns[name].wide(dtype=np.float64 if digest.columns[name].values.dtype.kind == "f" else np.int64)
    assert len(column), "there is something to be changed"
    far_out = [np.inf, np.nan] if column.dtype.kind == "f" else [-(2**62), 2**62]
    others = [np.where(np.arange(len(column)) == len(column) - 1, far, column).astype(column.dtype) for far in far_out]
    more = [np.append(column, column[:1])] if name != "session.hash" else []  # of a name that nobody means
    for other in (*others, *more, column[:-1]):
        with pytest.raises(DigestError):
            read_whole(with_column(digest, name, other, SETTING))


def read_whole(content: bytes) -> None:
    digest = Digest.from_bytes(content, SETTING)
    digest.batches()  # names are looked at when they are asked for
    digest.views()
    for piece in digest.pieces(lambda *_: True):
        piece.read()


@pytest.mark.parametrize(
    "name", ["row.page", "sample.row", "zone.page", "stretch.page", "click.run", "run.session", "view.session", "run.load"]
)
def test_what_leaves_64_bits_is_no_column(name: str) -> None:
    """From its base on the largest place would come round to be the least, and pass for one within its table."""
    digest = Digest.from_bytes(rich(), SETTING)
    places = digest.columns[name].wide()
    places[-1] = 10**6
    base = 10**6 - 2**63
    with np.errstate(over="ignore"):
        column = Packed((places - np.int64(base)).astype("<i8"), base)
    assert column.wide().tolist() == places.tolist()
    made_up = Digest(digest.head, digest.columns | {name: column}, digest._named, SETTING).to_bytes()
    with pytest.raises(DigestError, match="leaves 64 bits"):
        read_whole(made_up)


@pytest.mark.parametrize("name", ["row.tile", "row.count", "zone.person", "session.hash", "stretch.person"])
@pytest.mark.parametrize(("base", "dtype"), [(2**63 - 2, "<i8"), (-(2**40), "<i8"), (100 - 2**32, "<u4")])
def test_a_base_of_any_size_is_added(name: str, base: int, dtype: str) -> None:
    """Wherever a column begins to count, its numbers are the same, also in a type that the base does not fit into."""
    digest = Digest.from_bytes(rich(), SETTING)
    numbers = digest.columns[name].wide()
    numbers = np.minimum(numbers, 99) if dtype == "<u4" else numbers
    moved = Packed((numbers - np.int64(base)).astype(dtype), base)
    for kind in (np.int64, np.int32, np.uint32):
        assert moved.wide(dtype=kind).tolist() == numbers.astype(kind).tolist()
    read_whole(with_column(digest, name, moved, SETTING))


def test_a_digest_that_is_made_up_is_none_or_can_be_used() -> None:
    """Whatever is taken from it: nothing fails, no place lies outside of its table."""
    content, chance, taken = rich(), random.Random(1), 0
    for _ in range(120):
        changed = made_up_digest(content, SETTING, chance)
        try:
            digest = Digest.from_bytes(changed, SETTING)
            batches, clicks, views = digest.batches(), digest.clicks(0), digest.views()
        except DigestError:
            continue
        taken += 1
        group_by, core, exposures = (
            GroupBy(grid_size=GRID, hop_ms=HOP_MS),
            Core(),
            Exposures(grid_size=GRID, window_ms=WINDOW_MS, hop_ms=HOP_MS),
        )
        group_by.recall(batches), group_by.recall_clicks(clicks), group_by.recall_views(views, START_MS)
        for piece in digest.pieces(lambda offset, _: offset > 2):
            counts = piece.read()
            core.take(counts, piece.arrived_ms, piece.faded(counts, RATE_SPAN_MS))
            if counts.stretches is not None:
                exposures.merge(counts.pages, counts.stretches)
            fold_exposure([counts], bands=GRID, floors=Floors())
        core.said(START_MS + 20_000, group_by)
    assert taken > 12, "some are taken"

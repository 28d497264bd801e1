"""Records: what is written is read, and what is broken is told apart from it by one error."""

from __future__ import annotations

from base64 import b64encode

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.count_records import counts_from_record, counts_to_records, zones_from_record
from isotherm.core.group_by import GroupBy
from isotherm.core.joining import joined, joined_counts
from isotherm.core.records import RecordError, decode_clickstream, decode_grouped, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.visits import visits_of
from tests.core.test_windows import START_MS, batches, to_samples


@settings(deadline=None)
@given(st.lists(batches(), min_size=1, max_size=4), st.data())
def test_a_damaged_record_is_a_record_error_or_a_record(made: list[dict[str, object]], data: st.DataObject) -> None:
    """A byte of it changed, or its end cut off: never another error, never columns that do not fit."""
    samples = to_samples(made, START_MS)
    assert samples is not None
    value = bytearray(encode(samples_to_record(samples)))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(value), bytes(value[:at])):
        try:
            read = samples_from_record(decode_clickstream(damaged))
        except RecordError:
            continue
        assert int(read.runs.size.sum()) == len(read) == len(read.x)
        counts = GroupBy(grid_size=4, hop_ms=250).group(read)
        assert counts.count.sum() <= len(read)
        assert not len(counts.tile) or (counts.tile.min() >= 0 and counts.tile.max() < 16)


def test_a_record_of_another_release_is_named_so() -> None:
    """The operator is told what it is."""
    samples = to_samples([], START_MS)
    assert samples is None
    with pytest.raises(RecordError, match="another release"):
        decode_grouped(
            msgspec.json.encode(
                {"site": "s", "path": "/", "partition": 0, "offset": 0, "pane-ms": 1, "grid-size": 2, "visitors": 0, "newest": 0,
                 "origin": None, "kinds": [], "pane": "<B", "layer": "<B", "tile": "<B", "count": "<B", "v": 99}
            )
        )  # fmt: skip


ONE = {
    "page": "default/", "session": "s", "load": "l", "seq": 0, "width": 4, "height": 4, "viewport": 1280.0,
    "kind": [0], "x": [1], "y": [1], "age": [0],
}  # fmt: skip


def column(dtype: str, letter: str, number: float) -> str:
    return f"<{letter}" + b64encode(np.array([number], dtype).tobytes()).decode()


@pytest.mark.parametrize(
    ("part", "name", "packed"),
    [
        ("samples", "age", column("<f8", "d", float("inf"))),
        ("samples", "age", column("<i8", "q", -(2**63))),
        ("runs", "page", column("<f8", "d", 0.5)),
        ("runs", "session", column("<i1", "b", -1)),
        ("runs", "load", column("<i1", "b", -2)),
        ("runs", "seq", column("<f8", "d", 0.5)),
        ("runs", "n", column("<i1", "b", -1)),
    ],
)
def test_what_is_read_again_is_refused_as_it_was(part: str, name: str, packed: str) -> None:
    """A record that went to the dead letters stops nobody who reads it again, and nothing of it is remembered."""
    samples = to_samples([ONE], START_MS)
    assert samples is not None
    record = samples_to_record(samples)
    setattr(getattr(record, part), name, packed)
    for read in (visits_of, lambda value: samples_from_record(decode_clickstream(value))):
        with pytest.raises(RecordError):
            read(encode(record))


def test_whole_numbers_may_come_as_floats() -> None:
    """And are places and numbers then as well, the first time and again."""
    samples = to_samples([ONE], START_MS)
    assert samples is not None
    record = samples_to_record(samples)
    record.runs.page, record.runs.seq = column("<f8", "d", 0), column("<f4", "f", 7)
    assert samples_from_record(record).runs.seq.tolist() == [7]
    _, (visit,) = visits_of(encode(record))
    assert (visit.page, visit.seq, type(visit.seq)) == ("default/", 7, int)


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("tile", column("<i8", "q", 2**32)),
        ("count", column("<i8", "q", 2**32 + 1)),
        ("count", column("<i1", "b", -1)),
        ("layer", column("<u1", "B", 99)),
        ("pane", column("<i8", "q", 2**54 // 250 + 1)),
        ("pane", column("<i8", "q", -(2**54) // 250 - 1)),
    ],
)
def test_numbers_that_no_count_has(name: str, packed: str) -> None:
    """None is cut to what fits: it would be heat on a tile where nobody was. Nor is a pane so far off that its time leaves 64 bits."""
    samples = to_samples([ONE], START_MS)
    assert samples is not None
    ((_, record),) = counts_to_records(GroupBy(grid_size=4, hop_ms=250).group(samples), partition=0, offset=1, pane_ms=250, grid_size=4)
    setattr(record, name, packed)
    with pytest.raises(RecordError):
        counts_from_record(record)
    with pytest.raises(RecordError):
        joined_counts([record])


@pytest.mark.parametrize("packed", [column("<f8", "d", float("nan")), column("<f8", "d", 1e300), column("<i8", "q", 2**53 + 1)])
def test_ages_that_no_sample_has(packed: str) -> None:
    """Alone, and joined with others."""
    samples = to_samples([ONE], START_MS)
    assert samples is not None
    record = samples_to_record(samples)
    record.samples.age = packed
    with pytest.raises(RecordError):
        samples_from_record(record)
    with pytest.raises(RecordError):
        joined([record])


def test_a_kind_beyond_the_table_is_no_kind_of_it() -> None:
    """Also where its lowest bits are."""
    samples = to_samples([ONE], START_MS)
    assert samples is not None
    record = samples_to_record(samples)
    record.samples.kind = column("<u2", "H", 256)
    with pytest.raises(RecordError, match="kind"):
        samples_from_record(record)


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("zone", column("<u1", "B", 1)),
        ("kind", column("<u1", "B", 9)),
        ("person", column("<i1", "b", -1)),
        ("count", column("<u1", "B", 0)),
    ],
)
def test_zones_that_no_record_has(name: str, packed: str) -> None:
    """A place beyond its table, a person that is no hash and a count of nothing are one record's error."""
    columns = {"zone": 0, "pane": 7, "kind": 0, "person": 1, "count": 1}
    zones = {"names": ["buy"]} | {one: column("<u1", "B", number) for one, number in columns.items()}
    record = {
        "site": "default", "path": "/", "partition": 0, "offset": 0, "pane-ms": 250, "grid-size": 2, "visitors": 1, "newest": 0,
        "origin": None, "kinds": ["move"], "pane": "<B", "layer": "<B", "tile": "<B", "count": "<B",
    }  # fmt: skip
    sound = zones_from_record(decode_grouped(msgspec.json.encode(record | {"zones": zones})))
    assert sound is not None
    assert zones_from_record(decode_grouped(msgspec.json.encode(record))) is None
    with pytest.raises(RecordError):
        zones_from_record(decode_grouped(msgspec.json.encode(record | {"zones": zones | {name: packed}})))
    with pytest.raises(RecordError, match="one length"):
        zones_from_record(decode_grouped(msgspec.json.encode(record | {"zones": zones | {name: "<B"}})))

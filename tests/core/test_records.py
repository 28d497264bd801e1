"""Records: what is written is read, and what is broken is told apart from it by one error."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core.group_by import GroupBy
from isotherm.core.records import RecordError, decode_clickstream, decode_grouped, encode, samples_from_record, samples_to_record
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

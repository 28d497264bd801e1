"""A partition of the aggregator: records taken together count as they do one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.columns import pack
from isotherm.core.records import GroupedByPage, encode
from isotherm.runtimes.kafka.partition import Partition
from isotherm.runtimes.pipeline import PipelineSettings

NOW_MS = 1_700_000_000_000
SETTINGS = PipelineSettings(Path(), window_ms=2000, hop_ms=250, grid_size=4, skew_ms=500)
rows = st.lists(st.tuples(st.integers(-10, 1), st.sampled_from([0, 2, 4]), st.integers(0, 16), st.integers(0, 3)), max_size=4)
#: Source, offset, page, and pane, layer, tile and count a row: tile 16 and count 0 can't be.
told = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from("abc"), rows), max_size=12)


def value(source: int, offset: int, page: str, counted: list[tuple[int, int, int, int]]) -> bytes:
    pane, layer, tile, count = np.array(counted, np.int64).reshape(-1, 4).T
    columns = [pack(column) for column in (pane + NOW_MS // 250, layer, tile, count)]
    record = GroupedByPage("default", f"/{page}", source, offset, 250, 4, offset + 1, NOW_MS, None, ["move", "click"], *columns)
    return encode(record)


@given(told, st.sets(st.integers(0, 11)))
def test_records_taken_together_count_as_one_by_one(records: list, settled_after: set[int]) -> None:  # type: ignore[type-arg]
    """Repeats too, and where one of them is not sound: that one is told, the others count."""
    found = []
    for together in (True, False):
        partition = Partition(SETTINGS, publish_all=True, start=0, end=0)
        failed = []
        for at, record in enumerate(records):
            partition.take(value(*record), NOW_MS, NOW_MS, at)
            if not together or at in settled_after:
                failed += partition.settle()
        failed += partition.settle()
        heat = [(key, encode(record)) for key, record in partition.hop(NOW_MS, set()) + partition.hop(NOW_MS + 250, set())]
        found.append((heat, [(at, str(error)[:8]) for at, error in failed], partition.aggregator.late, partition.aggregator.ahead))
    assert found[0] == found[1]
    unsound = [at for at, (*_, counted) in enumerate(records) if any(tile == 16 or not count for *_, tile, count in counted)]
    assert [at for at, _ in found[0][1]] == unsound

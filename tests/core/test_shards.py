"""Samples of many sessions are parted so that a session always goes the same way, and nothing is lost or changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import shards as shards_module
from isotherm.core.group_by import GroupBy
from isotherm.core.layers import PLAIN_LAYERS
from isotherm.core.pages import Page
from isotherm.core.records import decode_clickstream, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.samples import NO_LOAD, Runs, Samples
from isotherm.core.shards import shard_of, split
from isotherm.core.visits import visits_of

run = st.tuples(
    st.integers(0, 4),  # page
    st.integers(0, 9),  # session
    st.integers(-1, 3),  # load
    st.integers(0, 2),  # device
    st.integers(0, 6),  # samples
)


def samples_of(runs: list[tuple[int, int, int, int, int]]) -> Samples:
    size = np.array([row[4] for row in runs], np.int64)
    total = int(size.sum())
    return Samples(
        arrived_ms=1_000_000,
        pages=[Page("default", f"/{at}") for at in range(5)],
        origins=[None, "https://a.example", None, None, None],
        sessions=[f"s{at}" for at in range(10)],
        loads=[f"l{at}" for at in range(4)],
        runs=Runs(
            page=np.array([row[0] for row in runs], np.int64),
            session=np.array([row[1] for row in runs], np.int64),
            device=np.array([row[3] for row in runs], np.int64),
            load=np.array([row[2] for row in runs], np.int64),
            seq=np.arange(len(runs)),
            width=np.arange(len(runs)) + 1.0,
            height=np.arange(len(runs)) + 2.0,
            size=size,
        ),
        time_ms=1_000_000 - np.arange(total),
        x=np.arange(total, dtype=np.float64),
        y=np.arange(total) * 2.0,
        kind=(np.arange(total) % 2).astype(np.uint8),
        kinds=["move", "click"],
    )


def rows(samples: Samples) -> list[tuple[object, ...]]:
    """Every run with its samples, names instead of places."""
    runs, at, out = samples.runs, 0, []
    for page, session, device, load, seq, width, height, size in zip(
        runs.page, runs.session, runs.device, runs.load, runs.seq, runs.width, runs.height, runs.size, strict=True
    ):
        part = slice(at, at + size)
        at += size
        out.append(
            (
                samples.pages[page], samples.origins[page], samples.sessions[session], int(device),
                None if load == NO_LOAD else samples.loads[load], int(seq), float(width), float(height),
                samples.time_ms[part].tolist(), samples.x[part].tolist(), samples.y[part].tolist(), samples.kind[part].tolist(),
            )
        )  # fmt: skip
    return out


@given(st.lists(run, max_size=30), st.integers(1, 5))
def test_split_keeps_everything(runs: list[tuple[int, int, int, int, int]], shards: int) -> None:
    """All runs come out once, in their order within a shard, each in its session's shard; as records they are the same."""
    whole = samples_of(runs)
    parts = split(whole, shards)
    for shard, part in parts:
        assert {shard_of(session, shards) for session in part.sessions} == {shard}
        assert rows(samples_from_record(decode_clickstream(encode(samples_to_record(part))))) == rows(part)
    by_shard = [row for shard in range(shards) for row in rows(whole) if shard_of(str(row[2]), shards) == shard]
    assert [row for _, part in parts for row in rows(part)] == by_shard


@settings(max_examples=20)
@given(st.lists(run, min_size=1, max_size=30))
def test_large_parts_are_cut(runs: list[tuple[int, int, int, int, int]]) -> None:
    """No part has more samples than fit into a record, unless one run has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards_module, "PART_SAMPLES_MAX", 8)
        parts = split(samples_of(runs), 1)
    assert all(len(part) <= 8 for _, part in parts)
    assert [row for _, part in parts for row in rows(part)] == rows(samples_of(runs))


@given(st.lists(st.lists(run, min_size=1, max_size=8), min_size=1, max_size=5))
def test_reliving_is_remembering(records: list[list[tuple[int, int, int, int, int]]]) -> None:
    """What is read back of records that were counted leaves Group By as if it had counted them, but for clicks."""
    counted, relived = GroupBy(grid_size=4, hop_ms=250), GroupBy(grid_size=4, hop_ms=250)
    for runs in records:
        samples = samples_of(runs)
        counted.group(samples)
        relived.relive(*visits_of(encode(samples_to_record(samples))))
    for page in samples_of(records[0]).pages:
        assert counted.presence.on(page.key) == relived.presence.on(page.key)
    again = samples_of(records[-1])
    first, second = counted.group(again), relived.group(again)
    told = [(one.pages, one.visitors, one.count[one.layer < PLAIN_LAYERS].tolist()) for one in (first, second)]
    assert told[0] == told[1]

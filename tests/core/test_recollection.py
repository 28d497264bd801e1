"""Recollection: what is remembered of batches and sessions is the same after it went through bytes, and damaged bytes are none."""

from __future__ import annotations

import struct
import zlib

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from isotherm.core.meeting import Meeting
from isotherm.core.pages import Page
from isotherm.core.recollection import Recollection, RecollectionError
from isotherm.core.samples import Runs, Samples

pytestmark = pytest.mark.usefixtures("both_ways")

START_MS = 1_700_000_000_000
PAGES = ["default/a", "default/b", "shop/a"]
#: session, load, number, page, samples; and how long after the one before
batches = st.tuples(
    st.sampled_from(["s", "t", "ü"]), st.sampled_from(["l", "m", None]), st.integers(0, 6), st.sampled_from(PAGES), st.integers(0, 1),
    st.sampled_from([0, 100, 30_000, 400_000]),
)  # fmt: skip


def met(meeting: Meeting, batch: tuple[str, str | None, int, str, int], now_ms: int) -> bool:
    session, load, seq, page, size = batch
    none, one = np.zeros(size), np.ones(1)
    runs = Runs(
        np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([0 if load is not None else -1]), np.array([seq]),
        one, one, np.array([size]),
    )  # fmt: skip
    samples = Samples(
        now_ms, [Page.from_key(page)], [None], [session], [load or ""], runs, np.full(size, now_ms), none, none, np.zeros(size, np.uint8)
    )
    return bool(meeting.meet(samples, [page])[0][0])


@settings(max_examples=80, deadline=None)
@given(st.lists(batches, max_size=25), st.lists(batches, max_size=25))
def test_what_comes_after_is_met_as_if_nothing_had_been_between(before: list[tuple], after: list[tuple]) -> None:  # type: ignore[type-arg]
    """Repeats are told, gaps filled, visitors counted alike; and the one that was asked goes on as before."""
    now_ms, first, restored = START_MS, Meeting(), Meeting()
    for *batch, wait_ms in before:
        now_ms += wait_ms
        met(first, tuple(batch), now_ms)  # type: ignore[arg-type]
    recollection = first.recollection()
    content = recollection.to_bytes()
    assert Recollection.from_bytes(content) == recollection
    restored.restore(Recollection.from_bytes(content))
    assert restored.recollection() == recollection
    for *batch, wait_ms in after:
        now_ms += wait_ms
        assert met(first, tuple(batch), now_ms) == met(restored, tuple(batch), now_ms)  # type: ignore[arg-type]
    for meeting in (first, restored):
        meeting.expire(now_ms)
        meeting.expire(now_ms + 3_000)
    assert first.presence.on_each(PAGES) == restored.presence.on_each(PAGES)
    assert first.recollection() == restored.recollection()
    assert recollection == Recollection.from_bytes(content)  # it stays as it was


def test_what_is_not_whole_is_none() -> None:
    """Cut anywhere, or with any byte changed: it is refused."""
    meeting = Meeting()
    met(meeting, ("s", "l", 0, PAGES[0], 1), START_MS)
    met(meeting, ("s", "l", 2, PAGES[0], 1), START_MS)
    content = meeting.recollection().to_bytes()
    assert len(Recollection.from_bytes(content).young) == 1
    damaged = [content[:end] for end in range(len(content))] + [content + b"\0"]
    damaged += [content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :] for at in range(len(content))]
    for one in damaged:
        with pytest.raises(RecollectionError, match="damaged"):
            Recollection.from_bytes(one)


@pytest.mark.parametrize(
    ("field", "value"),
    [(0, 2**63), (1, -1), (2, []), (4, [-1]), (4, [2**63]), (5, [[-1, 0, 3, None]]), (5, [[7, 0, 3, None]]), (5, [[0, 2**63, 3, [5]]]),
     (9, [-1]), (10, [1]), (11, [2**63]), (8, [b"\xff"])],
)  # fmt: skip
def test_what_is_made_up_is_none(field: int, value: object) -> None:
    """A right checksum does not make it one: numbers that nobody counted, and places that are none, are refused."""
    meeting = Meeting()
    met(meeting, ("s", "l", 0, PAGES[0], 1), START_MS)
    content = meeting.recollection().to_bytes()
    written = msgspec.msgpack.decode(content[20:])

    def made_up() -> bytes:
        encoded = msgspec.msgpack.encode(written)
        return content[:16] + struct.pack("<I", zlib.crc32(encoded)) + encoded

    assert Recollection.from_bytes(made_up()) == meeting.recollection()
    written[field] = value
    with pytest.raises(RecollectionError):
        Recollection.from_bytes(made_up())

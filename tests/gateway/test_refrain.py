"""Batches that are read by their refrain, held against those that are decoded whole."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.core import counting
from isotherm.core.columns import pack
from isotherm.core.counters import Counters
from isotherm.core.limits import Limits
from isotherm.core.records import samples_to_record
from isotherm.core.sites import Site, Sites
from isotherm.gateway.conversation import Conversation
from isotherm.gateway.gate import Gate
from isotherm.gateway.messages import SEQ_MAX, Batch, Refusal, decode
from isotherm.gateway.refrain import Refrain
from isotherm.gateway.senders import Sender

pytestmark = pytest.mark.skipif(counting.compiled is None, reason="there was no C compiler when Isotherm was installed")

START_MS = 1_700_000_000_000
NAMES = ["", "nav", "buy>0>1", "äöü€", "a]b[,{}:", "x" * 256]


def batch(seq: int = 7, length: int = 5, *, chance: random.Random, packed_kinds: bool = True, anchored: bool = True, **more: Any) -> bytes:
    """As the tracker writes it; `more` takes the place of what there is, None of nothing."""

    def column(most: int) -> str:
        return pack(np.array([chance.randrange(most) for _ in range(length)], np.int64))

    names = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    on = {"anchors": names, "anchor": column(len(names)), "ax": column(1001), "ay": column(1001)} if anchored else {}
    kinds = pack(np.array([chance.choice([0, 1, 2, 4]) for _ in range(length)], np.uint8)) if packed_kinds else "click"
    page = {"path": "/p/ü", "w": 1280, "h": 2400.5, "vw": 800, "vh": 600}
    fields = {"v": 1, "session": "s", "load": "k3x", "seq": seq, **page, "kind": kinds, "x": column(70_000), "y": column(3000)}
    made = fields | {"age": column(600_001)} | on | more
    return msgspec.json.encode({name: value for name, value in made.items() if value is not None})


def plain(message: Any) -> Any:
    """All that a batch says, to be compared."""
    assert isinstance(message, Batch)
    told = [list(value) if isinstance(value, np.ndarray) else value for value in msgspec.structs.astuple(message)]
    on = message.anchored
    return [*told[:-2], None if on is None else (list(on.anchor), list(on.x), list(on.y)), message.block]


def refrain_of(data: bytes) -> Refrain | None:
    found = decode(data, "of the address")
    assert isinstance(found, Batch)
    return Refrain.of(data, found)


shapes = st.fixed_dictionaries({"packed_kinds": st.booleans(), "anchored": st.booleans()})


@settings(deadline=None)
@given(shapes, st.randoms(use_true_random=False), st.integers(1, 1000), st.sampled_from([0, 9, 10, 12345, SEQ_MAX]))
def test_what_a_refrain_reads_is_what_decoding_says(shape: dict[str, bool], chance: random.Random, length: int, seq: int) -> None:
    """Of another number, other samples, as many as there may be, and other elements."""
    refrain = refrain_of(batch(**shape, chance=chance))
    data = batch(seq, length, **shape, chance=chance)
    assert refrain is not None
    read = refrain.read(data)
    assert read is not None
    assert plain(read) == plain(decode(data, "of the address"))


@settings(deadline=None, max_examples=300)
@given(shapes, st.randoms(use_true_random=False), st.integers(1, 3))
def test_whatever_is_changed_in_a_batch_is_found_or_decoded_whole(shape: dict[str, bool], chance: random.Random, times: int) -> None:
    """Any bytes put in, taken out or changed: it reads what decoding would come to, or leaves it to that; what is wrong it never takes."""
    refrain = refrain_of(batch(**shape, chance=chance))
    assert refrain is not None
    data = bytearray(batch(**shape, chance=chance))
    for _ in range(times):
        at, new = (
            chance.randrange(len(data)),
            chance.choice([b"", b'"', b"\\", b",", b"}", b"{", b"]", b"0", b"=", b"A", b"\xff", b"\x00", b" "]),
        )
        data[at : at + chance.choice([0, 1])] = new
    read = refrain.read(bytes(data))
    if read is None:
        return
    try:
        message = decode(bytes(data), "of the address")
    except Refusal as refusal:
        pytest.fail(f"{refusal}: {data!r}")
    assert plain(read) == plain(message)


@pytest.mark.parametrize(
    "more",
    [
        {"path": "/p/2"}, {"w": 1281}, {"session": "t"}, {"load": "other"}, {"bot": True}, {"vh": None}, {"seq": -1}, {"seq": SEQ_MAX + 1},
        {"seq": 7.5}, {"kind": "move"}, {"kind": pack(np.array([0, 0, 3, 0, 0], np.uint8))}, {"kind": pack(np.full(5, 9, np.uint8))},
        {"kind": pack(np.zeros(4, np.uint8))}, {"x": [1, 2, 3, 4, 5]}, {"x": pack(np.arange(4))}, {"age": pack(np.full(5, 600_001))},
        {"age": pack(np.full(5, 0.5))}, {"anchors": []}, {"anchors": ["x" * 257] * 6}, {"anchor": pack(np.full(5, 6))},
        {"anchor": pack(np.full(5, -1))}, {"ax": pack(np.full(5, 0.5))}, {"ax": None}, {"kinds": ["click"]}, {"x": "<H"}, {"x": ""},
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_is_decoded_whole(more: dict[str, Any]) -> None:
    """Another page, another sender, what is out of bounds, or written in another way."""
    chance = random.Random(1)
    refrain = refrain_of(batch(chance=chance))
    assert refrain is not None
    assert refrain.read(batch(chance=chance, **more)) is None
    assert refrain.read(batch(chance=chance)) is not None, "and what comes then is read again"


@pytest.mark.parametrize(
    "more",
    [
        {"x": [1, 2, 3, 4, 5]}, {"path": "/a\\b"}, {"extra": {"x": 1}}, {"kinds": ["move"] * 9}, {"kind": "view"}, {"kind": "unknown"},
        {"anchors": None}, {"ax": None}, {"path": "/" + "a" * 2040 + "\n"},
    ],
)  # fmt: skip
def test_what_is_unusual_has_no_refrain(more: dict[str, Any]) -> None:
    """It is decoded whole each time."""
    assert refrain_of(batch(chance=random.Random(1), **more)) is None


def test_a_field_that_stands_twice_has_no_refrain() -> None:
    """The last one counts, and which that is could change."""
    data = batch(chance=random.Random(1), anchored=False)
    assert refrain_of(data[:-1] + b',"seq":8}') is None
    assert refrain_of(data) is not None


class Silent:
    """A peer that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def push(self, data: str, /) -> None:
        self.told.append(data)

    def push_all(self, several: Any, /) -> None:
        self.told += several


def test_a_socket_is_taken_alike_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drained, answered and counted, of batches of two pages, one of them wrong, and of a limit that holds."""
    ways = []
    for with_refrain in (True, False):
        chance = random.Random(5)
        if not with_refrain:
            monkeypatch.setattr(Refrain, "of", staticmethod(lambda *_: None))
        gate, peer = Gate(sites=Sites(), counters=Counters(), skew_ms=2000), Silent()
        gate.judge_senders(Limits(session_burst_samples=10_000, batch_samples_max=50), count_bots=True, window_ms=300_000)
        talk = Conversation(gate, Site("default"), "of the address", None, peer, Sender("192.0.2.1", "https://shop.example", False))
        gate.sites.by_key["default"] = talk._site
        for seq in range(12):
            more: dict[str, Any] = {"path": "/other"} if seq in (4, 5) else {"x": "<H?"} if seq == 7 else {}
            talk.receive(batch(seq, 60 if seq == 9 else 1 + seq, chance=chance, anchored=seq < 10, **more), START_MS + seq)
        assert (talk.refrain is not None) == with_refrain
        drained = gate.drain(START_MS + 20)
        assert drained is not None
        drained.acknowledge()
        ways.append((samples_to_record(drained.samples), peer.told, gate.counters.by_name))
    assert ways[0] == ways[1]
    assert len(ways[0][1]) > 10

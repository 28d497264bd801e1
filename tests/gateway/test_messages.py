"""Messages: the field rules of the public interface, one by one."""

from __future__ import annotations

import base64
import gc
import json
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.layers import KINDS, SAMPLE_KINDS
from isotherm.gateway.messages import Batch, Classic, Ignored, Refusal, decode, seq_of, split

CLASSIC: dict[str, Any] = {
    "session_id": "7f3", "type": "mousemove", "page_url": "https://shop.example/p/1?x=2", "relative_path": "/p/1", "query_prams": "?x=2",
    "buttons": 0, "window": {"width": 1280, "height": 2400}, "mouse-coordinates": {"x": 640, "y": 1200}, "timestamp": 1700000000000,
}  # fmt: skip
BATCH: dict[str, Any] = {
    "v": 1, "session": "7f3", "load": "k3x", "seq": 7, "path": "/p/1", "w": 1280, "h": 2400, "vw": 1280,
    "kind": ["move", "move", "click"], "x": [640, 655.5, 655.5], "y": [1200, 1201, 1201], "age": [700, 450, 0],
}  # fmt: skip


def take(message: dict[str, Any], session: str | None = None) -> Classic | Batch | Ignored:
    return decode(json.dumps(message).encode(), session)


def refusal(message: dict[str, Any] | bytes, session: str | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decode(message if isinstance(message, bytes) else json.dumps(message).encode(), session)
    assert json.loads(caught.value.answer())["error"] == caught.value.message
    return caught.value


def test_a_sender_s_own_words_are_not_kept() -> None:
    """Names of kinds that mean nothing are as long as a frame may be, and another each time: none stays in memory."""
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(8):
            name = f"\N{PILE OF POO}{number}" + "a" * 250_000
            for kind in (name, {"kinds": [name], "kind": packed("B", 0, 0, 0)}):
                take(BATCH | (kind if isinstance(kind, dict) else {"kind": kind}))
        del kind, name
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


def without(message: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in names}


def test_the_tutorials_event_is_taken() -> None:
    """As the public interface prints it."""
    event = take(CLASSIC)
    assert isinstance(event, Classic)
    assert (event.session, event.path, event.kind, event.x, event.y, event.width, event.height) == ("7f3", "/p/1", 0, 640, 1200, 1280, 2400)
    assert event.timestamp_ms == 1700000000000


def test_the_documents_batch_is_taken() -> None:
    """As the public interface prints it."""
    batch = take(BATCH)
    assert isinstance(batch, Batch)
    assert (batch.session, batch.load, batch.seq, batch.path, batch.viewport_width) == ("7f3", "k3x", 7, "/p/1", 1280)
    assert batch.x.tolist() == [640, 655.5, 655.5]
    assert batch.kind.tolist() == [0, 0, 1]
    assert batch.age_ms.tolist() == [700, 450, 0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": 5}, "$.type"),
        ({"relative_path": "p/1"}, "$.relative_path"),
        ({"relative_path": "/" + "é" * 1024}, "2048 bytes"),
        ({"relative_path": None}, "$.relative_path"),
        ({"window": {"width": "1280", "height": 1}}, "$.window.width"),
        ({"window": {"width": 0, "height": 1}}, "$.window.width"),
        ({"window": {"width": 1, "height": -1}}, "$.window.height"),
        ({"window": None}, "window"),
        ({"window": {"width": True, "height": 1}}, "$.window.width"),
        ({"mouse-coordinates": {"x": "1", "y": 1}}, "mouse-coordinates"),
        ({"mouse-coordinates": {"x": 1}}, "`y`"),
        ({"mouse-coordinates": [1, 2]}, "mouse-coordinates"),
        ({"session_id": "é" * 65}, "128 bytes"),
        ({"session_id": 7}, "$.session_id"),
        ({"timestamp": "now"}, "$.timestamp"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], said: str) -> None:
    """The error tells the field and why."""
    assert said in refusal(CLASSIC | change).message


@pytest.mark.parametrize("name", ["type", "relative_path", "window", "mouse-coordinates", "session_id"])
def test_a_missing_field_is_named(name: str) -> None:
    """Each required one."""
    assert name in refusal(without(CLASSIC, name)).message


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 400])
def test_numbers_are_finite_json_numbers(number: str) -> None:
    """Whatever the notation."""
    text = json.dumps(CLASSIC).replace('"x": 640', f'"x": {number}')
    refusal(text.encode())


def test_the_address_gives_the_session_where_the_body_has_none() -> None:
    """And the body's own goes first."""
    for message in (CLASSIC, BATCH):
        bare = without(message, "session_id", "session")
        assert take(bare, "from-address").session == "from-address"  # type: ignore[union-attr]
        assert take(message, "from-address").session == "7f3"  # type: ignore[union-attr]
        assert "session" in refusal(bare).message


def test_other_types_need_no_coordinates() -> None:
    """They are ignored, whatever their coordinates; but a path and a session they must have."""
    assert take(without(CLASSIC | {"type": "scroll"}, "window", "mouse-coordinates")) == Ignored("scroll")
    assert take(CLASSIC | {"type": "scroll", "mouse-coordinates": {"x": None}}) == Ignored("scroll")
    assert "relative_path" in refusal(without(CLASSIC | {"type": "scroll"}, "relative_path")).message
    assert "session" in refusal(without(CLASSIC | {"type": "scroll"}, "session_id")).message


def test_unknown_fields_are_ignored() -> None:
    """Also those that a batch has."""
    assert isinstance(take(CLASSIC | {"v": "2.1", "x": "no", "seq": None, "kind": 3, "path": 9, "load": []}), Classic)
    assert isinstance(take({"v": 1} | CLASSIC), Classic)
    assert isinstance(take(BATCH | {"colour": "red", "relative_path": 5}), Batch)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": 2}, "version"),
        ({"load": ""}, "$.load"),
        ({"load": "x" * 65}, "64 bytes"),
        ({"seq": -1}, "$.seq"),
        ({"seq": 1.5}, "$.seq"),
        ({"path": "p"}, "$.path"),
        ({"w": 0}, "$.w"),
        ({"vw": 0}, "$.vw"),
        ({"x": [1, 2]}, "`$.y`"),
        ({"y": [1, 2, 3, 4]}, "`$.y`"),
        ({"age": [1, 2]}, "`$.age`"),
        ({"age": [1, 2, -1]}, "`$.age`"),
        ({"age": [1, 2, 600_001]}, "`$.age`"),
        ({"kind": ["move"]}, "`$.kind`"),
        ({"kind": ["move", "move", 3]}, "$.kind"),
        ({"x": [1, 2, "3"]}, "$.x"),
        ({"x": [], "y": [], "age": [], "kind": []}, "1 to 1000"),
        ({"x": [1.0] * 1001, "y": [1] * 1001, "age": [1] * 1001, "kind": "move"}, "1 to 1000"),
        ({"x": "<HAA"}, "$.x"),
        ({"x": "nonsense"}, "$.x"),
        ({"kind": "<BAAAF"}, "kinds"),
    ],
)
def test_a_wrong_batch_is_refused_with_its_number(change: dict[str, Any], said: str) -> None:
    """So that the tracker knows which; final, no retry."""
    refused = refusal(BATCH | change)
    assert said in refused.message
    assert refused.retry_after_ms is None
    assert refused.seq == (7 if isinstance(change.get("seq", 7), int) and change.get("seq", 7) >= 0 else None)


def packed(code: str, *numbers: float) -> str:
    return "<" + code + base64.b64encode(struct.pack(f"<{len(numbers)}{code}", *numbers)).decode()


def test_a_batch_that_nobody_decodes_has_its_number() -> None:
    """Whatever else is wrong with it; events, and what can't be read, have none."""
    assert seq_of(b'{"v": 1, "seq": 7, "load": 3}') == seq_of(b' {"seq": 7, "v": 9}') == 7
    nothing = [
        b'{"seq": 7}',
        b'{"v": 1, "type": "click", "seq": 7}',
        b'{"v": 1, "seq": -1}',
        b'{"v": 1, "seq": "7"}',
        b'{"v": 1',
        b"",
        b"7",
    ]
    assert [seq_of(data) for data in nothing] == [None] * len(nothing)


def test_columns_may_come_packed() -> None:
    """In every type that docs/wire.md lists; a packed kind is a place in the batch's own table."""
    plain = take(BATCH)
    assert isinstance(plain, Batch)
    for code in "fd":
        batch = take(BATCH | {"x": packed(code, 640, 655.5, 655.5), "y": packed("H", 1200, 1201, 1201), "age": packed("I", 700, 450, 0)})
        assert isinstance(batch, Batch)
        assert (batch.x.tolist(), batch.y.tolist(), batch.age_ms.tolist()) == (plain.x.tolist(), plain.y.tolist(), plain.age_ms.tolist())
    assert take(BATCH | {"kind": packed("B", 0, 1, 0)}).kind.tolist() == [0, 1, 0]  # type: ignore[union-attr]
    assert take(BATCH | {"kind": packed("B", 0, 1, 0), "kinds": ["click", "move"]}).kind.tolist() == [1, 0, 1]  # type: ignore[union-attr]
    assert take(BATCH | {"kind": "click"}).kind.tolist() == [1, 1, 1]  # type: ignore[union-attr]
    refusal(BATCH | {"x": packed("f", 1, float("nan"), 2)})
    refusal(BATCH | {"x": packed("d", 1, float("inf"), 2)})


def test_kinds_without_a_layer_are_left_out() -> None:
    """The others of the batch are kept; a batch of nothing else is taken and holds nothing."""
    batch = take(BATCH | {"kind": ["move", "hum", "click"]})
    assert isinstance(batch, Batch)
    assert (batch.x.tolist(), batch.kind.tolist(), batch.ignored) == ([640, 655.5], [0, 1], 1)
    batch = take(BATCH | {"kind": "hum"})
    assert isinstance(batch, Batch)
    assert (len(batch.x), batch.ignored) == (0, 3)


def test_the_default_table_of_kinds_is_the_wires() -> None:
    """The five that our tracker sends, in this order; those that no layer wants yet are left out, not refused."""
    table = ["move", "click", "dead", "view", "leave"]
    for place, kind in enumerate(table):
        by_place, by_name = take(BATCH | {"kind": packed("B", place, 0, place)}), take(BATCH | {"kind": [kind, "move", kind]})
        assert isinstance(by_place, Batch)
        assert isinstance(by_name, Batch)
        assert by_place.kind.tolist() == by_name.kind.tolist(), kind
        assert by_place.x.tolist() == by_name.x.tolist(), kind
    assert take(BATCH | {"kind": packed("B", 0, 1, 2)}).kind.tolist() == [0, 1, KINDS.index("dead")]  # type: ignore[union-attr]


def test_a_view_carries_the_height_of_its_viewport() -> None:
    """In the place of its x, which says nothing; of a batch that does not tell it, views are left out."""
    kinds = {"kind": ["move", "view", "leave"]}
    told = take(BATCH | kinds | {"vh": 700})
    assert isinstance(told, Batch)
    assert told.kind.tolist() == [SAMPLE_KINDS.index(kind) for kind in ("move", "view", "leave")]
    assert (told.x.tolist(), told.ignored) == ([640, 700, 655.5], 0)
    silent = take(BATCH | kinds)
    assert isinstance(silent, Batch)
    assert (len(silent.x), silent.ignored) == (2, 1)
    refusal(BATCH | {"vh": 0})


def test_a_body_is_one_message_or_an_array() -> None:
    """Of 1 to 1,000."""
    one = json.dumps(CLASSIC).encode()
    assert split(b" \n" + one) == [b" \n" + one]
    assert len(split(b"[" + b",".join([one] * 3) + b"]")) == 3
    for body in (b"[]", b"[" + b",".join([one] * 1001) + b"]", b"[" + one):
        with pytest.raises(Refusal):
            split(body)


@given(st.binary(max_size=80))
def test_no_bytes_break_it(data: bytes) -> None:
    """Any bytes give a message or a `Refusal`."""
    try:
        decode(data, "s")
    except Refusal as refused:
        json.loads(refused.answer())


def test_deep_nesting_is_refused() -> None:
    """Not a crash."""
    refusal(b'{"v":1,"x":' + b"[" * 20_000)
    refusal(b'{"type":"mousemove","relative_path":' + b"[" * 20_000)

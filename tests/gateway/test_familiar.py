"""The short way of a socket's events, held to the long way, with and without the compiled loops."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any
from unittest import mock

import pytest

from isotherm.core import counting
from isotherm.core.counters import Counters
from isotherm.core.limits import Limits
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.sites import Site, Sites
from isotherm.gateway.conversation import Conversation
from isotherm.gateway.gate import Gate
from isotherm.gateway.numbers import Numbers
from isotherm.gateway.senders import Sender

NOW_MS = 1_700_000_000_000
_LIMITS = Limits(
    session_samples_per_s=10, session_burst_samples=6, address_samples_per_s=40, address_burst_samples=12, address_sessions_max=3,
    sessions_max=12, site_pages_max=40,
)  # fmt: skip
_SENDERS = (
    Sender(),
    Sender(None, "https://shop.example"),
    Sender("192.0.2.1", "https://shop.example"),
    Sender("192.0.2.1"),
    Sender("192.0.2.2", "https://other.example", crawler=True),
)
_SITES = (
    [Site("default")],
    [Site("default", query=("q",), patterns=("/p/:id",), left_out=("/no/*",))],
    [Site("default", frozenset({"https://shop.example"}))],
    [Site("other")],
)


class Told:
    """What a socket was told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def push(self, data: str, /) -> None:
        self.texts.append(data)

    def push_all(self, several: Any, /) -> None:
        self.texts += several


class Side:
    """A gate and its sockets, fed with what the others are fed with."""

    def __init__(self, *, is_compiled: bool, is_short: bool, judged: bool, bots: bool) -> None:
        self.sites, self.counters, self.woken, self.short = Sites(), Counters(), 0, 0
        with mock.patch.object(counting, "compiled", counting.compiled if is_compiled else None):
            self.gate = Gate(sites=self.sites, counters=self.counters, skew_ms=10_000, wake=self._wake, intake_samples_max=30)
            self.gate._intake._numbers = Numbers(5)
            self.gate._intake._reset()
        take = self.gate.take_familiar
        self.gate.take_familiar = (lambda *a: self._counted(take(*a))) if is_short else lambda *_: False  # type: ignore[method-assign]
        if judged:
            self.gate.judge_senders(_LIMITS, count_bots=bots, window_ms=300_000)
        self.told = [Told() for _ in _SENDERS]
        self.sockets = [
            Conversation(self.gate, Site("default"), fallback, sender.origin, told, sender)
            for told, sender, fallback in zip(self.told, _SENDERS, ("s", None, "s", "t", "u"), strict=True)
        ]

    def _wake(self) -> None:
        self.woken += 1

    def _counted(self, taken: bool) -> bool:
        self.short += taken
        return taken

    def do(self, step: tuple[str, Any], now_ms: int) -> Any:
        what, given = step
        if what == "say":
            who, data = given
            self.sockets[who].receive(data, now_ms)
            return self.sockets[who].heard_ms
        if what == "sites":
            self.sites.replace(_SITES[given])
            return None
        if what == "close":
            self.gate.why_closed = "the disk" if given else None
            return None
        drained = self.gate.drain(now_ms)
        if drained is None:
            return None
        drained.acknowledge()
        numbered = drained.samples.runs.numbered
        return encode(samples_to_record(drained.samples)), None if numbered is None else numbered.number.tolist()

    def state(self) -> Any:
        judge = self.gate.judge
        paid = None
        if judge is not None:
            ages = [[list(one._young), list(one._old)] for one in (judge._sessions, judge._pages, judge._paid_ms)]
            known = {**judge._sessions._old, **judge._sessions._young}
            addresses = {**judge._paid_ms._old, **judge._paid_ms._young}
            # the order in which names came into a generation says nothing; that of a session's pages does
            paid = (
                [[sorted(names) for names in both] for both in ages], {who: list(one.paid_ms.items()) for who, one in known.items()}, addresses
            )  # fmt: skip
        told = [one.texts for one in self.told]
        return paid, told, self.counters.by_name, self.counters.refusals(), self.woken, len(self.gate._intake), self.gate.first_event_ms


def _event(**fields: Any) -> bytes:
    event = {
        "type": "mousemove", "relative_path": "/p/1", "session_id": "s", "window": {"width": 1280, "height": 2400},
        "mouse-coordinates": {"x": 1, "y": 2},
    } | fields  # fmt: skip
    return json.dumps({name: value for name, value in event.items() if value != "left out"}).encode()


_batch = json.dumps(
    {
        "v": 1,
        "session": "s",
        "load": "l",
        "seq": 1,
        "path": "/p/1",
        "w": 10,
        "h": 10,
        "kind": "move",
        "x": [1, 2],
        "y": [1, 2],
        "age": [5, 0],
    }
).encode()
_STRANGE: dict[str, list[Any]] = {
    "type": ["click", "click", "keydown", 7, ""],
    "relative_path": ["/p/2", "/p/3", "/p/%31", "/no/1", "p", "/p/1?q=2", "/\ud800", None, "/" * 3000],
    "session_id": ["t", "t", "", None, "left out", "x" * 200, 5, "\u00df"],
    "query_prams": ["?q=1", "?q=1", "?q=2", "", None, 7, ["q"]],
    "window": [{"width": 767.9, "height": 1}, {"width": 768, "height": 1}, {"width": 1023.5, "height": 9}, {"width": 1024, "height": 9}, None, {}, 5,
               {"width": 0, "height": 5}, {"width": 1e308, "height": 5}, {"width": "1", "height": 5}],
    "mouse-coordinates": [{"x": -1e300, "y": 0.1}, {"x": 5, "y": -0.0}, None, {}, {"x": "1", "y": 2}, {"x": 1, "y": None}],
}  # fmt: skip
_OTHERS = [_batch, _batch, b"", b"{}", b"\xff", b"[" * 2000, _batch.replace(b'"v": 1', b'"v": 2')]
_PAUSES_MS = [0, 0, 1, 30, 90, 100, 110, 400, 1_100]


def _usual(chance: random.Random) -> list[dict[str, Any]]:
    """What each socket says."""
    return [{"session_id": chance.choice("st"), "relative_path": chance.choice(["/p/1", "/p/2"])} for _ in _SENDERS]


def _steps(chance: random.Random) -> Iterator[tuple[tuple[str, Any], int]]:
    """What sockets say, mostly what they said before, and what happens meanwhile; and how long until the next."""
    now_ms, usual = NOW_MS, _usual(chance)
    while True:
        who, pause_ms = chance.choice([0, 1, 1, 2, 2, 2, 3, 3, 3, 4]), chance.choice(_PAUSES_MS)
        for _ in range(chance.choice([1, 2, 3, 8])):
            said = dict(usual[who])
            if chance.random() < 0.3:
                said["timestamp"] = now_ms + chance.choice(
                    [-700_000, -3_000, -50, 0, 0.5, 9_999, 10_000, 10_001, 15_000, 1e300, -now_ms - 5]
                )
            if chance.random() < 0.1:
                field = chance.choice(list(_STRANGE))
                said[field] = chance.choice(_STRANGE[field])
                if chance.random() < 0.3:
                    usual[who] = dict(said)
            yield ("say", (who, chance.choice(_OTHERS) if chance.random() < 0.02 else _event(**said))), pause_ms
            now_ms += pause_ms
        if chance.random() < 0.4:
            yield ("drain", None), 0
        if chance.random() < 0.04:
            yield ("sites", chance.choice([0, 0, 0, 0, 1, 1, 2, 3])), 0
        if chance.random() < 0.05:
            usual = _usual(chance)
        if chance.random() < 0.05:
            yield ("close", chance.random() < 0.2), 0
        if chance.random() < 0.05:
            leap_ms = chance.choice([300_000, 650_000, 650_000, 1_300_000, -50, -500, -500, -20_000])
            yield ("drain", None), leap_ms
            now_ms += leap_ms


@pytest.mark.parametrize("seed", range(20))
def test_the_short_way_is_the_long_way(seed: int) -> None:
    """Whatever sockets say, and whatever else changes: taken, refused, paid, counted, told and gathered is the same, byte for byte."""
    chance = random.Random(seed)
    judged, bots = seed % 4 > 0, chance.random() < 0.5
    sides = [
        Side(is_compiled=compiled, is_short=short, judged=judged, bots=bots)
        for compiled, short in ((True, True), (False, False), (True, False))
    ]
    now_ms = NOW_MS
    for at, (step, pause_ms) in enumerate(islice(_steps(chance), 500)):
        done = [side.do(step, now_ms) for side in sides]
        assert done[0] == done[2], step
        assert done[1] == done[2], step
        if at % 16 == 0:
            states = [side.state() for side in sides]
            assert states[0] == states[2]
            assert states[1] == states[2]
        now_ms += pause_ms
    assert sides[0].short > 20


@pytest.mark.parametrize("sender", _SENDERS[:4])
def test_a_socket_that_goes_on_as_before_takes_the_short_way(sender: Sender) -> None:
    """But for the first two events, and one each second: then whoever remembers it looks at the clock."""
    side = Side(is_compiled=True, is_short=True, judged=True, bots=True)
    socket = side.sockets[_SENDERS.index(sender)]
    for at in range(40):
        socket.receive(_event(timestamp=NOW_MS + at * 200), NOW_MS + at * 200)
        side.gate.drain(NOW_MS)
    assert side.counters.by_name["samples"] == 40
    assert side.short >= 40 - 2 - 8


def test_a_socket_that_says_another_page_is_not_decoded_twice_each_time() -> None:
    """Of a relay's sockets, which alternate, no voice is kept."""
    side = Side(is_compiled=True, is_short=True, judged=False, bots=True)
    for at in range(20):
        side.sockets[0].receive(_event(session_id="st"[at % 2]), NOW_MS)
        assert side.sockets[0].voice is None

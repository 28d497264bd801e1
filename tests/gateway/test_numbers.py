"""Numbers of what sockets say: the same number is always the same session and load."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.counters import Counters
from isotherm.core.records import decode_clickstream, encode
from isotherm.core.sample_records import samples_from_record, samples_to_record
from isotherm.core.samples import NO_NUMBER, Samples
from isotherm.core.sites import Sites
from isotherm.gateway.conversation import Conversation
from isotherm.gateway.gate import Gate
from isotherm.gateway.numbers import Numbers, Speaker

NOW_MS = 1_700_000_000_000
said = st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from(["x", "y", None]))


class Unheard:
    def push(self, data: str) -> None: ...
    def push_all(self, several: list[str]) -> None: ...


@given(st.lists(st.lists(said, max_size=12), max_size=12), st.integers(1, 20))
def test_a_number_means_one_session_and_load(drains: list[list[tuple[int, str, str | None]]], most: int) -> None:
    """Whoever says what: within a table a number is never two, it is below the table's most, and who repeats himself has the same."""
    numbers, speakers = Numbers(most), [Speaker() for _ in range(4)]
    means: dict[tuple[int, int], tuple[str, str | None]] = {}
    for drain in drains:
        tables = set()
        for who, session, load in drain:
            number = numbers.of(speakers[who], session, load)
            assert numbers.of(speakers[who], session, load) == number
            tables.add(numbers.table)
            if number != NO_NUMBER:
                assert 0 <= number < most
                assert means.setdefault((numbers.table, number), (session, load)) == (session, load)
        assert len(tables) <= 1
        numbers.turn()


def test_one_that_says_ever_new_names_has_no_number() -> None:
    """A relay does not use numbers up; one socket more has its own."""
    numbers, relay = Numbers(), Speaker()
    given = [numbers.of(relay, str(at), None) for at in range(50)]
    assert [number != NO_NUMBER for number in given] == [True] * 8 + [False] * 42
    assert numbers.of(Speaker(), "a", "b") == 8


def test_no_two_tables_are_taken_for_each_other() -> None:
    """Neither of two gates, nor the next of one."""
    one, other = Numbers(1), Numbers(1)
    tables = [one.table, other.table]
    one.of(Speaker(), "a", None)
    one.turn()
    assert len({0, *tables, one.table}) == 4


def drained(gate: Gate) -> Samples:
    found = gate.drain(NOW_MS)
    assert found is not None
    return found.samples


def test_what_sockets_say_is_numbered_and_no_record_is() -> None:
    """Each socket's messages have its number, in whatever order they come; a body's have none, and who reads the record has none."""
    sites = Sites()
    gate = Gate(sites=sites, counters=Counters(), skew_ms=10_000)
    site = sites.get(None)
    assert site is not None
    sockets = [Conversation(gate, site, f"s{at}", None, Unheard()) for at in range(3)]
    heard: dict[int, tuple[str, str]] = {}
    for seq, order in enumerate(((0, 1, 2), (2, 0, 1))):
        for at in order:
            batch = {"v": 1, "load": f"l{at}", "seq": seq, "path": "/", "w": 9, "h": 9, "kind": "move", "x": [1], "y": [1], "age": [0]}
            sockets[at].receive(json.dumps(batch).encode(), NOW_MS)
        batch = {**batch, "session": "body", "seq": seq}
        gate.take_body(json.dumps(batch).encode(), site, None, None, NOW_MS, sockets[0])
        samples = drained(gate)
        numbered = samples.runs.numbered
        assert numbered is not None
        rows = zip(numbered.number.tolist(), samples.runs.session.tolist(), samples.runs.load.tolist(), strict=True)
        for number, session, load in rows:
            names = samples.sessions[session], samples.loads[load]
            assert (number == NO_NUMBER) == (names[0] == "body")
            assert number == NO_NUMBER or heard.setdefault(number, names) == names
        record = decode_clickstream(encode(samples_to_record(samples)))
        assert samples_from_record(record).runs.numbered is None
    assert len(heard) == 3

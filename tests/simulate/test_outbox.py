"""One visitor's batches, as `docs/wire.md` has them."""

import json
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.simulate.outbox import Outbox
from isotherm.simulate.pointer import CLICK, MOVE, Entered, Sample
from isotherm.simulate.report import Report
from tests.simulate.recorder import Batch, decode

HOME = Entered(0, "/", 1440, 3000, 1440)


def outbox(report: Report | None = None) -> Outbox:
    box = Outbox("s1", "v1", report or Report())
    box.enter(HOME)
    return box


def move(at_ms: float, x: float = 10) -> Sample:
    return Sample(at_ms, MOVE, x, 20)


def sent(box: Outbox, now_ms: float) -> list[Batch]:
    return [decode(json.loads(frame), "s1") for frame in box.frames(now_ms)]


def ack(box: Outbox, batch: Batch) -> None:
    box.answered(json.dumps({"ack": batch.seq}), 0)


def test_a_frame_is_the_batch_of_the_wire_format_with_packed_columns() -> None:
    box = outbox()
    box.take(move(100, x=640.4))
    box.take(Sample(400, CLICK, 655.5, 1200))
    (frame,) = box.frames(900)
    message = json.loads(frame)
    assert message["x"].startswith("<H")
    assert {key: message[key] for key in ("v", "session", "load", "seq", "path", "w", "h", "vw")} == {
        "v": 1, "session": "s1", "load": "v1.1", "seq": 0, "path": "/", "w": 1440, "h": 3000, "vw": 1440
    }  # fmt: skip
    assert decode(message, "") == Batch("s1", "v1.1", 0, "/", 1440, 3000, 1440, ["move", "click"], [640, 656], [20, 1200], [800, 500])


def test_the_first_sample_of_a_page_goes_at_once_and_so_does_a_click() -> None:
    box = outbox()
    assert box.due_ms == inf
    box.take(move(100))
    assert box.due_ms == 100
    assert len(sent(box, 100)) == 1
    box.take(move(350))
    assert box.due_ms > 350
    box.take(Sample(400, CLICK, 1, 1))
    assert box.due_ms == 400


def test_samples_are_gathered_for_as_long_as_the_server_says() -> None:
    """A pace of one beat is a frame a beat; of five seconds, a frame in five seconds."""
    for every_ms, frames in ((250, 40), (5000, 2)):
        box = outbox()
        box.take(move(0))
        sent(box, 0)
        box.answered(json.dumps({"every": every_ms}), 0)
        count = 0
        for beat in range(1, 41):
            box.take(move(beat * 250))
            if box.due_ms <= beat * 250:
                count += len(sent(box, beat * 250))
        assert count == frames


def test_what_is_acknowledged_is_forgotten_and_counted() -> None:
    report = Report()
    box = outbox(report)
    for at_ms in (0, 250, 500):
        box.take(move(at_ms))
    (batch,) = sent(box, 500)
    assert len(box) == 1
    ack(box, batch)
    assert len(box) == 0
    assert (report.taken, report.acked, report.frames) == (3, 3, 1)
    assert box.due_ms == inf


def test_after_a_lost_connection_the_same_batch_comes_again_under_its_number_with_new_ages() -> None:
    box = outbox()
    box.take(move(0))
    (first,) = sent(box, 10)
    box.take(move(250))
    box.lost()
    again, second = sent(box, 2000)
    assert (again.load, again.seq, again.x) == (first.load, first.seq, first.x)
    assert (first.age, again.age) == ([10], [2000])
    assert second.seq != again.seq, "a batch that was sent never grows"


def test_nothing_is_sent_while_it_holds() -> None:
    box = outbox()
    box.take(move(0))
    box.lost()
    box.hold(3000)
    assert box.due_ms == 3000


def test_not_now_is_sent_again_when_the_server_says() -> None:
    report = Report()
    box = outbox(report)
    box.take(move(0))
    (batch,) = sent(box, 0)
    box.answered(json.dumps({"error": "too fast", "seq": batch.seq, "retry_after_ms": 2000}), 100)
    assert box.due_ms == 2100
    (again,) = sent(box, 2100)
    assert again.seq == batch.seq
    assert (report.retried, report.last_refusal) == (1, "too fast")


def test_what_is_refused_for_good_is_not_sent_again() -> None:
    report = Report()
    box = outbox(report)
    box.take(move(0))
    (batch,) = sent(box, 0)
    box.answered(json.dumps({"error": "no such kind", "seq": batch.seq}), 1)
    assert len(box) == 0
    box.lost()
    assert sent(box, 10) == []
    assert report.refused == 1


def test_answers_that_mean_nothing_to_it_change_nothing() -> None:
    box = outbox()
    box.take(move(0))
    sent(box, 0)
    for answer in ("", "[]", "7", '{"ack": 99}', '{"ack": "x"}', '{"every": -1}', '{"error": "?"}', '{"new": {}}', b"\xff"):
        box.answered(answer, 1)
        assert len(box) == 1


def test_a_page_is_a_load_and_what_was_gathered_on_the_one_before_goes_out() -> None:
    box = outbox()
    box.take(move(0))
    (first,) = sent(box, 0)
    box.take(move(250))
    box.enter(Entered(400, "/p", 1440, 900, 1440))
    assert box.due_ms == 400
    box.take(move(420))
    left, new = sent(box, 420)
    assert (left.path, left.load, new.path) == ("/", first.load, "/p")
    assert new.load != left.load
    assert len({first.seq, left.seq, new.seq}) == 3, "an answer names one batch of the socket"


def test_a_minute_without_answers_is_kept_an_hour_is_not() -> None:
    report = Report()
    box = outbox(report)
    for beat in range(4 * 3600):
        box.take(move(beat * 250))
        if box.due_ms <= beat * 250:
            sent(box, beat * 250)
        if beat == 4 * 60:
            assert report.shed == 0
    assert len(box) <= 256
    assert report.shed + box_samples(box, 3600_000) == report.taken


def box_samples(box: Outbox, now_ms: float) -> int:
    box.lost()
    return sum(len(batch.x) for batch in sent(box, now_ms))


def test_what_is_older_than_the_server_takes_is_given_up_whole() -> None:
    report = Report()
    box = outbox(report)
    box.take(move(0))
    box.take(move(250))
    assert sent(box, 590_100) == []
    assert report.shed == 2


ways = st.lists(st.sampled_from(["move", "click", "page", "send", "ack", "lost", "refuse", "retry"]), max_size=60)


@settings(max_examples=200, deadline=None)
@given(ways)
def test_whatever_happens_every_sample_counts_once_or_is_named(way: list[str]) -> None:
    """A server that counts a batch once by (session, load, seq) has just what the report says."""
    report = Report()
    box = outbox(report)
    server: dict[tuple[str, str, int], Batch] = {}
    flying: list[Batch] = []
    refused: set[tuple[str, str, int]] = set()
    now_ms = 0.0

    def arrive(batches: list[Batch]) -> None:
        for batch in batches:
            key = (batch.session, batch.load, batch.seq)
            assert key not in refused, "what was refused for good does not come again"
            before: Any = server.get(key)
            assert before is None or (before.x, before.kind) == (batch.x, batch.kind), "a resend never changes"
            server[key] = batch
            flying.append(batch)

    for what in way:
        now_ms += 250
        if what == "move":
            box.take(move(now_ms, x=now_ms % 1000))
        elif what == "click":
            box.take(Sample(now_ms, CLICK, 5, 5))
        elif what == "page":
            box.enter(Entered(now_ms, "/p", 1440, 900, 1440))
        elif what == "send" and box.due_ms <= now_ms:
            arrive(sent(box, now_ms))
        elif what == "ack" and flying:
            ack(box, flying.pop(0))
        elif what == "lost":
            box.lost()
            flying.clear()
        elif what == "refuse" and flying:
            batch = flying.pop(0)
            refused.add((batch.session, batch.load, batch.seq))
            del server[(batch.session, batch.load, batch.seq)]
            box.answered(json.dumps({"error": "no", "seq": batch.seq}), now_ms)
        elif what == "retry" and flying:
            box.answered(json.dumps({"error": "later", "seq": flying.pop(0).seq, "retry_after_ms": 100}), now_ms)
    box.lost()
    arrive(sent(box, now_ms + 1))
    for batch in {(batch.load, batch.seq): batch for batch in flying}.values():
        ack(box, batch)
    assert len(box) == 0
    assert report.taken == report.acked + report.refused
    assert report.acked == sum(len(batch.x) for batch in server.values())

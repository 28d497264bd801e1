"""What a tracker sees of a pointer. Beats are 250 ms apart; letters are samples, dots are beats without one."""

import itertools

import pytest

from isotherm.simulate.layout import Plan
from isotherm.simulate.paths import Point, Stroke
from isotherm.simulate.people import Device
from isotherm.simulate.pointer import CLICK, LEAVE, MOVE, VIEW, Entered, Pointer, Sample

DESK = Device(1000, 600, touch=False)
PHONE = Device(390, 700, touch=True)


def entered(device: Device = DESK) -> Pointer:
    pointer = Pointer(device, Point(100, 100), now_ms=0)
    page = Entered(0, "/p", device.width_px, 3000, device.width_px, device.height_px)
    assert list(pointer.enter("/p", Plan(device.width_px, 3000, []))) == [page, Sample(0, VIEW, 0, 0)]
    return pointer


def test_what_is_in_view_is_told_when_it_was_scrolled() -> None:
    """At most every 250 ms, on a touch screen too; and that the page was left."""
    pointer = entered(PHONE)
    assert list(pointer.scroll(300)) == []
    assert list(pointer.scroll(300)) == []
    assert list(pointer.wait(300)) == [Sample(250, VIEW, 0, 600)]
    assert list(pointer.wait(10_000)) == []
    assert list(pointer.leave()) == [Sample(10_300, LEAVE, 0, 600)]


def test_nothing_that_moves_is_no_sample() -> None:
    assert list(entered().wait(10_000)) == []


def test_a_movement_is_sampled_at_each_beat_and_where_it_came_to_rest() -> None:
    """moving ├──────────┤ 600 ms
    samples   S    S    S    S          at 0, 250, 500, and 750 for the place of rest"""
    pointer = entered()
    moving = list(pointer.move(Stroke(Point(100, 100), Point(400, 100), duration_ms=600)))
    resting = list(pointer.wait(5000))
    assert [sample.at_ms for sample in moving + resting] == [0, 250, 500, 750]
    assert moving[0] == Sample(0, MOVE, 100, 100)
    assert resting == [Sample(750, MOVE, 400, 100)]


def test_movements_that_follow_each_other_keep_the_beat() -> None:
    pointer = entered()
    samples: list[object] = []
    for _turn in range(8):
        samples += pointer.move(Stroke(pointer.at, Point(pointer.at.x + 10, 100), duration_ms=90))
    samples += pointer.wait(1000)
    times = [sample.at_ms for sample in samples if isinstance(sample, Sample)]
    assert all(after - before >= 250 for before, after in itertools.pairwise(times))


def test_a_page_that_scrolls_under_a_resting_pointer_gives_its_new_place() -> None:
    pointer = entered()
    assert list(pointer.scroll(300)) == [Sample(0, MOVE, 100, 400)]


def test_scrolling_ends_where_the_document_does() -> None:
    pointer = entered()
    list(pointer.scroll(1e9))
    assert pointer.scrolled_px == 3000 - 600
    assert list(pointer.scroll(10)) == [], "nothing has moved"


def test_a_click_tells_its_place_at_once() -> None:
    pointer = entered()
    list(pointer.move(Stroke(Point(100, 100), Point(200, 250), duration_ms=120)))
    assert list(pointer.click()) == [Sample(120, MOVE, 200, 250), Sample(120, CLICK, 200, 250)]


def test_the_pointer_stays_in_its_window() -> None:
    pointer = entered()
    list(pointer.move(Stroke(Point(100, 100), Point(5000, -90), duration_ms=100)))
    assert pointer.at == Point(999, 0)


def test_a_new_page_begins_at_its_top_with_what_was_owed_on_the_old_one() -> None:
    pointer = entered()
    list(pointer.scroll(500))
    list(pointer.move(Stroke(Point(100, 100), Point(300, 300), duration_ms=100)))
    last, left, new, seen = pointer.enter("/q", Plan(1000, 900, []))
    assert (last, left, seen) == (Sample(100, MOVE, 300, 800), Sample(100, LEAVE, 0, 500), Sample(100, VIEW, 0, 0))
    assert isinstance(new, Entered)
    assert new.path == "/q"
    assert pointer.scrolled_px == 0


@pytest.mark.parametrize("turn", [200.0, -200.0])
def test_on_a_phone_nothing_is_seen_while_no_finger_is_down(turn: float) -> None:
    pointer = entered(PHONE)
    assert list(pointer.scroll(turn)) == []
    assert list(pointer.touch(Point(200, 500))) == [Sample(0, MOVE, 200, 500 + pointer.scrolled_px)]
    assert [sample for sample in pointer.wait(3000) if isinstance(sample, Sample) and sample.kind != VIEW] == []

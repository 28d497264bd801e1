"""What one visitor does, over the shop as it was measured."""

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from isotherm.simulate.habits import visit
from isotherm.simulate.layout import Box, Plan, Site, generic
from isotherm.simulate.people import Person, somebody
from isotherm.simulate.pointer import CLICK, DEAD, LEAVE, MOVE, VIEW, Entered, Sample, Step
from isotherm.simulate.story import Story
from tests.simulate.test_layout import SHOP

seeds = st.integers(0, 1 << 32)
few = settings(max_examples=40, deadline=None)


def visit_of(seed: int, site: Site = SHOP, arrived_ms: float = 0) -> tuple[Person, list[Step]]:
    chance = Random(seed)
    person = somebody(chance)
    return person, list(visit(chance, person, site, Story(1), arrived_ms))


def pages_of(steps: list[Step]) -> list[tuple[Entered, list[Sample]]]:
    pages: list[tuple[Entered, list[Sample]]] = []
    for step in steps:
        if isinstance(step, Entered):
            pages.append((step, []))
        elif step.kind not in (VIEW, LEAVE):
            pages[-1][1].append(step)
    return pages


@few
@given(seeds)
def test_the_same_seed_gives_the_same_visit(seed: int) -> None:
    assert visit_of(seed) == visit_of(seed)


@few
@given(seeds, st.floats(0, 1e6))
def test_steps_come_in_the_order_of_time_and_begin_at_the_arrival(seed: int, arrived_ms: float) -> None:
    person, steps = visit_of(seed, arrived_ms=arrived_ms)
    assert steps[0].at_ms == arrived_ms
    assert isinstance(steps[0], Entered)
    assert all(before.at_ms <= after.at_ms for before, after in pairwise(steps))
    assert steps[-1].at_ms < arrived_ms + person.stay_ms + 60_000, "everybody leaves, at the latest after what they were at"


@few
@given(seeds)
def test_every_sample_lies_in_its_document(seed: int) -> None:
    for page, samples in pages_of(visit_of(seed)[1]):
        for sample in samples:
            assert 0 <= sample.x <= page.width_px
            assert 0 <= sample.y <= page.height_px


@few
@given(seeds)
def test_movements_are_told_four_times_a_second_at_most_as_the_tracker_does(seed: int) -> None:
    """Only what a click, a touch or a new page settles may come sooner."""
    person, steps = visit_of(seed)
    if person.device.touch:
        return
    for _page, samples in pages_of(steps):
        for before, after in pairwise(samples):
            if before.kind == after.kind == MOVE and not any(click.kind == CLICK and click.at_ms == after.at_ms for click in samples):
                assert after.at_ms - before.at_ms >= 249.9 or after is samples[-1]


@few
@given(seeds)
def test_a_page_is_left_by_one_of_its_links_or_back_to_where_one_came_from(seed: int) -> None:
    person, steps = visit_of(seed)
    pages = pages_of(steps)
    been: list[str] = []
    for (page, samples), (following, _) in pairwise(pages):
        been.append(page.path)
        clicks = [sample for sample in samples if sample.kind == CLICK]
        linked = clicks and _links(SHOP.plan(page.path, person.device.width_px), following.path)
        assert linked or following.path in been


def _links(plan: Plan, to: str) -> bool:
    return any(box.link == to for box in plan.boxes)


def test_desktop_pointers_are_mostly_on_what_there_is_to_look_at() -> None:
    """The heat must lie on pictures, prices, texts and buttons, or it tells nothing."""
    on = off = 0
    for seed in range(60):
        person, steps = visit_of(seed)
        if person.device.touch:
            continue
        for page, samples in pages_of(steps):
            boxes = SHOP.plan(page.path, person.device.width_px).boxes
            for sample in samples:
                if any(box.x <= sample.x <= box.x + box.width and box.y <= sample.y <= box.y + box.height for box in boxes):
                    on += 1
                else:
                    off += 1
    assert on > 2 * off, f"{on} on, {off} off: the rest is ways between"


def test_phones_touch_and_do_not_hover() -> None:
    """A finger tells a place when it comes down, some seconds apart; a mouse tells one four times a second."""
    phones = [(person, steps) for seed in range(80) for person, steps in [visit_of(seed)] if person.device.width_px == 390]
    assert phones
    for _person, steps in phones:
        samples = [step for step in steps if isinstance(step, Sample)]
        seconds = (steps[-1].at_ms - steps[0].at_ms) / 1000
        assert len(samples) < 2.5 * max(seconds, 4)


def test_some_buy_and_pay() -> None:
    """Of many, some put things into the bag, go to the checkout and order."""
    ends = [steps for seed in range(250) for steps in [visit_of(seed)[1]]]
    paths = [{step.path for step in steps if isinstance(step, Entered)} for steps in ends]
    assert 5 < sum("/shop/checkout" in been for been in paths) < 125


def test_taste_differs_between_people_and_is_kept_by_each() -> None:
    people = [somebody(Random(seed)) for seed in range(30)]
    assert all(person.taste("lamp") == person.taste("lamp") for person in people)
    assert len({round(person.taste("lamp"), 3) for person in people}) > 20


@few
@given(seeds)
def test_a_site_of_one_page_without_links_is_visited_too(seed: int) -> None:
    _person, steps = visit_of(seed, generic(["/"], [390, 1440]))
    assert {step.path for step in steps if isinstance(step, Entered)} == {"/"}
    assert len(steps) > 2


@few
@given(seeds)
def test_a_page_with_nothing_on_it_is_left_at_once(seed: int) -> None:
    empty = Site(1, {"/": {1440: Plan(1440, 900, [])}})
    _person, steps = visit_of(seed, empty)
    assert [type(step) for step in steps] == [Entered, Sample, Sample], "in view, and left"


def test_some_press_again_and_again_what_leads_nowhere() -> None:
    """Within a second and on one spot, so that the demo has rage clicks too; most visits have none."""
    angry = 0
    for seed in range(150):
        clicks = [step for step in visit_of(seed)[1] if isinstance(step, Sample) and step.kind == CLICK]
        bursts = zip(clicks, clicks[1:], clicks[2:], strict=False)
        angry += any(c.at_ms - a.at_ms < 1000 and max(abs(a.x - c.x), abs(a.y - c.y)) < 20 for a, _, c in bursts)
    assert 3 <= angry <= 60


def test_a_click_on_a_picture_that_leads_nowhere_is_dead() -> None:
    """It is told once more, as a tracker would; nothing scrolls and no page is left within the second; links and buttons are alive."""
    dead = on = 0
    for seed in range(60):
        person, steps = visit_of(seed)
        for page, samples in pages_of(steps):
            boxes = SHOP.plan(page.path, person.device.width_px).boxes
            for at, sample in enumerate(samples):
                if sample.kind != DEAD:
                    continue
                dead += 1
                assert samples[at - 1] == sample._replace(kind=CLICK)
                on += any(box.role == "look" and box.link is None and _holds(box, sample) for box in boxes if not box.sticky)
                rest = [later for later in samples[at + 1 :] if later.kind == MOVE]
                assert all(later.at_ms >= sample.at_ms + 1000 or later.y == sample.y for later in rest), "the page lay still"
        for (_, samples), (following, _) in pairwise(pages_of(steps)):
            assert all(following.at_ms >= sample.at_ms + 1000 for sample in samples if sample.kind == DEAD)
    assert 5 < dead < 300
    assert on > 0.8 * dead, "hands drift"


def _holds(box: Box, sample: Sample) -> bool:
    return box.x - 1 <= sample.x <= box.x + box.width + 1 and box.y - 1 <= sample.y <= box.y + box.height + 1

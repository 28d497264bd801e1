"""What a visitor does from coming to leaving: looks at what draws the eye, reads, clicks, goes on, buys, leaves.

`visit` is a generator of steps in the order of their time; nothing in it waits. Chance and the time of arrival are handed
in, so that the same seed gives the same visit. Each turn of its loop is one thing looked at:

    choose (what draws this one, now, near what is on the screen) -> scroll there -> point at it -> dwell -> perhaps click
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from math import exp, sqrt
from random import Random
from typing import Final

from isotherm.simulate import paths
from isotherm.simulate.layout import Box, Plan, Site
from isotherm.simulate.paths import Point
from isotherm.simulate.people import Person
from isotherm.simulate.pointer import Pointer, Step
from isotherm.simulate.story import Story

__all__ = ["visit"]

_DRAW: Final = {"look": 1.0, "read": 0.5, "press": 0.4, "type": 0.15}  #: how much a role draws the eye
_ZONE_DRAW: Final = {"picture": 1.5, "hero-picture": 1.5, "price": 1.1}  #: what is looked at first in a shop
_STICKY_DRAW: Final = 0.25  #: the header is always there and seldom news
_SEEN_DRAW: Final = 0.12  #: what was looked at already
_UP_DRAW: Final = 0.45  #: people go down a page
_HOME_DRAW: Final = 9.0  #: the way home, where nothing on the page draws this one
_BACK_CHANCE: Final = 0.5  #: to go back by the browser's button once a page is looked through, a turn
_IMPATIENT: Final = 0.25  #: of those who press a picture that leads nowhere
_PUZZLED_MS: Final = (1000, 1800)  #: for so long they look where nothing happened
_BRAND: Final = "brand"
_IN_BAG: Final = frozenset({"add", "add-to-bag"})
_ORDERED: Final = "place-order"
_THUMB: Final = (0.7, 0.72)  #: where it rests on a phone, as parts of the window
_ENTRANCE_SHARE: Final = 0.62  #: come in by the first page; the rest by a search engine, on any


def visit(chance: Random, person: Person, site: Site, story: Story, arrived_ms: float) -> Iterator[Step]:
    """All steps of one visit, each not before the one that came before it."""
    return _Visit(chance, person, site, story, arrived_ms).steps()


class _Visit:
    def __init__(self, chance: Random, person: Person, site: Site, story: Story, arrived_ms: float) -> None:
        self._chance = chance
        self._person = person
        self._site = site
        self._story = story
        self._leaves_ms = arrived_ms + person.stay_ms
        device = person.device
        start = Point(chance.uniform(0.2, 0.8) * device.width_px, chance.uniform(0.1, 0.6) * device.height_px)
        self._pointer = Pointer(device, start, arrived_ms)
        self._wants_to_pay = False
        self._own: str | None = None  #: the product whose page this is
        self._way: list[str] = []  #: pages to go back to
        self._taste: dict[str | None, float] = {}

    def steps(self) -> Iterator[Step]:
        path: str | None = self._entrance()
        while path is not None:
            path = yield from self._page(path)
        yield from self._pointer.leave()

    def _knows(self) -> bool:
        return self._story.word(self._pointer.now_ms) > self._person.hears

    def _draw(self, product: str | None, knows: bool) -> float:
        if product == self._own:
            return 1.0  # who is there looks at all of it; what drew them here has done its work
        taste = self._taste.get(product)
        if taste is None:
            taste = self._taste[product] = self._person.taste(product)
        return taste * self._story.appeal(product, knows)

    def _entrance(self) -> str:
        """Most come in by the first page, some by the page of a product that they heard or dreamt of."""
        pages = list(self._site.pages)
        if self._chance.random() < _ENTRANCE_SHARE or len(pages) == 1:
            return pages[0]
        knows = self._knows()
        draws = [self._draw(page.rpartition("/")[2], knows) for page in pages]
        return self._chance.choices(pages, draws)[0]

    def _page(self, path: str) -> Generator[Step, None, str | None]:
        """One page, from opening it to the link that is clicked. Returns where that leads, or None to leave."""
        chance, pointer, person = self._chance, self._pointer, self._person
        plan = self._site.plan(path, person.device.width_px)
        self._own = path.rpartition("/")[2] or None
        yield from pointer.enter(path, plan)
        yield from pointer.wait(chance.uniform(250, 900) * person.pace)
        seen: set[int] = set()
        patience = max(2, round(person.patience * chance.uniform(0.6, 1.4)))
        while plan.boxes and pointer.now_ms < self._leaves_ms:
            index = self._choose(plan, seen)
            box = plan.boxes[index]
            tired = len(seen) >= patience
            seen.add(index)
            yield from self._bring_into_view(box)
            if person.device.touch:
                yield from self._look_on_touch(box)
            else:
                yield from self._point_at(box)
                yield from self._dwell(box)
            if self._clicks(box, path, tired):
                yield from self._press(box)
                if box.zone == _ORDERED:
                    yield from pointer.wait(chance.uniform(800, 2500))
                    return None
                if box.link is not None and box.link in self._site.pages:
                    yield from pointer.wait(chance.uniform(120, 350))
                    self._way.append(path)
                    return box.link
            elif tired and self._way and chance.random() < _BACK_CHANCE:
                yield from pointer.wait(chance.uniform(300, 900))
                return self._way.pop()
            elif len(seen) > 2 * patience:
                break
        return None

    def _choose(self, plan: Plan, seen: set[int]) -> int:
        """What is looked at next: by role, taste and story, and how near it is to what is on the screen."""
        height = self._person.device.height_px
        middle = self._pointer.scrolled_px + 0.45 * height
        knows = self._knows()
        draws = [self._draw(box.about, knows) for box in plan.boxes]
        bored = max(draws) < 2.5
        weights = []
        for index, box in enumerate(plan.boxes):
            weight = _DRAW[box.role] * _ZONE_DRAW.get(box.zone, 1.0) * draws[index]
            if bored and box.zone == _BRAND:
                weight *= _HOME_DRAW
            if box.role == "read":
                weight *= self._person.reads
            if box.zone in ("bag", "checkout", _ORDERED) or box.role == "type":
                weight *= 12.0 if self._wants_to_pay else 0.2
            if box.sticky:
                weight *= _STICKY_DRAW
            else:
                away = (box.y + box.height / 2 - middle) / height
                weight *= exp(-1.1 * abs(away)) * (_UP_DRAW if away < -0.5 else 1.0)
            if index in seen:
                weight *= _SEEN_DRAW
            weights.append(weight)
        return self._chance.choices(range(len(weights)), weights)[0]

    def _bring_into_view(self, box: Box) -> Iterator[Step]:
        """Scrolls in bursts until the box stands where people like to have what they look at."""
        pointer, chance, height = self._pointer, self._chance, self._person.device.height_px
        top = box.y - pointer.scrolled_px
        if box.sticky or (0.1 * height <= top and top + box.height <= 0.92 * height):
            return
        wanted = box.y + min(box.height, 0.7 * height) / 2 - chance.uniform(0.4, 0.6) * height
        distance = min(max(wanted, 0.0), pointer.scroll_max_px) - pointer.scrolled_px
        if abs(distance) < 20:
            return
        for turn_px, pause_ms in paths.bursts(chance, distance):
            if self._person.device.touch:
                yield from pointer.touch(self._thumb())
            yield from pointer.scroll(turn_px)
            yield from pointer.wait(pause_ms * self._person.pace)

    def _thumb(self) -> Point:
        device, chance = self._person.device, self._chance
        return Point(chance.gauss(_THUMB[0], 0.1) * device.width_px, chance.gauss(_THUMB[1], 0.08) * device.height_px)

    def _spot(self, box: Box) -> Point:
        """A place on the box, in the window: near its middle; for text, where its lines begin."""
        chance = self._chance
        across = chance.uniform(0.02, 0.3) if box.role == "read" else min(max(chance.gauss(0.5, 0.16), 0.06), 0.94)
        down = min(max(chance.gauss(0.5, 0.17), 0.08), 0.92)
        y = box.y + down * box.height - (0.0 if box.sticky else self._pointer.scrolled_px)
        return Point(box.x + across * box.width, y)

    def _point_at(self, box: Box) -> Iterator[Step]:
        pointer = self._pointer
        size = min(box.width, box.height)
        for stroke in paths.aim(self._chance, pointer.at, self._spot(box), size, self._person.pace):
            yield from pointer.move(stroke)

    def _dwell(self, box: Box) -> Iterator[Step]:
        """Looks, with a hand that rests and drifts; reads along lines; types with the mouse at rest."""
        chance, pointer = self._chance, self._pointer
        if box.role == "type":
            yield from pointer.click()
            yield from pointer.wait(chance.uniform(1500, 4500) * self._person.pace)
        elif box.role == "press":
            yield from pointer.wait(chance.uniform(150, 600) * self._person.pace)
        elif box.role == "read":
            yield from self._read(box)
        else:
            longing = min(3.0, self._draw(box.about, self._knows()) / 3)
            for _glance in range(chance.choice((1, 1, 2, 2, 3)) + round(longing)):
                yield from pointer.wait(chance.uniform(300, 1300) * self._person.pace)
                yield from pointer.move(paths.drift(chance, pointer.at, max(26.0, min(box.width, box.height) * 0.2)))

    def _read(self, box: Box) -> Iterator[Step]:
        chance, pointer = self._chance, self._pointer
        left, bottom = pointer.at.x, box.y + box.height - (0.0 if box.sticky else pointer.scrolled_px)
        for _line in range(chance.randint(1, 3)):
            width = max(0.0, min(box.x + box.width - pointer.at.x, 620.0))
            if width < 40 or chance.random() < 0.45:
                yield from pointer.wait(chance.uniform(500, 1800) * self._person.pace)
                continue
            yield from pointer.move(paths.read_line(chance, pointer.at, width))
            line = Point(left, min(pointer.at.y + chance.uniform(18, 60), bottom))
            for stroke in paths.aim(chance, pointer.at, line, 24, self._person.pace):
                yield from pointer.move(stroke)

    def _look_on_touch(self, box: Box) -> Iterator[Step]:
        """No pointer: what is read under a resting thumb, and now and then touched."""
        chance = self._chance
        yield from self._pointer.wait(chance.uniform(500, 2600) * self._person.pace)
        if chance.random() < 0.3:
            yield from self._pointer.touch(self._spot(box))
            yield from self._pointer.wait(chance.uniform(200, 700))

    def _clicks(self, box: Box, path: str, tired: bool) -> bool:
        chance, person = self._chance, self._person
        if box.zone in _IN_BAG:
            return chance.random() < person.buys
        if box.zone in ("bag", "checkout", _ORDERED):
            return self._wants_to_pay and chance.random() < 0.7
        if box.link is None:
            return box.role in ("press", "look") and box.zone not in ("price", "hero-price") and chance.random() < 0.12
        if box.link == path:
            return False
        if box.zone == _BRAND:
            return chance.random() < 0.8
        return chance.random() < min(0.8, (0.6 if tired else 0.1) * sqrt(self._draw(box.about, self._knows())))

    def _press(self, box: Box) -> Iterator[Step]:
        if self._person.device.touch:
            yield from self._pointer.touch(self._spot(box))
            yield from self._pointer.wait(self._chance.uniform(50, 110))
        dead = box.role == "look" and box.link is None and box.zone != "thumb"  # a picture that does not grow
        yield from self._pointer.click(dead=dead)
        if dead and self._chance.random() < _IMPATIENT:
            for _again in range(self._chance.randint(2, 4)):
                yield from self._pointer.wait(self._chance.uniform(120, 260))
                yield from self._pointer.click(dead=True)
        if dead:
            yield from self._pointer.wait(self._chance.uniform(*_PUZZLED_MS))
        if box.zone in _IN_BAG:
            self._wants_to_pay = True
        yield from self._pointer.wait(self._chance.uniform(100, 400))

"""Where pages have what people look at. A site may tell it (``/shop/layout.json``); for others plausible pages are made up.

A page has one plan for each width of window that it was measured at; a box is what carries attention, in document pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, Literal, NamedTuple

import msgspec

__all__ = ["LAYOUT_PATH", "NOWHERE", "Anchor", "Box", "LayoutError", "Plan", "Site", "decode", "generic"]

LAYOUT_PATH: Final = "/shop/layout.json"
FORMAT: Final = 1

Role = Literal["look", "read", "press", "type"]
Positive = msgspec.Meta(gt=0)


class LayoutError(ValueError):
    """A layout that can't be read; the message says where and why."""


class Anchor(NamedTuple):
    """What a sample lies on."""

    zone: str  #: empty: nothing with a name
    x: float  #: thousandths of its box, from the left
    y: float  #: and from the top


NOWHERE: Final = Anchor("", 500.0, 500.0)


class Box(msgspec.Struct, frozen=True, array_like=True):
    """Something on a page. In the file an array, in this order."""

    zone: str
    role: Role  #: what people do with it
    about: str | None  #: the product that it shows
    x: float
    y: float
    width: float
    height: float
    link: str | None  #: the page that a click leads to
    sticky: bool  #: stays where it is in the window while the page scrolls


_CARD_PARTS: Final = frozenset({"picture", "name", "price", "add"})


class Plan(msgspec.Struct, frozen=True):
    """One page at one width of window."""

    width: float = msgspec.field(name="w")  #: of the document
    height: float = msgspec.field(name="h")
    boxes: list[Box]

    def anchor_at(self, path: str, x: float, y: float, scrolled_px: float) -> Anchor:
        """The zone of the page that lies at a place in the document, as our tracker would name it, and where in its box.

        A product's card is one zone, `product-SLUG`, whatever part of it is looked at; on its own page a product has none.
        """
        for box in reversed(self.boxes):
            shift = scrolled_px if box.sticky else 0.0
            if box.x <= x < box.x + box.width and box.y + shift <= y < box.y + shift + box.height:
                card = box.about is not None and box.zone in _CARD_PARTS and not path.endswith(f"/p/{box.about}")
                parts = self._card_around(box) if card else [box]
                left, top = min(part.x for part in parts), min(part.y for part in parts) + shift
                right, bottom = max(part.x + part.width for part in parts), max(part.y + part.height for part in parts) + shift
                name = f"product-{box.about}" if card else box.zone
                return Anchor(name, 1000 * (x - left) / (right - left), 1000 * (y - top) / (bottom - top))
        return NOWHERE

    def _card_around(self, part: Box) -> list[Box]:
        """The parts of the card that this one is of: a product may have several cards on a page."""
        at = self.boxes.index(part)
        first = at
        while first > 0 and _of_one_card(self.boxes[first - 1], part):
            first -= 1
        while at + 1 < len(self.boxes) and _of_one_card(self.boxes[at + 1], part):
            at += 1
        return self.boxes[first : at + 1]


def _of_one_card(one: Box, other: Box) -> bool:
    return one.about == other.about and one.zone in _CARD_PARTS and one.sticky == other.sticky


class Site(msgspec.Struct, frozen=True):
    """All pages that visitors walk over; the first one is where most come in."""

    v: int
    pages: dict[str, dict[int, Plan]]

    def plan(self, path: str, viewport_width_px: int) -> Plan:
        """The page's plan at the width that is nearest to the window's."""
        plans = self.pages[path]
        return plans[min(plans, key=lambda width: abs(width - viewport_width_px))]


_decoder = msgspec.json.Decoder(Site)


def decode(text: bytes) -> Site:
    """The site that a layout file describes. Raises `LayoutError`."""
    try:
        site = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LayoutError(f"expected a layout of format {FORMAT}: {error}") from None
    if site.v != FORMAT:
        raise LayoutError(f"expected a layout of format {FORMAT}, got {site.v}")
    plans = [(path, plan) for path, by_width in site.pages.items() for plan in by_width.values()]
    if not plans or not all(site.pages.values()):
        raise LayoutError("expected at least one page, and each measured at one width or more")
    for path, plan in plans:
        if not (plan.width > 0 and plan.height > 0):
            raise LayoutError(f"expected width and height above 0 at {path}")
    return site


def generic(paths: Sequence[str], widths_px: Sequence[int], seed: int = 0) -> Site:
    """Plausible pages for a site that tells nothing of its own: menu, headline, picture, text, cards, a button."""
    return Site(FORMAT, {path: {width: _plan(path, paths, width, seed) for width in widths_px} for path in paths})


def _plan(path: str, paths: Sequence[str], width: int, seed: int) -> Plan:
    chance = Random(f"{seed}{path}")  # the same page looks alike at each width
    margin = max(18.0, 0.06 * width)
    inner = width - 2 * margin
    links = [other for other in paths if other != path]
    boxes = [
        Box(f"menu-{number}", "press", None, margin + number * 110, 18, 90, 32, link, False)
        for number, link in enumerate(links[:8])
        if margin + number * 110 + 90 < width
    ]
    y = 110.0
    boxes.append(Box("headline", "read", None, margin, y, inner * 0.7, 64, None, False))
    boxes.append(Box("picture", "look", None, margin, y + 100, inner, min(0.45 * width, 520), None, False))
    y += 130 + min(0.45 * width, 520)
    for section in range(chance.randint(2, 5)):
        lines = chance.randint(3, 8)
        boxes.append(Box(f"text-{section}", "read", None, margin, y, min(inner, 680), 27.0 * lines, None, False))
        y += 27.0 * lines + 40
        columns = 1 if width < 600 else 3
        for column in range(3):
            link = chance.choice(links) if links else None
            card = inner / columns
            left, top = margin + (column % columns) * card, y + (column // columns) * card * 0.7
            boxes.append(Box(f"card-{section}-{column}", "look", None, left, top, card - 20, card * 0.6, link, False))
        y += (inner / columns) * 0.7 * (3 // columns) + 40
    boxes.append(Box("button", "press", None, margin, y, 200, 48, chance.choice(links) if links else None, False))
    return Plan(float(width), y + 300, boxes)

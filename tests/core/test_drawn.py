"""Zones that an operator drew: their names stand before those of elements, and say what these count for."""

from __future__ import annotations

import pytest

from isotherm.core.drawn import ZONES_DRAWN_MAX, Drawing, DrawnZone, DrawnZoneError, drawn_from_json, drawn_to_json, element_of, zones_of
from isotherm.core.sites import Site, SiteError, site_from_json, site_to_json, with_origins

HERO = DrawnZone("Hero", "/", ("#main>0", "/p/2"))
MENU = DrawnZone("Menü", "", ("#top", "/p/2"))


def test_a_zones_name_goes_before_its_anchors_on_its_page() -> None:
    """The page's own zones before those of every page; what is in none keeps its name; the element's name is told back."""
    drawing = Drawing((HERO, MENU))
    anchors = ["#main>0", "#top", "/p/2", "buy", ""]
    home, other = drawing.named("/", anchors), drawing.named("/p/1", anchors)
    assert zones_of(home) == ["Hero", "Menü", "Hero", "buy", ""]
    assert zones_of(other) == ["#main>0", "Menü", "Menü", "buy", ""]
    assert [element_of(name) for name in home] == [element_of(name) for name in other] == anchors
    assert zones_of(anchors) is None
    assert Drawing().named("/", anchors) == anchors


def test_a_zone_is_replaced_by_name_and_page_and_taken_away() -> None:
    drawing = Drawing((HERO, MENU)).with_zone(DrawnZone("Hero", "/", ("#x",))).with_zone(DrawnZone("Hero", "/p", ("#y",)))
    assert [(zone.name, zone.page, zone.anchors) for zone in drawing.zones] == [
        ("Menü", "", ("#top", "/p/2")), ("Hero", "/", ("#x",)), ("Hero", "/p", ("#y",)),
    ]  # fmt: skip
    assert [zone.name for zone in drawing.without("Hero", "/").without("Menü", "").zones] == ["Hero"]


@pytest.mark.parametrize(
    "value",
    [
        None, [], {}, {"name": 1, "anchors": ["a"]}, {"name": "", "anchors": ["a"]}, {"name": "a" * 65, "anchors": ["a"]}, {"name": "a\nb", "anchors": ["a"]},
        {"name": "a", "anchors": []}, {"name": "a", "anchors": "b"}, {"name": "a", "anchors": [1]}, {"name": "a", "anchors": [""]},
        {"name": "a", "anchors": ["ä" * 129]}, {"name": "a", "anchors": ["a\x1fb"]}, {"name": "a", "anchors": [str(n) for n in range(101)]},
        {"name": "a", "page": "p", "anchors": ["b"]}, {"name": "a", "page": "/" + "p" * 2048, "anchors": ["b"]}, {"name": "a", "page": 1, "anchors": ["b"]},
    ],
)  # fmt: skip
def test_what_can_be_no_zone_is_refused_with_what_was_expected(value: object) -> None:
    with pytest.raises(DrawnZoneError, match=r"^expected "):
        drawn_from_json(value)


def test_a_site_keeps_its_zones_through_its_settings() -> None:
    """A site without any is written as before; more than a site may have, or what is no zone, is refused."""
    site = Site("shop", drawing=Drawing((HERO, MENU)))
    assert site_from_json(site_to_json(site)) == site
    assert "zones" not in site_to_json(Site("shop"))
    default = Site("default", drawing=Drawing((HERO,)))
    assert with_origins([default], frozenset({"https://shop.example"}))[0].drawing.zones == (HERO,)
    many = [drawn_to_json(DrawnZone(str(number), "", ("a",))) for number in range(ZONES_DRAWN_MAX + 1)]
    for wrong in (many, "x", [1]):
        with pytest.raises(SiteError):
            site_from_json({"key": "shop", "zones": wrong})

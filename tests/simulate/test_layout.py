"""Where pages have what people look at."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import isotherm.web.shop
from isotherm.simulate.layout import LayoutError, decode, generic
from isotherm.simulate.people import DEVICES
from isotherm.web.shop import paths

SHOP = decode((Path(isotherm.web.shop.__file__).parent / "layout.json").read_bytes())
WIDTHS = sorted(device.width_px for device, _share in DEVICES)


def test_the_shop_is_measured_whole_at_every_width_that_visitors_have() -> None:
    assert list(SHOP.pages) == paths(), "run scripts/shop_layout.py"
    for by_width in SHOP.pages.values():
        assert sorted(by_width) == WIDTHS


def test_in_the_shop_every_box_lies_on_its_page_and_every_link_leads_somewhere() -> None:
    for path, by_width in SHOP.pages.items():
        for plan in by_width.values():
            assert plan.boxes, path
            for box in plan.boxes:
                assert box.width > 0 <= box.x <= box.x + box.width <= plan.width + 1
                assert box.height > 0 <= box.y <= box.y + box.height <= plan.height + 1
                assert box.link is None or box.link in SHOP.pages, f"{box.link} on {path}"


def test_the_story_has_its_two_products_on_the_first_page() -> None:
    first = next(iter(SHOP.pages))
    for width in WIDTHS:
        about = {box.about for box in SHOP.plan(first, width).boxes}
        assert {"console", "laptop"} <= about


def test_a_window_between_two_measured_widths_gets_the_nearer_plan() -> None:
    assert SHOP.plan("/shop/", 400) == SHOP.plan("/shop/", 390)
    assert SHOP.plan("/shop/", 5000) == SHOP.plan("/shop/", 1920)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "layout"),
        (b"\xff", "layout"),
        (b'{"v": 2, "pages": {"/": {"390": {"w": 1, "h": 1, "boxes": []}}}}', "format 1, got 2"),
        (b'{"v": 1, "pages": {}}', "at least one page"),
        (b'{"v": 1, "pages": {"/": {}}}', "at least one page"),
        (b'{"v": 1, "pages": {"/": {"390": {"w": 0, "h": 1, "boxes": []}}}}', "above 0 at /"),
        (b'{"v": 1, "pages": {"/": {"390": {"w": 9, "h": 1, "boxes": [["a", "b"]]}}}}', "boxes"),
    ],
)
def test_a_layout_that_is_none_is_refused_by_name(text: bytes, word: str) -> None:
    with pytest.raises(LayoutError, match=word):
        decode(text)


@given(st.lists(st.text("/abc", min_size=1, max_size=5).map(lambda text: "/" + text), min_size=1, max_size=12, unique=True))
def test_made_up_pages_are_plausible_at_every_width(pages: list[str]) -> None:
    site = generic(pages, WIDTHS)
    assert list(site.pages) == pages
    for path in pages:
        for width in WIDTHS:
            plan = site.plan(path, width)
            assert plan.height > plan.width / 4
            assert {"look", "read", "press"} <= {box.role for box in plan.boxes}
            for box in plan.boxes:
                assert 0 <= box.x < box.x + box.width <= width
                assert 0 <= box.y < box.y + box.height <= plan.height
                assert box.link is None or (box.link in pages and box.link != path)

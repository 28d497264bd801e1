"""`layout.json`, by which the simulated visitors walk, says where things are on the shop's pages of today."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from chromium import NewPage
from scripts.shop_layout import HEIGHT_PX, LAYOUT, made_from, measure, served

#: Another release of the browser rounds another way; a thing that moved moves further.
TOLERANCE_PX = 2


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop() -> AsyncIterator[str]:
    async with served() as address:
        yield address


@pytest.fixture(scope="module")
def layout() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(LAYOUT.read_text())
    return told


def test_it_was_measured_on_the_shop_as_it_is(layout: dict[str, Any]) -> None:
    """Whoever changes the shop measures it anew."""
    assert layout["made_from"] == made_from(), "stale: run `python scripts/shop_layout.py`, and commit what it wrote"


@pytest.mark.parametrize("width", [390, 1440])
async def test_what_it_says_is_where_the_browser_has_it(shop: str, layout: dict[str, Any], new_page: NewPage, width: int) -> None:
    """Of one page of each kind: document size, and every box with its role and where it leads."""
    page = await new_page(viewport={"width": width, "height": HEIGHT_PX}, reduced_motion="reduce")
    for path in ("/shop/", "/shop/c/audio", "/shop/p/laptop", "/shop/cart", "/shop/checkout", "/shop/journal"):
        told, found = layout["pages"][path][str(width)], await measure(page, shop + path)
        assert [told["w"], told["h"]] == pytest.approx([found["w"], found["h"]], abs=TOLERANCE_PX), path
        assert len(told["boxes"]) == len(found["boxes"]), path
        for one, other in zip(told["boxes"], found["boxes"], strict=True):
            assert one[:3] + one[7:] == other[:3] + other[7:], path
            assert one[3:7] == pytest.approx(other[3:7], abs=TOLERANCE_PX), (path, one[0])

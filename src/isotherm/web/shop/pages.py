"""The shop's pages by their address."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Final

from isotherm.web.shop.bag import cart_page, checkout_page
from isotherm.web.shop.catalog import articles, catalog
from isotherm.web.shop.help import help_page
from isotherm.web.shop.home import home
from isotherm.web.shop.journal import journal_page
from isotherm.web.shop.listing import category_page, search_page
from isotherm.web.shop.product import product_page

__all__ = ["paths", "render"]

_PLAIN: Final[dict[str, Callable[[], str]]] = {
    "/shop/": home,
    "/shop/search": search_page,
    "/shop/cart": cart_page,
    "/shop/checkout": checkout_page,
    "/shop/help": help_page,
    "/shop/journal": journal_page,
}


@cache
def _pages() -> dict[str, Callable[[], str]]:
    """Every page there is: what an address beyond these gets is a 404, so that it is no page of the heat map either."""
    pages = dict(_PLAIN)
    for category in catalog().categories:
        pages[f"/shop/c/{category.slug}"] = partial(category_page, category)
    for product in catalog().products:
        pages[f"/shop/p/{product.slug}"] = partial(product_page, product)
    for article in articles():
        pages[f"/shop/journal/{article.slug}"] = journal_page
    return pages


def paths() -> list[str]:
    """The addresses of all pages, home first."""
    return list(_pages())


def render(path: str) -> bytes | None:
    """The HTML (UTF-8) of the page at ``path``, as ``/shop/p/console``; None where there is no such page."""
    return _rendered(path) if path in _pages() else None


@cache  # only ever asked for pages that exist, so it is bounded
def _rendered(path: str) -> bytes:
    return _pages()[path]().encode()

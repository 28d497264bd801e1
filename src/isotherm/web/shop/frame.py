"""The frame of every page: head, sticky header, footer, and the tracker's tag as on any other site."""

from __future__ import annotations

from html import escape
from typing import Final

from isotherm.web.shop.catalog import catalog

__all__ = ["icon", "page"]

_TRACKER: Final = '<script async src="/tracker.js" data-site="default"></script>'


def icon(name: str) -> str:
    """A picture from the sheet of icons, for the eye only."""
    return f'<svg class="icon" aria-hidden="true" focusable="false"><use href="/shop/assets/icons.svg#{name}"/></svg>'


def page(title: str, main: str, *, here: str = "") -> str:
    """A whole page. ``here`` is the address of the department that it belongs to."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} – Kestrel</title>
<meta name="description" content="Kestrel: good machines for home. A shop that does not exist, to show Isotherm.">
<link rel="icon" href="/shop/assets/favicon.svg" type="image/svg+xml">
<link rel="preload" href="/shop/assets/fonts/figtree-latin-wght-normal.woff2" as="font" type="font/woff2" crossorigin>
<link rel="preload" href="/shop/assets/fonts/bricolage-grotesque-latin-wght-normal.woff2" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="/shop/assets/shop.css">
<script type="module" src="/shop/assets/js/shop.js"></script>
{_TRACKER}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
{_header(here)}
<main id="main" tabindex="-1">
{main}
</main>
{_footer()}
<div class="toast" role="status" data-toast></div>
</body>
</html>
"""


def _header(here: str) -> str:
    links = [(f"/shop/c/{category.slug}", category.name) for category in catalog().categories]
    links.append(("/shop/journal", "Journal"))
    items = "".join(
        f'<li><a href="{href}" data-heat-zone="menu-{name.lower()}"{_current(href, here)}>{name}</a></li>' for href, name in links
    )
    return f"""<header class="top">
<div class="wrap top-row">
<a class="brand" href="/shop/" data-heat-zone="brand">{icon("kestrel")}<span>Kestrel</span></a>
<nav class="menu" aria-label="Departments"><ul>{items}</ul></nav>
<form class="find" action="/shop/search" role="search" data-heat-zone="search">
<label class="unseen" for="find">Search the shop</label>
<input id="find" type="search" name="q" placeholder="Search the shop" autocomplete="off">
<button type="submit" aria-label="Search">{icon("search")}</button>
</form>
<a class="find-link" href="/shop/search" data-heat-zone="search-link" aria-label="Search">{icon("search")}</a>
<a class="bag-link" href="/shop/cart" data-heat-zone="bag">{icon("bag")}<span>Bag</span> <span class="count" data-bag-count></span></a>
</div>
</header>"""


def _current(href: str, here: str) -> str:
    return ' aria-current="page"' if href == here else ""


def _footer() -> str:
    departments = "".join(f'<li><a href="/shop/c/{category.slug}">{escape(category.name)}</a></li>' for category in catalog().categories)
    return f"""<footer class="foot">
<div class="wrap foot-row">
<div><p class="brand">{icon("kestrel")}<span>Kestrel</span></p>
<p>Good machines for home. This shop does not exist, and sells nothing: it is here to be looked at.</p></div>
<nav aria-label="Shop"><p class="foot-title">Shop</p><ul>{departments}</ul></nav>
<nav aria-label="Help"><p class="foot-title">Help</p><ul><li><a href="/shop/help" data-heat-zone="foot-help">Delivery and returns</a></li>
<li><a href="/shop/help#repair">Repair</a></li><li><a href="/shop/journal">Journal</a></li></ul></nav>
</div>
</footer>"""

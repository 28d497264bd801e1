"""Pages that list products: a department, and the search over all of them."""

from __future__ import annotations

from html import escape

from isotherm.web.shop.cards import grid, picture
from isotherm.web.shop.catalog import Category, catalog
from isotherm.web.shop.frame import page

__all__ = ["category_page", "search_page"]


def category_page(category: Category) -> str:
    inside = catalog().within(category.slug)
    others = [product for product in catalog().products if product.category != category.slug]
    body = f"""<section class="wrap band tint-{category.tint}" aria-labelledby="department"><div>
<h1 id="department" data-heat-zone="title">{escape(category.name)}</h1>
<p class="lead" data-heat-zone="lead">{escape(category.line)}</p></div>
{picture(category.picture, eager=True)}</section>
<section class="wrap" aria-label="All of {escape(category.name)}">{grid(inside, level=2, eager=True, style="grid grid-3")}</section>
<section class="wrap" aria-labelledby="also"><div class="section-head">
<h2 id="also" data-heat-zone="heading">Also in the shop</h2></div>{grid(others[:4])}</section>"""
    return page(category.name, body, here=f"/shop/c/{category.slug}")


def search_page() -> str:
    """All products; ``assets/js/search.js`` leaves those that the address asks for (``?q=``)."""
    body = f"""<section class="wrap" aria-labelledby="search-title"><div class="section-head">
<h1 id="search-title" data-heat-zone="title">The whole shop</h1>
<p role="status" data-found>{len(catalog().products)} things</p></div>
<form class="find find-large" action="/shop/search" data-search>
<label class="unseen" for="find-large">Search the shop</label>
<input id="find-large" type="search" name="q" placeholder="Try “quiet”, “audio” or “lamp”" autocomplete="off"
data-heat-zone="search-field"><button class="button" type="submit">Search</button></form>
{grid(catalog().products, level=2, eager=True)}
<p class="nothing" data-nothing hidden>Nothing here by that name. <a href="/shop/search">See everything</a></p></section>"""
    return page("Search", body)

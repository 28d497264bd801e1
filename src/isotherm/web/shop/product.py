"""A product's page: gallery with a closer look, price and bag, story, facts, reviews in a box, and what goes with it."""

from __future__ import annotations

from html import escape
from typing import Final

from isotherm.web.shop.cards import grid, picture, price, stars
from isotherm.web.shop.catalog import Product, catalog
from isotherm.web.shop.frame import icon, page

__all__ = ["product_page"]

_CLOSE: Final = f'<form method="dialog"><button class="round" aria-label="Close">{icon("close")}</button></form>'


def product_page(product: Product) -> str:
    body = f"""<div data-product="{product.slug}">
<section class="product wrap" aria-labelledby="name">{_gallery(product)}{_offer(product)}</section>
<section class="wrap details">{_story(product)}{_facts(product)}</section>
{_reviews(product)}
</div>
{_beside(product)}
{_lightbox(product)}
{_delivery()}"""
    return page(product.name, body, here=f"/shop/c/{product.category}")


def _gallery(product: Product) -> str:
    views = ["", *product.closeups]
    thumbs = "".join(
        f'<li><button type="button" class="thumb tint-{product.tint}" data-view="{view.replace(" ", ",")}" '
        f'aria-pressed="{"false" if view else "true"}" aria-label="{"Detail" if view else "Whole"}, picture {number}" '
        f'data-heat-zone="thumb">{picture(product.slug, view=view, eager=True)}</button></li>'
        for number, view in enumerate(views, 1)
    )
    return f"""<div class="gallery">
<button type="button" class="gallery-main tint-{product.tint}" data-open="lightbox" aria-label="Look closer at {
        escape(product.name)
    }" data-heat-zone="picture">{picture(product.slug, alt=product.name, eager=True)}<span class="gallery-hint">{
        icon("look")
    }</span></button>
<ul class="thumbs">{thumbs}</ul></div>"""


def _offer(product: Product) -> str:
    category = catalog().category(product.category)
    assert category is not None
    mark = f'<span class="mark">{escape(product.mark)}</span>' if product.mark else ""
    swatches = "".join(
        f'<label class="swatch"><input type="radio" name="colour" value="{swatch}"{" checked" if number == 0 else ""}>'
        f'<span class="swatch-dot dot-{swatch}"></span><span>{escape(name)}</span></label>'
        for number, (name, swatch) in enumerate(product.colours)
    )
    return f"""<div class="offer">
<nav aria-label="You are here" class="crumbs"><ol><li><a href="/shop/">Shop</a></li>
<li><a href="/shop/c/{category.slug}" data-heat-zone="crumb">{escape(category.name)}</a></li></ol></nav>
<h1 id="name" data-heat-zone="name">{escape(product.name)} {mark}</h1>
<p class="offer-kind">{escape(product.kind)} <a href="#reviews" data-heat-zone="stars">{stars(product)}</a></p>
{price(product)}
<p class="lead" data-heat-zone="lead">{escape(product.lead)}</p>
<fieldset class="swatches" data-heat-zone="colours"><legend>Colour</legend>{swatches}</fieldset>
<p class="actions"><button class="button button-wide" type="button" data-add="{product.slug}"
data-heat-zone="add-to-bag">Add to bag</button></p>
<ul class="offer-notes">
<li>{icon("truck")}<button type="button" class="link" data-open="delivery" data-heat-zone="delivery">There by Thursday, free</button></li>
<li>{icon("return")}60 days to think</li><li>{icon("wrench")}Parts for ten years</li></ul></div>"""


def _story(product: Product) -> str:
    paragraphs = "".join(f'<p data-heat-zone="story">{escape(text)}</p>' for text in product.story)
    return f'<div class="story-text"><h2 data-heat-zone="heading">Why we made it</h2>{paragraphs}</div>'


def _facts(product: Product) -> str:
    rows = "".join(f'<div data-heat-zone="fact"><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>' for name, value in product.facts)
    return f'<div><h2 data-heat-zone="heading">In figures</h2><dl class="facts">{rows}</dl></div>'


def _reviews(product: Product) -> str:
    items = "".join(
        f'<li data-heat-zone="review"><p class="review-stars"><span class="unseen">{count} of 5 stars</span>{icon("star") * count}</p>'
        f'<h3>{escape(title)}</h3><p>{escape(text)}</p><p class="review-who">{escape(who)}</p></li>'
        for who, count, title, text in product.reviews
    )
    return f"""<section class="wrap reviews" id="reviews" aria-labelledby="reviews-title">
<div class="reviews-sum"><h2 id="reviews-title" data-heat-zone="heading">What people say</h2>
<p class="reviews-mean" data-heat-zone="mean">{product.rating}<span> of 5</span></p><p>{product.reviews_count:,} reviews</p></div>
<ul class="reviews-box" tabindex="0" aria-labelledby="reviews-title">{items}</ul></section>"""


def _beside(product: Product) -> str:
    others = [other for other in catalog().within(product.category) if other != product]
    others += [other for other in catalog().products if other.category != product.category and other != product]
    return f"""<section class="wrap" aria-labelledby="beside"><div class="section-head">
<h2 id="beside" data-heat-zone="heading">Goes well beside it</h2></div>
{grid(others[:4])}</section>"""


def _lightbox(product: Product) -> str:
    return f"""<dialog id="lightbox" class="lightbox" aria-label="{escape(product.name)}, larger">{_CLOSE}
<div class="tint-{product.tint}">{picture(product.slug, alt=product.name)}</div></dialog>"""


def _delivery() -> str:
    return f"""<dialog id="delivery" aria-labelledby="delivery-title">{_CLOSE}
<h2 id="delivery-title">Delivery and returns</h2>
<p>Ordered before four, on its way the same day: by bicycle in town, by train to the next, by van only for the last street.</p>
<p>Sixty days to think. Use it as if it were yours; if it does not stay, fold the box back and leave it at any corner shop.</p>
<p class="actions"><a class="button button-quiet" href="/shop/help">All about it</a></p></dialog>"""

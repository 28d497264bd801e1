"""Product cards, prices and stars, as they stand on every page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from isotherm.web.shop.catalog import Product, catalog
from isotherm.web.shop.frame import icon

__all__ = ["card", "grid", "picture", "price", "stars"]


def picture(slug: str, *, alt: str = "", eager: bool = False, view: str = "") -> str:
    """A product's picture, or the part of it that ``view`` cuts out. All pictures are square."""
    part = f"#svgView(viewBox({view.replace(' ', ',')}))" if view else ""
    loading = "" if eager else ' loading="lazy"'
    return f'<img src="/shop/assets/pictures/{slug}.svg{part}" alt="{escape(alt)}" width="400" height="400"{loading}>'


def price(product: Product, *, part: bool = False) -> str:
    """`part`: it stands on a card, which is a zone as a whole."""
    now, name = catalog().price(product.price_cents), "data-part" if part else "data-heat-zone"
    if product.was_cents is None:
        return f'<p class="price" {name}="price">{now}</p>'
    before = catalog().price(product.was_cents)
    return (
        f'<p class="price price-cut" {name}="price"><span class="unseen">Now </span>{now} '
        f'<s><span class="unseen">before </span>{before}</s></p>'
    )


def stars(product: Product) -> str:
    return (
        f'<span class="stars">{icon("star")}<span class="unseen">Rated </span>{product.rating}'
        f'<span class="stars-count"> ({product.reviews_count:,}<span class="unseen"> reviews</span>)</span></span>'
    )


def card(product: Product, *, level: int = 3, eager: bool = False) -> str:
    mark = f'<span class="mark">{escape(product.mark)}</span>' if product.mark else ""
    href = f"/shop/p/{product.slug}"
    return f"""<article class="card" data-product="{product.slug}" data-heat-zone="product-{product.slug}">
<a class="card-picture tint-{product.tint}" href="{href}" tabindex="-1" aria-hidden="true" data-part="picture">{
        picture(product.slug, eager=eager)
    }</a>{mark}
<div class="card-text">
<h{level} class="card-name"><a href="{href}" data-part="name">{escape(product.name)}</a></h{level}>
<p class="card-kind">{escape(product.kind)} {stars(product)}</p>
{price(product, part=True)}
</div>
<button class="card-add" type="button" data-add="{product.slug}" data-part="add" aria-label="Add {escape(product.name)} to the bag">{
        icon("plus")
    }</button>
</article>"""


def grid(products: Iterable[Product], *, level: int = 3, eager: bool = False, style: str = "grid") -> str:
    return f'<div class="{style}">' + "\n".join(card(product, level=level, eager=eager) for product in products) + "</div>"

"""The home page: hero, departments, what everybody looks at, a strip to scroll, promises, journal, newsletter."""

from __future__ import annotations

from html import escape
from typing import Final

from isotherm.web.shop.cards import card, grid, picture
from isotherm.web.shop.catalog import articles, catalog
from isotherm.web.shop.frame import icon, page

__all__ = ["home"]

_LOOKED_AT: Final = ("console", "headphones", "turntable", "laptop", "keyboard", "camera", "lamp", "controller")
_FRESH: Final = ("speaker", "handheld", "monitor", "kettle", "camera", "controller", "lamp", "keyboard")
_PROMISES: Final = (
    ("truck", "There by Thursday", "Free from €40, in a box that folds into a shelf."),
    ("return", "60 days to think", "Send it back used. We do not ask why."),
    ("wrench", "Parts for ten years", "And a manual that shows every screw."),
)


def home() -> str:
    return page("Good machines for home", _hero() + _departments() + _looked_at() + _fresh() + _promises() + _journal() + _letter())


def _hero() -> str:
    console = catalog().product("console")
    assert console is not None
    return f"""<section class="hero wrap" data-product="console" aria-labelledby="hero-title">
<div class="hero-text">
<p class="eyebrow">New this week</p>
<h1 id="hero-title" data-heat-zone="hero-title">Good evenings start&nbsp;here.</h1>
<p class="lead" data-heat-zone="hero-lead">{escape(console.lead)}</p>
<p class="actions"><a class="button" href="/shop/p/console" data-heat-zone="hero-button">See the {escape(console.name)}</a>
<span class="hero-price" data-heat-zone="hero-price">{catalog().price(console.price_cents)}</span></p>
</div>
<a class="hero-picture" href="/shop/p/console" tabindex="-1" aria-hidden="true" data-heat-zone="hero-picture">
<img src="/shop/assets/pictures/hero.svg" alt="" width="1200" height="900"></a>
</section>"""


def _departments() -> str:
    tiles = "\n".join(
        f'<li><a class="department tint-{category.tint}" href="/shop/c/{category.slug}" data-heat-zone="department-{category.slug}">'
        f'<span class="department-name">{escape(category.name)}</span>{picture(category.picture, eager=True)}</a></li>'
        for category in catalog().categories
    )
    return f"""<section class="wrap" aria-label="Departments"><ul class="departments">{tiles}</ul></section>"""


def _looked_at() -> str:
    products = [product for slug in _LOOKED_AT if (product := catalog().product(slug))]
    return f"""<section class="wrap" aria-labelledby="looked-at"><div class="section-head">
<h2 id="looked-at" data-heat-zone="heading">What everybody looks at</h2>
<a href="/shop/search" data-heat-zone="see-all">See all twelve</a></div>
{grid(products, eager=True, style="grid grid-popular")}</section>"""


def _fresh() -> str:
    cards = "\n".join(f"<li>{card(product)}</li>" for slug in _FRESH if (product := catalog().product(slug)))
    return f"""<section class="wrap" aria-labelledby="fresh" data-carousel><div class="section-head">
<h2 id="fresh" data-heat-zone="heading">Fresh on the shelf</h2>
<p class="carousel-buttons">{_step(-1, "Back", "left")}{_step(1, "Onward", "right")}</p></div>
<ul class="carousel" tabindex="0" aria-label="Fresh on the shelf" data-carousel-track>{cards}</ul></section>"""


def _step(way: int, label: str, arrow: str) -> str:
    return (
        f'<button type="button" class="round" data-carousel-step="{way}" aria-label="{label}" '
        f'data-heat-zone="carousel-{arrow}">{icon(arrow)}</button>'
    )


def _promises() -> str:
    items = "".join(
        f'<li data-heat-zone="promise-{name}">{icon(name)}<div><h3>{escape(title)}</h3><p>{escape(text)}</p></div></li>'
        for name, title, text in _PROMISES
    )
    return f'<section class="wrap" aria-label="What we promise"><ul class="promises">{items}</ul></section>'


def _journal() -> str:
    cards = "".join(
        f'<li><a class="story" href="/shop/journal/{article.slug}" data-heat-zone="story-{article.slug}">'
        f'<span class="story-picture tint-{article.tint}">{picture(article.product)}</span>'
        f'<span class="story-title">{escape(article.title)}</span><span class="story-lead">{escape(article.lead)}</span></a></li>'
        for article in articles()[:3]
    )
    return f"""<section class="wrap" aria-labelledby="journal"><div class="section-head">
<h2 id="journal" data-heat-zone="heading">From the journal</h2>
<a href="/shop/journal" data-heat-zone="journal-all">All stories</a></div><ul class="stories">{cards}</ul></section>"""


def _letter() -> str:
    return """<section class="wrap"><div class="letter"><div><h2 data-heat-zone="letter-title">A letter, once a month</h2>
<p>What we made, what we mended, one record.</p></div>
<form data-letter><label class="unseen" for="letter">Your e-mail address</label>
<input id="letter" type="email" name="email" required autocomplete="email" placeholder="you@example.com" data-heat-zone="letter-field">
<button class="button" type="submit" data-heat-zone="letter-button">Write to me</button></form></div></section>"""

"""The catalogue: what the shop sells, read once from ``assets/catalog.json``; the browser reads the same file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import msgspec

__all__ = ["ASSETS", "Article", "Catalog", "Category", "Product", "articles", "catalog"]

ASSETS: Final = Path(__file__).parent / "assets"


class Category(msgspec.Struct, frozen=True):
    slug: str
    name: str
    line: str
    picture: str  #: slug of the product that stands for it
    tint: str


class Product(msgspec.Struct, frozen=True):
    slug: str
    name: str
    kind: str
    category: str
    tint: str
    price_cents: int
    was_cents: int | None
    mark: str | None
    rating: float
    reviews_count: int
    lead: str
    story: list[str]
    facts: list[tuple[str, str]]
    colours: list[tuple[str, str]]  #: name, swatch
    closeups: list[str]  #: parts of the picture, each the `viewBox` of an SVG
    reviews: list[tuple[str, int, str, str]]  #: who, stars, title, text


class Catalog(msgspec.Struct, frozen=True):
    currency: str
    categories: list[Category]
    products: list[Product]

    def product(self, slug: str) -> Product | None:
        return next((product for product in self.products if product.slug == slug), None)

    def category(self, slug: str) -> Category | None:
        return next((category for category in self.categories if category.slug == slug), None)

    def within(self, category: str) -> list[Product]:
        return [product for product in self.products if product.category == category]

    def price(self, cents: int) -> str:
        return f"{self.currency}{cents / 100:,.2f}"


class Article(msgspec.Struct, frozen=True):
    """A piece of the journal. Its text is set in the browser; the home page names title, lead and picture."""

    slug: str
    title: str
    product: str
    tint: str
    minutes: int
    lead: str


class _Journal(msgspec.Struct):
    articles: list[Article]


@cache
def catalog() -> Catalog:
    return msgspec.json.decode((ASSETS / "catalog.json").read_bytes(), type=Catalog)


@cache
def articles() -> list[Article]:
    return msgspec.json.decode((ASSETS / "journal.json").read_bytes(), type=_Journal).articles

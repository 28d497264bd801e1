"""Sites: who may send, and which addresses are one page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.pages import canonical_path
from isotherm.core.sites import Site, SiteError, Sites, normal_origin, site_from_json, site_to_json

SHOP = Site("shop", frozenset({"https://shop.example"}), ("q", "page"), ("/p/:id", "/u/:who/orders/*"), ("/account/*", "/checkout"))


@pytest.mark.parametrize(
    "origin",
    [
        "null", "", "http://shop.example", "https://shop.example:444", "https://shop.example.evil.example", "https://evil.example",
        "https://shop.example/", "https://SHOP.example", "https://www.shop.example", "https://shop.example@evil.example", "shop.example",
    ],
)  # fmt: skip
def test_an_origin_matches_exactly_or_not_at_all(origin: str) -> None:
    """No prefix, no suffix, no other scheme or port; `null` is foreign."""
    assert SHOP.admits("https://shop.example")
    assert not SHOP.admits(origin)


def test_a_site_without_origins_takes_all_and_one_without_an_origin_is_no_browser() -> None:
    """As the public interface has it."""
    assert Site("open").admits("https://any.example")
    assert SHOP.admits(None)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Shop.Example", "https://shop.example"), ("https://shop.example:443/", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"), ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:3000", "http://[::1]:3000"), ("https://Bücher.example", "https://xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_origins_are_kept_as_browsers_write_them(text: str, origin: str) -> None:
    """Lower case, without the scheme's own port."""
    assert normal_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "shop.example",
        "ftp://shop.example",
        "https://a.example/b",
        "https://u@a.example",
        "https://a:x",
        "https://a.exampl\x1d:443",
        "https://a b",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """There is no wildcard that somebody could take for one."""
    with pytest.raises(SiteError, match="expected an origin"):
        normal_origin(text)


@pytest.mark.parametrize(
    ("path", "query", "page"),
    [
        ("/p/1", None, "/p/:id"), ("/p/1/2", None, "/p/1/2"), ("/p/", None, "/p/"), ("/u/ann/orders/7/8", None, "/u/:who/orders/*"),
        ("/account/me", None, None), ("/account", None, "/account"), ("/checkout", "?q=1", None), ("/list", "?x=1&page=2&q=red%20hat", "/list?q=red hat&page=2"),
        ("/list?q=a&token=secret", None, "/list?q=a"), ("/list", "q=1&q=2", "/list?q=1"), ("/list", "?q", "/list?q="), ("/p/%41", "?page=1", "/p/:id?page=1"),
        ("/acc%6Funt/me", None, None),
    ],
)  # fmt: skip
def test_rules_in_their_order(path: str, query: str | None, page: str | None) -> None:
    """What is left out, then patterns, then the query's named parts in the site's order, whoever sent the address in whatever way."""
    assert SHOP.page_path(path, query) == page
    if query:
        assert SHOP.page_path(f"{path}?{query.removeprefix('?')}") == page


def test_without_rules_the_query_is_dropped() -> None:
    """Whether it came beside the path or in it: what could be personal is kept only where the operator wants it."""
    assert Site("plain").page_path("/p/%C3%A4?token=secret", "?mail=me") == "/p/ä"


@given(st.text("/ap:?*%=&41", max_size=20), st.sampled_from([SHOP, Site("plain")]))
def test_a_page_is_its_own_page(rest: str, site: Site) -> None:
    """What the server calls a page can be asked for under that name, and a pattern joins no page of its own away."""
    page = site.page_path("/" + rest)
    if page is not None:
        assert site.page_path(page) == page


@pytest.mark.parametrize("key", ["", "a/b", "-a", "a b", "ä", "a" * 65, "../x", "a\n"])
def test_a_key_is_a_word(key: str) -> None:
    """It stands in page keys, topics and script tags."""
    with pytest.raises(SiteError, match="key"):
        Site(key)


@pytest.mark.parametrize("pattern", ["p/:id", "/a*b", "/a?b", "", "*"])
def test_a_pattern_that_would_never_fit_is_refused(pattern: str) -> None:
    """With a word on how one looks."""
    with pytest.raises(SiteError, match="expected a pattern such as"):
        Site("shop", patterns=(pattern,))


def test_a_site_survives_its_record() -> None:
    """What the settings keep is what was given."""
    assert site_from_json(site_to_json(SHOP)) == SHOP


def test_what_viewers_ask_for_goes_by_the_rules_too() -> None:
    """A path that is left out, or a site that nobody knows, is a page that never gets samples."""
    sites = Sites()
    sites.replace([SHOP])
    assert sites.page_key("shop", "/p/7") == "shop/p/:id"
    assert sites.page_key("shop", "/account/x") == "shop/account/x"
    assert sites.page_key("gone", "/p/7?x") == "gone" + canonical_path("/p/7?x")
    assert sites.get(None) is None

"""What all processes share, as records say it."""

from __future__ import annotations

import pytest

from isotherm.access.keys import KeptToken
from isotherm.core.records import RecordError
from isotherm.core.rules import Rule
from isotherm.core.sites import Site
from isotherm.runtimes.kafka.shared import (
    REMOVED,
    SIGNER_MS,
    Shared,
    claim_key,
    claim_value,
    rule_key,
    rule_value,
    signer_key,
    signer_value,
    site_key,
    site_value,
    token_key,
    token_value,
)

SHOP = Site("shop", frozenset({"https://shop.example"}), ("id",), ("/p/:id",), ("/account/*",))


def test_sites() -> None:
    """The default site is there unasked; others come and go, are replaced, and keep their rules."""
    shared = Shared()
    assert [site.key for site in shared.sites] == ["default"]
    shared.take(site_key("shop"), site_value(SHOP))
    assert shared.sites[1] == SHOP
    shared.take(site_key("shop"), site_value(Site("shop")))
    assert shared.sites[1] == Site("shop")
    shared.take(site_key("shop"), None)
    shared.take(site_key("default"), REMOVED)
    assert shared.sites == []
    shared.take(site_key("default"), None)
    assert shared.sites == [Site("default")]


def test_tokens() -> None:
    """A token is its hash, site and end, until its record is taken out."""
    shared, token = Shared(), KeptToken("desk", "ab" * 32, "shop", 1, 2)
    shared.take(token_key("desk"), token_value(token))
    assert shared.tokens == {"desk": token}
    shared.take(token_key("desk"), None)
    assert shared.tokens == {}


def test_signers() -> None:
    """A public key that nobody renews is let go, and its record with it."""
    shared, old, new = Shared(), bytes(range(32)), b"\xff" * 32
    shared.take(signer_key(old), signer_value(1000))
    shared.take(signer_key(new), signer_value(1000))
    shared.take(signer_key(new), signer_value(5000))
    assert shared.turn(1000 + SIGNER_MS) == []
    assert shared.turn(1001 + SIGNER_MS) == [signer_key(old)]
    assert set(shared.signers) == {new}
    shared.take(signer_key(new), None)
    assert shared.signers == {}
    shared.take(signer_key(new), signer_value(5000))
    shared.take(signer_key(new), b"")
    assert shared.signers == {}, "an empty value, as an operator's tool may write it"


def test_the_first_claim_holds() -> None:
    """Of two who redeem a link the first in the topic has it; after its end nobody needs to know."""
    shared = Shared()
    shared.take(claim_key("x"), claim_value("a", 10))
    shared.take(claim_key("x"), claim_value("b", 10))
    assert shared.claims["x"].by == "a"
    assert shared.turn(10) == []
    assert shared.turn(11) == [claim_key("x")]
    assert shared.claims == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("site/shop", b"{"),
        ("site/shop", b'{"key": "other"}'),
        ("site/shop", b'{"key": "shop", "patterns": ["p"]}'),
        ("site/shop", b"[" * 100_000),
        ("token/desk", b"{}"),
        ("token/desk", b'{"hash": "\xc3\xa9"}'),
        ("token/desk", b'{"hash": "%s", "expires_ms": %d}' % (b"ab" * 32, 2**63)),
        ("token/desk", b'{"hash": "%s", "created_ms": -1}' % (b"ab" * 32)),
        ("signer/x", b"{}"),
        ("signer/\ufffd", b'{"seen_ms": 1}'),
        ("signer/AAAA", b'{"seen_ms": 1}'),
        ("code/x", b"[]"),
    ],
)
def test_what_is_no_setting(key: str, value: bytes) -> None:
    """A record that can't be is refused, and all stays as it was; what a later release writes is passed by."""
    shared = Shared()
    with pytest.raises(RecordError):
        shared.take(key, value)
    assert [site.key for site in shared.sites] == ["default"]
    assert (shared.tokens, shared.signers, shared.claims) == ({}, {}, {})
    shared.take("pipeline", b"{}")
    shared.take("future/x", b"1")


def test_copies() -> None:
    """A copy stays as it is."""
    shared = Shared()
    copy = shared.copy()
    shared.take(site_key("shop"), site_value(SHOP))
    shared.take(token_key("desk"), token_value(KeptToken("desk", "ab" * 32)))
    assert [site.key for site in copy.sites] == ["default"]
    assert copy.tokens == {}


def test_rules() -> None:
    """They come, are replaced and go; one under another's name, or that can't be, changes nothing."""
    shared = Shared()
    rule = Rule("popular", "/shop/", "people", 3.0, zone="*", in_page=True)
    shared.take(rule_key("popular"), rule_value(rule))
    copy = shared.copy()
    for wrong in (rule_value(Rule("other", "/", "people", 1.0)), b'{"name":"popular"}', b"[]"):
        with pytest.raises(RecordError):
            shared.take(rule_key("popular"), wrong)
    assert shared.rules == {"popular": rule}
    shared.take(rule_key("popular"), None)
    assert (shared.rules, copy.rules) == ({}, {"popular": rule})

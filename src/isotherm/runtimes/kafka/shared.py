"""What all processes share, folded from the records of `isotherm-settings`: sites, rules, tokens' hashes, public keys, login links used.

    key            value                                   gone with
    pipeline       what all agree on (`agreement`)          –
    site/KEY       a site with its URL rules                no value; the default site, which is there unasked: `null`
    rule/NAME      a rule                                   no value
    token/NAME     a viewer token's hash, site and end      no value
    signer/KEY     that this public key signs, seen when    no value, or unseen as long as what it signed is good
    code/HASH      that this login link was used, by whom   no value, or its end

Nothing here opens anything for whoever reads the topic: of a token there is a hash, of a key the public half. Who may write it decides who
may look, as whoever may write to a server's data folder does. No I/O.
"""

from __future__ import annotations

import base64
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from isotherm.access.keys import COOKIE_S, KeptToken
from isotherm.access.signing import PUBLIC_KEY_BYTES
from isotherm.core.pages import DEFAULT_SITE
from isotherm.core.records import RecordError
from isotherm.core.rules import Rule, RuleError, rule_from_json, rule_to_json
from isotherm.core.sites import Site, SiteError, site_from_json, site_to_json

__all__ = [
    "REMOVED",
    "Claim",
    "Shared",
    "claim_key",
    "claim_value",
    "rule_key",
    "rule_value",
    "signer_key",
    "signer_value",
    "site_key",
    "site_value",
    "token_key",
    "token_value",
]

SIGNER_MS: Final = (COOKIE_S + 24 * 3600) * 1000  #: a key that no gateway renewed for so long signed nothing that is good any more
REMOVED: Final = b"null"  #: the value of a site that is there unasked and should not be


_Time = Annotated[int, Meta(ge=0, le=2**53 - 1)]  #: each gateway puts it into a column of 64 bits


class _Token(msgspec.Struct, frozen=True):
    hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    site: str | None = None
    created_ms: _Time | None = None
    expires_ms: _Time | None = None


class _Signer(msgspec.Struct, frozen=True):
    seen_ms: _Time


class Claim(msgspec.Struct, frozen=True):
    """That somebody redeems a login link; the first one in the topic has it."""

    by: str
    until_ms: _Time


class Shared:
    """The state after the records that were taken, in the topic's order."""

    def __init__(self) -> None:
        self._sites: dict[str, Site | None] = {DEFAULT_SITE: Site(DEFAULT_SITE)}
        self.rules: dict[str, Rule] = {}
        self.tokens: dict[str, KeptToken] = {}
        self.signers: dict[bytes, int] = {}  #: public key -> when its gateway was seen last
        self.claims: dict[str, Claim] = {}

    def copy(self) -> Shared:
        """As it is now, for another thread."""
        out = Shared()
        out.rules = dict(self.rules)
        out._sites, out.tokens, out.signers, out.claims = dict(self._sites), dict(self.tokens), dict(self.signers), dict(self.claims)
        return out

    @property
    def sites(self) -> list[Site]:
        return [site for site in self._sites.values() if site is not None]

    def take(self, key: str, value: bytes | None) -> None:
        """One record; an empty value is none, since not every client can write none. Raises `RecordError`; then all stays as it was."""
        kind, _, name = key.partition("/")
        value = value or None
        try:
            if kind == "site":
                self._take_site(name, value)
            elif kind == "rule":
                self._take_rule(name, value)
            elif kind == "token":
                self._take_token(name, value)
            elif kind == "signer":
                self._take_signer(name, value)
            elif kind == "code":
                self._take_claim(name, value)
        except (msgspec.MsgspecError, SiteError, RuleError, ValueError, RecursionError) as error:
            raise RecordError(f"no settings of a {kind}: {error}") from None

    def _take_site(self, name: str, value: bytes | None) -> None:
        if value is None:
            self._sites.pop(name, None)
            if name == DEFAULT_SITE:
                self._sites[name] = Site(name)
            return
        found = msgspec.json.decode(value)
        site = site_from_json(found) if found is not None else None
        if site is not None and site.key != name:
            raise SiteError(f"expected the site {name!r} under its key, got {site.key!r}")
        self._sites[name] = site

    def _take_rule(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.rules.pop(name, None)
            return
        rule = rule_from_json(msgspec.json.decode(value))
        if rule.name != name:
            raise RuleError(f"expected the rule {name!r} under its name, got {rule.name!r}")
        self.rules[name] = rule

    def _take_token(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.tokens.pop(name, None)
            return
        token = msgspec.json.decode(value, type=_Token)
        self.tokens[name] = KeptToken(name, token.hash, token.site, token.created_ms, token.expires_ms)

    def _take_signer(self, name: str, value: bytes | None) -> None:
        public_key = base64.b64decode(name.translate(_FROM_URL), validate=True)
        if len(public_key) != PUBLIC_KEY_BYTES:
            raise RecordError(f"expected a public key of {PUBLIC_KEY_BYTES} bytes, got {len(public_key)}")
        if value is None:
            self.signers.pop(public_key, None)
        else:
            self.signers[public_key] = msgspec.json.decode(value, type=_Signer).seen_ms

    def _take_claim(self, name: str, value: bytes | None) -> None:
        if value is None:
            self.claims.pop(name, None)
        else:
            self.claims.setdefault(name, msgspec.json.decode(value, type=Claim))

    def turn(self, now_ms: int) -> list[str]:
        """Lets go what is over; the keys of its records, which can be taken out of the topic."""
        signers = [key for key, seen_ms in self.signers.items() if now_ms - seen_ms > SIGNER_MS]
        claims = [digest for digest, claim in self.claims.items() if claim.until_ms < now_ms]
        for key in signers:
            del self.signers[key]
        for digest in claims:
            del self.claims[digest]
        return [signer_key(key) for key in signers] + [claim_key(digest) for digest in claims]


_FROM_URL: Final = str.maketrans("-_", "+/")


def site_key(name: str) -> str:
    return f"site/{name}"


def site_value(site: Site) -> bytes:
    return msgspec.json.encode(site_to_json(site))


def rule_key(name: str) -> str:
    return f"rule/{name}"


def rule_value(rule: Rule) -> bytes:
    return msgspec.json.encode(rule_to_json(rule))


def token_key(name: str) -> str:
    return f"token/{name}"


def token_value(token: KeptToken) -> bytes:
    return msgspec.json.encode(_Token(token.hash, token.site, token.created_ms, token.expires_ms))


def signer_key(public_key: bytes) -> str:
    return f"signer/{base64.urlsafe_b64encode(public_key).decode()}"


def signer_value(now_ms: int) -> bytes:
    return msgspec.json.encode(_Signer(now_ms))


def claim_key(digest: str) -> str:
    return f"code/{digest}"


def claim_value(by: str, until_ms: int) -> bytes:
    return msgspec.json.encode(Claim(by, until_ms))

"""Webhooks: who is told of which rules, what they are told, and how long until they are told again. Pure values and functions.

The message is that of Standard Webhooks 1.0.0 (standardwebhooks.com): a type, a time, and data; signed with each secret of the webhook, so
that a secret can be changed while both are good. After the n-th failure the gap is `FIRST_GAP_MS` · 3ⁿ⁻¹, at most an hour, and by chance up
to half as long again: a gap is always longer than the one before it, and those who failed together do not come back together.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from isotherm.core.rules import Reaction, reaction_json

__all__ = [
    "EXPIRY_MS",
    "FIRST_GAP_MS",
    "Webhook",
    "WebhookError",
    "about",
    "gap_ms",
    "message",
    "webhook_from_json",
]

EXPIRY_MS: Final = 86_400_000  #: what a day did not deliver is no news of what is hot now
FIRST_GAP_MS: Final = 5_000
_GAP_MS_MAX: Final = 3_600_000
_SECRET_BYTES: Final = (24, 64)  #: as Standard Webhooks has it
_PREFIX: Final = "whsec_"
_NAME: Final = re.compile(r"[\w.-]{1,64}")
_FIELDS: Final = ("name", "url", "secret", "rules")


class WebhookError(ValueError):
    """A webhook that can't be; the message says what was expected, and never a secret."""


@dataclass(slots=True, frozen=True)
class Webhook:
    """`rules` empty: all. An address may hold a secret too: neither is ever shown."""

    name: str
    url: str = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)
    rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `WebhookError`."""
        if not _NAME.fullmatch(self.name):
            raise WebhookError(f"expected a webhook's name of 1 to 64 letters, digits, `.`, `_` and `-`, got {self.name!r}")
        try:
            parts = urlsplit(self.url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise WebhookError(f"expected url of webhook {self.name!r} to be as https://shop.example/heat, without user and password")
        low, high = _SECRET_BYTES
        if not self.secrets or not all(low <= len(secret) <= high for secret in self.secrets):
            raise WebhookError(f"expected each secret of webhook {self.name!r} to be {_PREFIX} and base64 of {low} to {high} bytes")

    @property
    def host(self) -> str:
        """Where it goes, as far as that may be shown."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    @property
    def plain(self) -> bool:
        """It goes without encryption."""
        return urlsplit(self.url).scheme == "http"

    def wants(self, rule: str) -> bool:
        return not self.rules or rule in self.rules


def webhook_from_json(value: Any) -> Webhook:
    """Raises `WebhookError` for what is missing, unknown or of another type."""
    if not isinstance(value, dict):
        raise WebhookError("expected a webhook as a table")
    unknown = sorted(set(value) - set(_FIELDS))
    missing = [name for name in _FIELDS[:3] if name not in value]
    if unknown or missing:
        wrong = f"{unknown[0]!r} is none of them" if unknown else f"{missing[0]!r} is missing"
        raise WebhookError(f"expected a webhook with name, url, secret, and maybe rules; {wrong}")
    name, url, rules = value["name"], value["url"], value.get("rules", [])
    secrets = value["secret"] if isinstance(value["secret"], list) else [value["secret"]]
    if not (isinstance(name, str) and isinstance(url, str)):
        raise WebhookError("expected name and url of a webhook to be strings")
    if not (isinstance(rules, list) and all(isinstance(rule, str) for rule in rules)):
        raise WebhookError(f"expected rules of webhook {name!r} to be a list of rules' names")
    return Webhook(name, url, tuple(_secret(name, secret) for secret in secrets), tuple(rules))


def _secret(name: str, text: Any) -> bytes:
    try:
        if not isinstance(text, str):
            raise ValueError
        bare = text.removeprefix(_PREFIX)
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise WebhookError(f"expected each secret of webhook {name!r} to be {_PREFIX} and base64") from None


def message(reaction: Reaction) -> bytes:
    """The body of what is told."""
    type_ = f"{'page' if reaction.zone is None else 'zone'}.{reaction.type}"
    at = datetime.fromtimestamp(reaction.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.encode({"type": type_, "timestamp": at, "data": reaction_json(reaction)})


def about(reaction: Reaction) -> str:
    """What it is about: a later word of the same takes the place of an earlier one."""
    return "\n".join((reaction.rule, reaction.site, reaction.page, "page" if reaction.zone is None else f"zone {reaction.zone}"))


def gap_ms(failures: int, chance: float) -> int:
    """How long to wait after so many failures, at least one; `chance` from 0 to 1."""
    return int(min(FIRST_GAP_MS * 3 ** min(failures - 1, 20), _GAP_MS_MAX) * (1 + chance / 2))

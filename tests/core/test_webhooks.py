"""What a webhook may be, what it is told, and how long until it is told again."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isotherm.core.rules import Reaction
from isotherm.core.webhooks import WebhookError, gap_ms, message, webhook_from_json

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TABLE: dict[str, Any] = {"name": "shop", "url": "https://shop.example/heat", "secret": SECRET}
REACTION = Reaction(
    id="rx_1", type="hot", at_ms=1_700_000_000_250, rule="popular", site="default", page="/p", zone="buy", metric="people", value=3.0,
    level=2.0, people=3, why="people 3",
)  # fmt: skip


@given(st.integers(1, 40), st.floats(0, 1), st.floats(0, 1))
def test_each_gap_is_longer_than_the_one_before_until_it_is_an_hour(failures: int, one: float, other: float) -> None:
    """Whatever chance says; and never more than an hour and a half."""
    before, after = gap_ms(failures, one), gap_ms(failures + 1, other)
    assert after > before or before >= 3_600_000
    assert 5_000 <= before <= 5_400_000


def test_what_is_told_is_a_type_a_time_and_data() -> None:
    """As Standard Webhooks has it; the data are those of every other way."""
    told = msgspec.json.decode(message(REACTION))
    assert (told["type"], told["timestamp"]) == ("zone.hot", "2023-11-14T22:13:20.250Z")
    assert (told["data"]["id"], told["data"]["at"], told["data"]["zone"]) == ("rx_1", 1_700_000_000_250, "buy")
    assert msgspec.json.decode(message(REACTION._replace(zone=None, type="cooled")))["type"] == "page.cooled"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a\nb"}, {"name": 1}, {"url": "ftp://shop.example/"}, {"url": "https://user:word@shop.example/"}, {"url": "https://[/"},
        {"url": 7}, {"secret": "whsec_short"}, {"secret": "whsec_***"}, {"secret": []}, {"secret": 3}, {"rules": "popular"}, {"more": 1},
    ],
)  # fmt: skip
def test_a_webhook_that_can_not_be_is_named_and_no_secret_is(wrong: dict[str, Any]) -> None:
    """The words say what was expected; no secret, no password stands in them."""
    with pytest.raises(WebhookError) as error:
        webhook_from_json(TABLE | wrong)
    for hidden in (SECRET, "short", "***", "word@"):
        assert hidden not in str(error.value)


def test_neither_secret_nor_path_is_shown() -> None:
    """What is printed of a webhook is its name and rules; what may be shown of its address is its host."""
    webhook = webhook_from_json(TABLE | {"url": "https://shop.example:8443/hook/key-of-mine", "secret": [SECRET, SECRET]})
    assert "key-of-mine" not in repr(webhook)
    assert "\\x" not in repr(webhook)
    assert webhook.host == "https://shop.example:8443"
    assert len(webhook.secrets) == 2

"""Whom a request comes from: what the header says, only where a trusted proxy hands it on, and from the right."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from isotherm.addresses import Proxies, address_of

CLIENT, LIE, OUR_PROXY, OUR_OTHER = "198.51.100.7", "203.0.113.9", "10.0.0.1", "10.0.0.2"


@pytest.mark.parametrize(
    ("peer", "headers", "seen"),
    [
        (OUR_PROXY, [CLIENT], CLIENT),
        (OUR_PROXY, [f"{LIE}, {CLIENT}"], CLIENT),  # each proxy adds whom it saw: what stands to the left, the client wrote
        (OUR_PROXY, [LIE, CLIENT], CLIENT),
        (OUR_PROXY, [f"{LIE}, {CLIENT}, {OUR_OTHER}"], CLIENT),
        (OUR_PROXY, [f"{CLIENT}, nonsense"], OUR_PROXY),
        (OUR_PROXY, [f"{CLIENT}:4711"], CLIENT),
        (OUR_PROXY, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (OUR_PROXY, [], OUR_PROXY),
        (CLIENT, [LIE], CLIENT),  # not ours: his word is worth nothing
        (f"::ffff:{OUR_PROXY}", [CLIENT], CLIENT),
    ],
)
def test_the_client_is_whom_our_proxy_saw(peer: str, headers: list[str], seen: str) -> None:
    """Not whom somebody says that he is."""
    request = make_mocked_request("GET", "/", headers=[("X-Forwarded-For", text) for text in headers])
    found = Proxies(["10.0.0.0/8"]).seen_through(request.clone(remote=peer))
    assert found.remote == seen


def test_one_address_for_the_limits() -> None:
    """IPv6 by the /64 that a customer has; IPv4 in IPv6 as IPv4; none for loopback."""
    assert address_of("2001:db8:1:2:3::4") == address_of("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert address_of(f"::ffff:{CLIENT}") == address_of(CLIENT) == CLIENT
    assert [address_of(text) for text in ("127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1", "", None)] == [None] * 6

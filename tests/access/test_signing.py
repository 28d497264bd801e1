"""Signatures: who may sign, what for, and how long it holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isotherm.access.signing import Signatures

A, B = bytes(range(32)), bytes(range(1, 33))


def test_a_stranger_signs_nothing() -> None:
    """What another key signed is nothing, until its public half is trusted; and is nothing again once it is not."""
    one, other = Signatures(A), Signatures(B)
    signed = one.sign("cookie", ["x", 1])
    assert other.read("cookie", signed, 60) is None
    other.trust([one.public_key])
    assert other.read("cookie", signed, 60) == ["x", 1]
    assert other.read("cookie", other.sign("cookie", 5), 60) == 5
    other.trust([])
    assert other.read("cookie", signed, 60) is None


def test_a_purpose_is_no_other() -> None:
    """What was signed for one purpose is good for no other."""
    one = Signatures(A)
    assert one.read("cookie", one.sign("overlay", "viewer"), 60) is None


def test_age() -> None:
    """What was signed too long ago is nothing."""
    one = Signatures(A)
    assert one.read("cookie", one.sign("cookie", "viewer"), -1) is None


@given(st.data())
def test_one_changed_character(data: st.DataObject) -> None:
    """No character of what was signed can be another."""
    one = Signatures(A)
    signed = one.sign("cookie", "viewer")
    at = data.draw(st.integers(0, len(signed) - 2))  # the last one holds bits that the signature does not have
    other = data.draw(st.sampled_from("AZaz09-_."))
    if signed[at] != other:
        assert one.read("cookie", signed[:at] + other + signed[at + 1 :], 60) is None


@given(st.text(max_size=200))
def test_noise(text: str) -> None:
    """Whatever else comes is nothing, and raises nothing."""
    assert Signatures(A).read("cookie", text, 60) is None

"""Paths: decoded once, in one way."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isotherm.core.pages import Page, canonical_path


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("/p/1", "/p/1"),
        ("/", "/"),
        ("/caf%C3%A9", "/café"),
        ("/caf%c3%a9", "/café"),
        ("/%E2%82%AC/%F0%9F%98%80", "/€/😀"),
        ("/a%20b", "/a b"),
        ("/a%2Fb%3Fc%23d%25e", "/a%2Fb%3Fc%23d%25e"),
        ("/a%2fb", "/a%2fb"),
        ("/%ff", "/%ff"),
        ("/%C3(", "/%C3("),
        ("/%C3%28", "/%C3("),
        ("/%C3%A9%FF%C3%A9", "/é%FFé"),
        ("/%ED%A0%80", "/%ED%A0%80"),
        ("/%C0%AF", "/%C0%AF"),
        ("/%", "/%"),
        ("/%4", "/%4"),
        ("/%zz", "/%zz"),
        ("/%2541", "/%2541"),
        ("/Straße/", "/Straße/"),
    ],
)
def test_a_path_is_decoded_but_for_what_would_change_its_meaning(written: str, canonical: str) -> None:
    """As the public interface has it: all but %2F %3F %23 %25 and what is not UTF-8; case and slashes stay."""
    assert canonical_path(written) == canonical


@given(st.text(alphabet="/%0123456789abcdefABCDEFé€x", max_size=40))
@example("/%0%30")
def test_decoding_twice_changes_nothing_more(path: str) -> None:
    """A path that came in and goes out and comes in again is the same page."""
    assert canonical_path(canonical_path(path)) == canonical_path(path)


@given(st.text(alphabet=st.characters(exclude_characters="%/?#", exclude_categories=["Cs"]), max_size=20))
def test_a_quoted_text_is_the_text(text: str) -> None:
    """What a browser escapes, in its own way or not, is one page."""
    assert canonical_path("/" + quote(text)) == "/" + text


def test_a_key_is_site_and_path() -> None:
    """And back."""
    assert Page("default", "/p/1").key == "default/p/1"
    assert Page.from_key("default/p/1") == Page("default", "/p/1")
    with pytest.raises(ValueError, match="page key"):
        Page.from_key("default")

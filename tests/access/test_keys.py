"""The keys: tokens by name, login codes, cookies and overlay tokens."""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner

from isotherm.access.keys import CODE_MS, OPEN_AS, OVERLAY_S, Keys, KeysError, Viewer, made_token

NOW = 1_700_000_000_000
DAY_MS = 86_400_000


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    opened = Keys(tmp_path / "access.sqlite")
    yield opened
    opened.close()


def test_a_token_opens_what_it_is_for_until_it_ends(keys: Keys) -> None:
    """One site or all; for so many days; no longer than it stands."""
    ann, bob = keys.new_token("ann", None, NOW, None), keys.new_token("bob", "shop", NOW, NOW + DAY_MS)
    assert keys.viewer(ann, NOW) == Viewer(None, "ann")
    assert keys.viewer(bob, NOW + DAY_MS - 1) == Viewer("shop", "bob")
    assert keys.viewer(bob, NOW + DAY_MS) is None
    assert keys.revoke("ann")
    assert keys.viewer(ann, NOW) is None
    assert not keys.revoke("ann")


def test_only_hashes_are_kept(keys: Keys, tmp_path: Path) -> None:
    """Neither a token nor a login code can be read from the files."""
    secrets = [keys.new_token("ann", None, NOW, None), keys.new_code(NOW), keys.first_token() or keys.new_token("b", None, NOW, None)]
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"ann" in kept
    assert not [secret for secret in secrets if secret.encode() in kept]


def test_the_file_is_its_owners_alone(keys: Keys, tmp_path: Path) -> None:
    """It holds the key that signs."""
    assert [oct(path.stat().st_mode & 0o077) for path in tmp_path.iterdir()] == ["0o0"] * len(list(tmp_path.iterdir()))


def test_every_kept_token_is_compared_in_constant_time(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, by `hmac.compare_digest`, wherever one fits: how long it takes tells nothing."""
    first = keys.new_token("a", None, NOW, None)
    keys.new_token("b", None, NOW, None)
    compared: list[tuple[str, str]] = []
    real = hmac.compare_digest

    def watch(given: str, kept: str) -> bool:
        compared.append((given, kept))
        return real(given, kept)

    monkeypatch.setattr(hmac, "compare_digest", watch)
    assert keys.viewer(first, NOW) is not None
    assert keys.viewer("guess", NOW) is None
    assert len(compared) == 4
    assert {len(kept) for _, kept in compared} == {64}, "digests, all of one length"


async def test_a_login_code_is_good_once_and_for_ten_minutes(keys: Keys) -> None:
    """A second try, a late one and a guess get nothing."""
    code = keys.new_code(NOW)
    assert await keys.redeem(code[:-1], NOW) is None
    cookie = await keys.redeem(code, NOW + CODE_MS)
    assert cookie is not None
    assert keys.cookie_opens(cookie)
    assert await keys.redeem(code, NOW) is None
    assert await keys.redeem(keys.new_code(NOW), NOW + CODE_MS + 1) is None


async def test_an_overlays_token_is_signed_bound_to_a_site_and_short_lived(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed one, one of another folder, a cookie in its place and one that has run out open nothing."""
    keys.new_token("ann", None, NOW, None)
    token = keys.overlay_token("shop", "ann")
    assert keys.overlay_viewer(token, NOW) == Viewer("shop", "ann")
    head, dot, signature = token.rpartition(".")
    assert keys.overlay_viewer(head[:-1] + ("A" if head[-1] != "A" else "B") + dot + signature, NOW) is None
    assert keys.overlay_viewer(await keys.redeem(keys.new_code(NOW), NOW) or "", NOW) is None
    assert not keys.cookie_opens(token)
    assert keys.viewer(token, NOW) is None
    made_s = TimestampSigner("any").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: made_s + OVERLAY_S + 5)
    assert keys.overlay_viewer(token, NOW) is None


def test_another_folders_signature_is_worth_nothing(keys: Keys, tmp_path: Path) -> None:
    """Each data folder has a key of its own."""
    (tmp_path / "other").mkdir()
    other = Keys(tmp_path / "other" / "access.sqlite", "fixed")
    assert keys.overlay_viewer(other.overlay_token("shop", "--viewer-token"), NOW) is None
    other.close()


def test_tokens_of_others_are_taken_whole_or_not_at_all(keys: Keys) -> None:
    """What can't be kept changes nothing, and the next change is taken."""
    ann = keys.new_token("ann", None, NOW, None)
    bob, desk = made_token("bob", None, NOW, None)[1], made_token("desk", None, NOW, None)[1]
    with pytest.raises(OverflowError):
        keys.take_tokens([bob, desk._replace(expires_ms=2**63)])
    assert keys.viewer(ann, NOW) is not None
    keys.take_tokens([bob, desk])
    assert [token.name for token in keys.tokens()] == ["bob", "desk"]


def test_what_a_token_begot_ends_with_it(keys: Keys) -> None:
    """Revoke a token, and the overlays that it opened get no further."""
    keys.new_token("ann", None, NOW, None)
    token = keys.overlay_token("shop", "ann")
    keys.revoke("ann")
    assert keys.overlay_viewer(token, NOW) is None
    assert not keys.stands("ann", NOW)


def test_a_fixed_token_takes_the_first_ones_place(tmp_path: Path) -> None:
    """Who starts with `--viewer-token` locks out whoever had the first one; named tokens stay."""
    keys = Keys(tmp_path / "access.sqlite")
    first, ann = keys.first_token(), keys.new_token("ann", None, NOW, None)
    keys.close()
    keys = Keys(tmp_path / "access.sqlite", "fixed")
    assert first is not None
    assert keys.viewer(first, NOW) is None
    assert keys.viewer("fixed", NOW) is not None
    assert keys.viewer(ann, NOW) is not None
    assert (keys.stands("first", NOW), keys.stands("--viewer-token", NOW), keys.stands("ann", NOW)) == (False, True, True)
    keys.close()
    keys = Keys(tmp_path / "access.sqlite")
    assert (keys.stands("first", NOW), keys.stands("--viewer-token", NOW), keys.stands("ann", NOW)) == (True, False, True)
    keys.close()


def test_what_open_heat_gave_out_ends_with_it(keys: Keys) -> None:
    """An overlay that was opened while the heat was everybody's gets no further on a server whose heat is not."""
    assert keys.overlay_viewer(keys.overlay_token("shop", OPEN_AS), NOW) is None


def test_a_newer_releases_keys_are_refused(tmp_path: Path) -> None:
    """With a word on what to do; the file stays as it is."""
    path = tmp_path / "access.sqlite"
    Keys(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(KeysError, match="update Isotherm"):
        Keys(path)

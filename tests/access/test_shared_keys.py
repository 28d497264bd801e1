"""Login links, and keys of several folders that are one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from isotherm.access.keys import Keys, made_token

NOW_MS = time.time_ns() // 1_000_000


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    with Keys(tmp_path / "access.sqlite") as made:
        yield made


async def test_another_process_makes_the_link(keys: Keys, tmp_path: Path) -> None:
    """`isotherm login` signs a code with the same folder's key, while the server runs."""
    with Keys(tmp_path / "access.sqlite") as other:
        code = other.new_code(NOW_MS)
    assert await keys.redeem(code, NOW_MS) is not None


async def test_several_are_one(keys: Keys, tmp_path: Path) -> None:
    """What one signed another takes once it trusts its public key; who redeems a link is what `claim_code` says."""
    with Keys(tmp_path / "other.sqlite") as other:
        overlay, code = other.overlay_token("default", "--login"), other.new_code(NOW_MS)
        assert keys.overlay_viewer(overlay, NOW_MS) is None
        assert await keys.redeem(code, NOW_MS) is None
        keys.trust([other.public_key])
        viewer = keys.overlay_viewer(overlay, NOW_MS)
        assert viewer is not None
        assert viewer.site == "default"

        async def taken(_digest: str, _until_ms: int) -> bool:
            return False

        keys.claim_code = taken
        assert await keys.redeem(code, NOW_MS) is None


def test_tokens_of_all(keys: Keys) -> None:
    """Tokens that come from elsewhere take the place of one's own; the first one made is shown once."""
    own = keys.first_token()
    assert own is not None
    assert keys.viewer(own, NOW_MS) is not None
    token, kept = made_token("all", "shop", NOW_MS, NOW_MS + 1000)
    keys.take_tokens([kept], made=token)
    assert keys.viewer(own, NOW_MS) is None
    viewer = keys.viewer(token, NOW_MS)
    assert viewer is not None
    assert viewer.site == "shop"
    assert keys.viewer(token, NOW_MS + 1000) is None
    assert keys.first_token() == token
    assert keys.first_token() is None

"""A gateway's part in what all share, without a broker: what it does when it is not heard, and when its own disk is full."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from isotherm.access.keys import KeptToken, Keys
from isotherm.runtimes.kafka import sharing
from isotherm.runtimes.kafka.connection import Cluster
from isotherm.runtimes.kafka.outbox import Outbox
from isotherm.runtimes.kafka.shared import Shared, signer_key, signer_value, token_key, token_value
from isotherm.runtimes.pipeline import StartError
from tests.kafka.running import returns
from tests.serving import eventually


def alone() -> sharing.Sharing:
    """Without a follower: a test says what stands in the topic."""
    cluster = cast(Cluster, SimpleNamespace(name=lambda topic: f"x-{topic}"))
    return sharing.Sharing(cluster, cast(Outbox, None), lambda: 1000, lambda _sites: None)


def showing(keys: Keys, tokens: int) -> Shared:
    """A topic with this gateway's key and so many tokens."""
    shared = Shared()
    shared.take(signer_key(keys.public_key), signer_value(1000))
    for number in range(tokens):
        name = f"token-{number}"
        shared.take(token_key(name), token_value(KeptToken(name, "ab" * 32)))
    return shared


async def test_a_topic_that_does_not_show_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start ends with an error that names the topic; it does not wait for ever."""
    monkeypatch.setattr(sharing, "_JOIN_S", 0.05)
    monkeypatch.setattr(sharing, "write_setting", lambda *_: None)
    with Keys(tmp_path / "access.sqlite") as keys, pytest.raises(StartError, match=r"topic x-isotherm-settings does not show"):
        await alone().join(keys, first_token=False)


async def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Tokens that can't be kept are told, and kept as soon as there is room; the gateway goes on."""
    monkeypatch.setattr(sharing, "_AGAIN_S", 0.02)
    monkeypatch.setattr(sharing, "write_setting", lambda *_: None)
    with Keys(tmp_path / "access.sqlite") as keys:
        part = alone()
        part._changed(showing(keys, 1))
        await part.join(keys, first_token=False)
        (pages,) = keys._db.execute("PRAGMA page_count").fetchone()
        keys._db.execute(f"PRAGMA max_page_count={pages}")
        with caplog.at_level(logging.ERROR):
            part._changed(showing(keys, 1000))
        assert "disk is full; tokens that were added or revoked hold later" in caplog.text
        assert [token.name for token in keys.tokens()] == ["token-0"]
        keys._db.execute("PRAGMA max_page_count=1000000")
        await eventually(returns(lambda: len(keys.tokens()) == 1000))
        await part.close()


async def test_a_disk_that_is_full_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start ends with one line that says so."""
    monkeypatch.setattr(sharing, "write_setting", lambda *_: None)
    with Keys(tmp_path / "access.sqlite") as keys:
        part = alone()
        part._changed(showing(keys, 1000))
        (pages,) = keys._db.execute("PRAGMA page_count").fetchone()
        keys._db.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StartError, match="can't keep the tokens: database or disk is full"):
            await part.join(keys, first_token=False)
        await part.close()
        await asyncio.sleep(0)

"""JSON that is nested too deeply, and bytes that are no UTF-8: a named error or plain text, wherever they come in beside the gateway."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from isotherm.core.records import RecordError, tick_of
from isotherm.runtimes.topics import Message
from tests.inside import inside

DEEP = b"[" * 20_000


def test_a_tick_with_something_deep_in_it_is_no_tick() -> None:
    """A worker that reads the past again passes by what is no record; nothing else ends it."""
    with pytest.raises(RecordError):
        tick_of(b'{"tick":1,"x":' + DEEP)


@pytest.mark.parametrize("value", [DEEP, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"type":"\xff"}', b"\xff"])
def test_a_message_that_is_no_json_is_shown_as_text(value: bytes) -> None:
    """Others may write to a topic; whoever looks at it sees what stands there."""
    shown = json.loads(Message("clickstream", None, 0, 7, 1, value).as_json())
    assert (shown["offset"], shown["value"]) == (7, value.decode("utf-8", "replace"))


async def test_a_dashboard_that_asks_for_nonsense_is_told_so(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """And its socket stays."""
    async with inside(tmp_path / "data") as house, http.ws_connect(f"{house.ws}/api/overview") as socket:
        await socket.send_str('{"x":' + DEEP.decode())
        while "error" not in (await socket.receive_json(timeout=10)):
            pass
        assert "pipeline" in await socket.receive_json(timeout=10)

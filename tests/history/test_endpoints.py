"""Requests for the live window beside a history that is slow or broken."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from isotherm.core.heat import View
from isotherm.history.endpoints import HistoryEndpoints, Live
from tests.history.test_keeper import NOW_MS, counts, open_history

VIEW = View("a/", "move", "all")


class Window:
    """A live window with two samples on tile 1."""

    grid_size = 2

    def end_of(self, _page: str) -> int:
        return NOW_MS + 1000

    def whole(self, _view: View) -> Any:
        class Heat:
            grid_size, end_ms, window_ms, cells, counts = 2, NOW_MS + 1000, 300_000, np.array([1]), np.array([2])

        return Heat


def asked(query: str) -> web.Request:
    return make_mocked_request("GET", f"/api/heatmap?page=/&{query}")


async def test_the_live_window_waits_for_nothing_that_is_stored(tmp_path: Path) -> None:
    """While the history's thread is held, and with a file that can't be read, it is answered with its people; a drawing goes without the size."""
    history = open_history(tmp_path)
    history.add(counts((NOW_MS, 1, 2)), 1, NOW_MS)
    endpoints = HistoryEndpoints(history, cast(Live, Window()), lambda: NOW_MS + 1000)
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        free.wait()

    holding = asyncio.ensure_future(history._do(hold))
    try:
        await asyncio.to_thread(held.wait)
        answer = cast(web.Response, await endpoints.heatmap(asked("people=1"), VIEW))
    finally:
        free.set()
        await holding
    found = msgspec.json.decode(cast(bytes, answer.body))
    assert (found["value"], found["people"]["total"]) == ({"1": {"0": 2}}, 1)
    await history.tend(NOW_MS + 120_000)
    with sqlite3.connect(tmp_path / "history.sqlite") as db:
        db.execute("DROP TABLE pages")
    db.close()
    for query in ("people=1", "format=png"):
        assert (await endpoints.heatmap(asked(query), VIEW)).status == 200
    with pytest.raises(web.HTTPServiceUnavailable):
        await endpoints.heatmap(asked("from=1"), VIEW)
    await history.close()

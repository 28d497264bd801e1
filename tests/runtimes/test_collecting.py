"""The collector looks at what is new, and at everything where many connections have ended."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from isotherm.runtimes.collecting import Collecting, Connections
from tests.inside import inside
from tests.serving import eventually


class Ring:
    """Refers to itself: only the collector frees it."""

    def __init__(self) -> None:
        self.ring = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    """The collector as it was, for the tests after this one."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*thresholds[:2], 1 << 30)
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def grow_old() -> None:
    """The oldest generation has something worth a look."""
    for _ in range(20):
        gc.collect(1)


def test_what_was_found_alive_is_not_looked_at_again() -> None:
    collecting = Collecting(lambda: Connections(20_000, 0))
    kept = [[number] for number in range(10_000)]
    grow_old()
    collecting.look()
    assert not any(one is kept for one in gc.get_objects())
    assert len(gc.get_objects()) < 5000


def test_nothing_is_looked_at_where_little_is_new() -> None:
    collecting = Collecting(lambda: Connections(20_000, 0))
    gc.collect()
    ring = weakref.ref(Ring())
    collecting.look()
    assert ring() is not None


def test_rings_of_what_is_new_are_freed() -> None:
    collecting = Collecting(lambda: Connections(20_000, 0))
    ring = weakref.ref(Ring())
    grow_old()
    collecting.look()
    assert ring() is None


def test_rings_that_were_frozen_are_freed_once_a_quarter_as_many_connections_are_left_in_them_as_are_open() -> None:
    now = [Connections(20_000, 3)]
    collecting = Collecting(lambda: now[0])
    alive = Ring()
    ring = weakref.ref(alive)
    grow_old()
    collecting.look()
    del alive
    now[0] = Connections(20_000, 5_002)
    for _ in range(3):
        grow_old()
        collecting.look()
    assert ring() is not None
    now[0] = Connections(20_000, 5_003)
    for _ in range(2):
        collecting.look()
    assert ring() is None


def test_connections_that_are_about_to_be_freed_do_not_have_everything_looked_at() -> None:
    """Thousands end at once, and a look falls between their end and the turn of the loop in which they are freed."""
    now = [Connections(20_000, 0)]
    collecting = Collecting(lambda: now[0])
    alive = Ring()
    ring = weakref.ref(alive)
    grow_old()
    collecting.look()
    del alive
    for left in (10_000, 0, 10_000, 0):
        now[0] = Connections(10_000, left)
        collecting.look()
    assert ring() is not None
    assert gc.get_freeze_count() > 1000


def test_what_no_look_can_free_does_not_have_everything_looked_at_again() -> None:
    """A connection that something still refers to is in no ring."""
    now = [Connections(100, 0)]
    collecting = Collecting(lambda: now[0])
    grow_old()
    collecting.look()
    now[0] = Connections(100, 600)
    for _ in range(2):
        collecting.look()
    alive = Ring()
    ring = weakref.ref(alive)
    grow_old()
    collecting.look()
    del alive
    collecting.look()
    assert ring() is not None
    now[0] = Connections(100, 50)  # most of these were freed; others come to be left
    collecting.look()
    now[0] = Connections(100, 550)
    for _ in range(2):
        collecting.look()
    assert ring() is None


def test_rings_that_were_frozen_are_freed_once_much_more_is_frozen() -> None:
    """A request that was under way during a look leaves a ring, and its connection need not end."""
    collecting = Collecting(lambda: Connections(20_000, 0))
    alive = Ring()
    ring = weakref.ref(alive)
    grow_old()
    collecting.look()
    collecting.look()
    del alive
    grow_old()
    collecting.look()
    assert ring() is not None
    kept = [[number] for number in range(gc.get_freeze_count() // 4 + 50_000)]
    for _ in range(2):  # what has grown is frozen by one look, and seen by the next
        grow_old()
        collecting.look()
    assert ring() is None
    assert kept


def test_that_connections_open_does_not_have_everything_looked_at() -> None:
    """Thousands come within seconds; each look at all of them would stop the others for as long as it takes."""
    now = [Connections(10, 0)]
    collecting = Collecting(lambda: now[0])
    alive = Ring()
    ring = weakref.ref(alive)
    grow_old()
    collecting.look()
    del alive
    more = gc.get_freeze_count() // 50 + 2_000
    now[0] = Connections(10 + more, 0)
    kept = [[[] for _ in range(75)] for _ in range(more)]
    for _ in range(3):
        grow_old()
        collecting.look()
    assert ring() is not None
    now[0] = Connections(10, 0)
    grow_old()
    collecting.look()
    assert ring() is None, "it is more than connections explain"
    assert kept


def test_what_is_frozen_is_not_counted_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """To count it is to go through it: as dear as what freezing spares."""
    counted: list[int] = []
    count = gc.get_freeze_count
    monkeypatch.setattr(gc, "get_freeze_count", lambda: counted.append(1) or count())
    collecting = Collecting(lambda: Connections(20_000, 0))
    grow_old()
    collecting.look()
    kept = []
    for _ in range(20):
        kept.append([[number] for number in range(1000)])
        grow_old()
        collecting.look()
    assert len(counted) == 1
    assert not any(one is kept[0] for one in gc.get_objects())


def test_what_comes_and_goes_again_does_not_have_everything_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    count = gc.get_freeze_count
    collecting = Collecting(lambda: Connections(20_000, 0))
    alive = Ring()
    ring = weakref.ref(alive)
    grow_old()
    collecting.look()
    del alive
    some = count() // 16 + 20_000
    monkeypatch.setattr(gc, "get_freeze_count", lambda: counted.append(1) or count())
    for _ in range(10):
        passing = [[number] for number in range(some)]
        grow_old()
        collecting.look()
        del passing
    assert ring() is not None, "everything was looked at, though as much went as came"
    assert 1 <= len(counted) <= 5


async def test_it_runs_until_it_is_cancelled() -> None:
    """What was there before is frozen at once; CPython's own numbers come back."""
    before = gc.get_threshold()
    task = asyncio.create_task(Collecting(lambda: Connections(0, 0)).run())
    await asyncio.sleep(0)
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold()[:2] == before[:2]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert gc.get_threshold() == before


@pytest.mark.parametrize("path", ["/live?page=/", "/clickstream"])
async def test_the_server_counts_its_connections(tmp_path: Path, path: str) -> None:
    """Those that look, and those that tell; and those that ended and are still there."""
    async with inside(tmp_path) as house, aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(f"{house.ws}{path}") for _ in range(3)]
        assert house.server.connections == (3, 0)
        handlers = [*house.server._runner.server.connections]  # type: ignore[union-attr]
        for one in sockets:
            await one.close()

        async def ended() -> bool:
            return house.server.connections == (0, len(handlers))

        await eventually(ended)
        handlers.clear()
        await eventually(ended)

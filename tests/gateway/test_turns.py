"""Turns: however much comes, the loop goes on, and whoever says little is heard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from isotherm.gateway.turns import Turns

FRAME_S = 0.001  #: what one frame takes, by the clock that the tests pretend


@dataclass
class Scene:
    """Readers on one loop, and what each turn of it took."""

    now_s: float = 0.0
    taken: dict[str, int] = field(default_factory=dict)
    waits_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turns = Turns(lambda: self.now_s)

    async def read(self, name: str, frames: int) -> None:
        """As an endpoint does: without a pause as long as there are frames."""
        for _ in range(frames):
            if self.turns.spent():
                await self.turns.next()
            self.now_s += FRAME_S
            self.taken[name] = self.taken.get(name, 0) + 1

    async def hop(self) -> None:
        """Something else that wants the loop, all the time."""
        while True:
            before_s = self.now_s
            await asyncio.sleep(0)
            self.waits_s.append(self.now_s - before_s)


async def test_a_flood_leaves_the_loop_to_others() -> None:
    """Forty sockets that could be read for half a second each: nobody else waits for longer than for a few frames of each."""
    scene = Scene()
    hopping = asyncio.create_task(scene.hop())
    await asyncio.gather(*(scene.read(f"flood {number}", 500) for number in range(40)))
    hopping.cancel()
    assert set(scene.taken.values()) == {500}, "all of it is read in the end"
    assert len(scene.taken) == 40
    assert max(scene.waits_s) <= 0.010 + 41 * FRAME_S
    assert sorted(scene.waits_s)[len(scene.waits_s) // 2] <= 0.015


async def test_who_says_little_is_heard_after_one_round() -> None:
    """Not after all that the others have to say."""
    scene = Scene()
    flood = [asyncio.create_task(scene.read(f"flood {number}", 500)) for number in range(40)]
    while scene.now_s < 1:
        await asyncio.sleep(0)
    asked_s = scene.now_s
    await scene.read("quiet", 1)
    assert scene.now_s - asked_s <= 40 * 0.011 + 0.010
    assert scene.turns.waited_s > 0
    await asyncio.gather(*flood)
    assert scene.turns.waited_s == 0


async def test_many_who_say_little_wait_for_nobody() -> None:
    """A thousand sockets with a frame each are read in few turns of the loop, as many as the frames' time needs."""
    scene = Scene()
    hopping = asyncio.create_task(scene.hop())
    await asyncio.gather(*(scene.read(f"socket {number}", 1) for number in range(1000)))
    hopping.cancel()
    assert len(scene.taken) == 1000
    assert len(scene.waits_s) <= 400


async def test_a_socket_that_goes_holds_up_nobody() -> None:
    """Its place in the queue is passed over."""
    scene = Scene()
    flood = [asyncio.create_task(scene.read(f"flood {number}", 200)) for number in range(5)]
    while not scene.turns.waited_s:
        await asyncio.sleep(0)
    for gone in flood[:4]:
        gone.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    assert scene.taken["flood 4"] == 200

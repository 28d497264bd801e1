"""Digests beside the log: with them, with some of them, with damaged ones or without, a start finds the same; and erasing leaves none."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from isotherm.core.erase import Erasure
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.layers import KINDS, layers_of
from isotherm.core.sites import Site, Sites
from isotherm.history import Retention
from isotherm.runtimes import digesting
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.erasing import erase_from_log
from isotherm.runtimes.pipeline import PipelineSettings
from tests.serving import eventually

GRID, WINDOW_MS, SKEW_MS = 6, 60_000, 2_000
PAGES = ("/a", "/b", "/c")


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def clock(self) -> Clock:
        return Clock(SKEW_MS, wall_s=lambda: self.now_s, monotonic_s=lambda: self.now_s)


class Waiter:
    def __init__(self) -> None:
        self.told: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def durable(self, *seqs: int) -> None:
        self.told.set_result(*seqs)

    def failed(self, seq: int) -> None:
        self.told.set_exception(RuntimeError(f"{seq} failed"))


class Visitors:
    """Some who send their batches in order, and some of them again."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._next: dict[str, int] = {}
        self._sent: list[dict[str, Any]] = []

    def body(self) -> dict[str, Any]:
        chance = self.chance
        if self._sent and chance.random() < 0.2:
            return chance.choice(self._sent)
        session, length = f"visitor-{chance.choice('stuv')}", chance.randint(1, 6)
        seq = self._next[session] = self._next.get(session, -1) + 1
        body = {
            "v": 1, "session": session, "load": f"{session}1", "seq": seq, "path": chance.choice(PAGES), "w": 100, "h": 100, "vw": 1280,
            "vh": 30, "kind": chance.choices(("move", "click", "view", "leave"), (4, 4, 3, 1), k=length),
            "x": [chance.randrange(100) for _ in range(length)],
            "y": [chance.randrange(100) for _ in range(length)], "age": sorted((chance.randrange(4000) for _ in range(length)), reverse=True),
            "anchors": ["hero", "", "buy"], "anchor": [chance.randrange(3) for _ in range(length)],
        }  # fmt: skip
        self._sent.append(body)
        return body


@asynccontextmanager
async def life(data: Path, time: Time, *, people: bool = True) -> AsyncIterator[Embedded]:
    settings = PipelineSettings(data, window_ms=WINDOW_MS, grid_size=GRID, skew_ms=SKEW_MS, retention=Retention() if people else None)
    embedded = Embedded(settings, Sites())
    embedded.clock = time.clock()
    await embedded.start()
    try:
        yield embedded
    finally:
        await embedded.stop()


async def send(embedded: Embedded, body: dict[str, Any]) -> None:
    waiter = Waiter()
    embedded.gate.take(json.dumps(body).encode(), Site("default"), None, None, embedded.clock.now_ms(), waiter)
    await waiter.told


async def said(embedded: Embedded) -> Any:
    """All that anyone could ask."""
    now_ms = embedded.clock.now_ms()
    for _ in range(2):  # the first look only begins to wait for those who fall silent
        embedded.source.set_visitors(embedded._group_by.expire(now_ms))
    heat = [embedded.source.whole(View(f"default{page}", kind, "all")) for page in PAGES for kind in KINDS]
    pages = sorted(embedded.source.pages(now_ms), key=lambda page: page.key)
    exposed = [await embedded.exposed(f"default{page}", [0, 1, 2]) for page in PAGES]
    people, past = [], []
    if embedded.history is not None:
        for page in PAGES:
            marks = await embedded.history.now(f"default{page}", now_ms)
            assert marks is not None
            people.append(marks.by_tile(layers_of("move", "all"), GRID * GRID).tolist())
            whole = (await embedded.history.range(f"default{page}", None, now_ms + 60_000)).contents
            steps = await embedded.history.recent(f"default{page}", layers_of("move", "all"), now_ms)
            past.append((whole.cells.tolist(), whole.counts.tolist(), whole.marks.marks.tolist(), [
                (step.end_ms, step.tiles.tolist(), step.counts.tolist()) for step in steps]))  # fmt: skip
            exposed.append(await embedded.history.exposure(f"default{page}", None, now_ms + 60_000, [0, 1, 2]))
    return [round(page.rate, 3) for page in pages], (
        [(one.end_ms, one.cells.tolist(), one.counts.tolist()) for one in heat], [page._replace(rate=0.0) for page in pages], people, past,
        [(embedded.zones.league(f"default{page}"), embedded.zones.people(f"default{page}")) for page in PAGES],
        embedded.gate.first_event_ms, [(one.ms.tolist(), one.people.tolist(), one.everybody, one.fold) for one in exposed],
    )  # fmt: skip


def of(folder: Path) -> list[Path]:
    return sorted((folder / "digest").iterdir())


def none(folder: Path, _chance: random.Random) -> None:
    shutil.rmtree(folder / "digest")


def some(folder: Path, chance: random.Random) -> None:
    for path in of(folder):
        if chance.random() < 0.5:
            path.unlink()


def flipped(folder: Path, chance: random.Random) -> None:
    for path in of(folder):
        content = bytearray(path.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)


def cut(folder: Path, chance: random.Random) -> None:
    for path in of(folder):
        path.write_bytes(path.read_bytes()[: chance.randrange(200)])
    (folder / "digest" / "draft").write_bytes(b"what a crash left")


def all_kept(_folder: Path, _chance: random.Random) -> None:
    pass


async def many_lives(data: Path, time: Time, visitors: Visitors, lives: int, *, people: bool = True) -> None:
    """Each some seconds long, and stopped: what was in it is a digest then."""
    for _ in range(lives):
        async with life(data, time, people=people) as embedded:
            for _ in range(visitors.chance.randint(1, 6)):
                time.now_s += visitors.chance.random() * 2
                await send(embedded, visitors.body())
        time.now_s += visitors.chance.random() * 6


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Offsets with which the digests begin that starts took."""
    found: list[int] = []
    usable = digesting.Digesting.usable

    def noted(self: digesting.Digesting, since_ms: int, wanted: Any) -> Any:
        for one in usable(self, since_ms, wanted):
            found.append(one[0].first)
            yield one

    monkeypatch.setattr(digesting.Digesting, "usable", noted)
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("change", [all_kept, some, flipped, cut])
async def test_a_start_finds_the_same_with_digests_and_without(
    tmp_path: Path, used: list[int], seed: int, change: Callable[[Path, random.Random], None]
) -> None:
    """Heat, rates, zones, people, history and visitors; and repeats of what was sent before count no more after it than after the other."""
    time, visitors = Time(), Visitors(seed)
    people = seed != 1
    await many_lives(tmp_path / "one", time, visitors, 10, people=people)
    for name, made in (("other", change), ("plain", none)):
        shutil.copytree(tmp_path / "one", tmp_path / name)
        made(tmp_path / name, visitors.chance)
    again = [visitors.body() for _ in range(8)]
    answers = []
    for name in ("plain", "other"):
        used.clear()
        async with life(tmp_path / name, time, people=people) as embedded:
            first = await said(embedded)
            for body in again:
                await send(embedded, body)
            time.now_s += 1
            embedded._advance(embedded.clock.now_ms())
            answers.append((first, await said(embedded)))
            time.now_s -= 1
        assert bool(used) == (name == "other" and change in (all_kept, some))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("running", [False, True])
async def test_what_is_erased_stands_in_no_digest(tmp_path: Path, used: list[int], running: bool) -> None:
    """Between two lives, or in the middle of one: nobody's name is left in the files, and the next start finds what the log has."""
    time, visitors = Time(), Visitors(7)
    await many_lives(tmp_path / "one", time, visitors, 10)
    assert any(b"visitor-s" in path.read_bytes() for path in of(tmp_path / "one"))

    def erase() -> None:
        assert erase_from_log(tmp_path / "one" / "log.sqlite", Erasure("visitor-s", None, None)) > 0

    if running:
        async with life(tmp_path / "one", time) as embedded:
            await send(embedded, visitors.body() | {"session": "visitor-s", "load": "new", "seq": 0})
            await asyncio.to_thread(erase)
            await send(embedded, visitors.body() | {"session": "visitor-t", "load": "new", "seq": 0})
    else:
        erase()
    assert not any(b"visitor-s" in path.read_bytes() for path in of(tmp_path / "one"))
    await many_lives(tmp_path / "one", time, Visitors(8), 8)
    shutil.copytree(tmp_path / "one", tmp_path / "plain")
    none(tmp_path / "plain", visitors.chance)
    answers = []
    for name in ("plain", "one"):
        used.clear()
        async with life(tmp_path / name, time) as embedded:
            answers.append(await said(embedded))
        assert bool(used) == (name == "one")
    assert answers[0] == answers[1]


async def test_a_start_takes_up_the_newest_views_alone(tmp_path: Path, used: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every digest has those of all sessions, so to take up each is to do all but one for nothing."""
    time, times = Time(), []
    await many_lives(tmp_path, time, Visitors(5), 6)
    recall_views = GroupBy.recall_views

    def noted(self: GroupBy, views: Any, now_ms: int) -> None:
        times.append(now_ms)
        recall_views(self, views, now_ms)

    monkeypatch.setattr(GroupBy, "recall_views", noted)
    used.clear()
    async with life(tmp_path, time):
        assert (len(used) > 1, len(times)) == (True, 1)


async def test_other_settings_read_the_records(tmp_path: Path, used: list[int]) -> None:
    """A digest of another grid is not taken, nor one without people where people are wanted; the records are."""
    time, visitors = Time(), Visitors(3)
    await many_lives(tmp_path, time, visitors, 8, people=False)
    used.clear()
    async with life(tmp_path, time) as embedded:
        _, (_, _, people, *_) = await said(embedded)
    assert not used
    assert any(sum(tiles) for tiles in people)


async def test_a_running_server_writes_and_trims_them(tmp_path: Path) -> None:
    """Every few seconds one more; those that no start needs go with the records that they are of."""
    time, visitors = Time(), Visitors(4)
    async with life(tmp_path, time) as embedded:
        await send(embedded, visitors.body())
        first = await eventually(lambda: _stepped(tmp_path, time))
        time.now_s += 1_000
        await send(embedded, visitors.body())
        await eventually(lambda: _gone(first[0]))


async def _stepped(folder: Path, time: Time) -> list[Path]:
    time.now_s += 0.2
    return [path for path in of(folder) if path.name != "draft"] if (folder / "digest").is_dir() else []


async def _gone(path: Path) -> bool:
    return not path.exists()


async def test_a_disk_that_takes_no_digest_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What can't be written is read from the records: events are taken, and the heat comes back."""
    time, visitors = Time(), Visitors(5)
    (tmp_path / "digest").write_text("in the way")
    for _ in range(2):
        async with life(tmp_path, time) as embedded:
            await send(embedded, visitors.body())
            before = embedded.source.page("default/a", embedded.clock.now_ms()), len(embedded.source.keys)
    assert before[1] > 0
    assert sum("can't write a digest" in record.message for record in caplog.records) == 2, "once a life"

"""The embedded runtime: the whole pipeline in one process, in a straight line.

    every tick   gate.drain -> log.append (its own thread; then the acks) -> together.add
    every hop    together.take -> group_by.group -> aggregator.merge, then aggregator.advance -> groups.broadcast
                                        └─> history.add, which stores in a thread of its own at each minute's end

What ticks brought is counted together (`core/together.py`): before a hop, before somebody asks (`catch_up`), and where much waits.

State is a function of the log: at the start the last window, the repeats' ten minutes, and what the history lacks are read again. What is
not on the disk is not acknowledged; if the disk fails, the gate closes and says why, until a probe succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Final

import numpy as np
import numpy.typing as npt

from isotherm.access.keys import Keys
from isotherm.core.aggregate import Aggregator, Hop
from isotherm.core.count_records import counts_to_records
from isotherm.core.counters import Counters
from isotherm.core.counts import Counts
from isotherm.core.exposure import Exposed, Exposures
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import AllPages
from isotherm.core.limits import ARRIVED_TOGETHER_MS
from isotherm.core.masking import Masked
from isotherm.core.people import Marks
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.sites import Sites
from isotherm.core.together import Durable, Together
from isotherm.core.zones import Zones
from isotherm.gateway.gate import Gate
from isotherm.history import History, HistoryError
from isotherm.live.groups import Groups
from isotherm.live.zones import OwnLeagues
from isotherm.log import Log, LogError
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.digesting import Digesting
from isotherm.runtimes.first_event import FirstEvent
from isotherm.runtimes.pipeline import PipelineSettings, StartError
from isotherm.runtimes.showing import Showing
from isotherm.runtimes.sight import Sight
from isotherm.runtimes.starting import REPEATS_MS, Starting
from isotherm.runtimes.sticking import Sticking
from isotherm.runtimes.topics import Message, Topics
from isotherm.sockets import push_each

__all__ = ["Embedded"]

_TICK_S: Final = 0.010  #: between the ends of commits: half the 20 ms that a tick may last, so that acks are quick. All where none waits
_SETTLE_S: Final = 0.05  #: a hop waits no longer for the commit of what came before it
_TRIM_EVERY_S: Final = 5.0
_PROBE_EVERY_S: Final = 1.0
_TEND_EVERY_S: Final = 1.0
_HELD_FOR_HISTORY_MS: Final = 3_600_000  #: the log is kept so much longer at most, while the history can't be written
_PRESENCE_EVERY_MS: Final = 1000

logger = logging.getLogger(__name__)


class Embedded:
    """One process's pipeline. Raises `StartError` where the data folder can't be used."""

    name = "embedded"

    def __init__(self, settings: PipelineSettings, sites: Sites) -> None:
        self.settings = settings
        self.clock = Clock(settings.skew_ms)
        self.counters = Counters()
        self.topics = Topics(settings.topic_prefix)
        self.on_hop: Callable[[int], object] | None = None  #: called once the window was brought up to a hop
        self._wake = asyncio.Event()
        self._woken_s = 0.0  #: since when what the gate has waits
        self.gate = Gate(sites=sites, counters=self.counters, skew_ms=settings.skew_ms, hop_ms=settings.hop_ms, wake=self._woken)
        self._group_by = GroupBy(
            grid_size=settings.grid_size,
            hop_ms=settings.hop_ms,
            samples_a_tile_max=settings.samples_a_tile_max,
            people=settings.retention is not None,
        )
        self.history: History | None = None
        if settings.retention is not None:
            self.history = History(
                settings.data / "history.sqlite",
                grid_size=settings.grid_size,
                hop_ms=settings.hop_ms,
                window_ms=settings.window_ms,
                retention=settings.retention,
            )
        self.source = Aggregator(
            grid_size=settings.grid_size, window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms
        )
        self.zones = Zones(window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms)
        self.leagues = OwnLeagues(self.zones)
        self.exposures = Exposures(grid_size=settings.grid_size, window_ms=settings.window_ms, hop_ms=settings.hop_ms)
        self.sight = Sight(settings, self.exposures, self._group_by.views)
        self._masked = Masked(self.source, self._marks, settings.people_min) if settings.people_min > 1 else None
        self.shown: AllPages = self._masked or self.source
        self.groups = Groups(self.shown, self.counters, self.gate.set_watched, push_each)
        self._sticking = Sticking(settings, self._group_by)
        self.spots = self._sticking.groups
        self._showing = Showing(self.topics[Topics.HEATMAP], self.source)
        self._first_event = FirstEvent(settings.data)
        self._presence_ms = 0
        self._together = Together()
        self._thread = ThreadPoolExecutor(1, "log")
        self._log: Log | None = None
        self._digesting: Digesting | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ticking = asyncio.Lock()
        self._settling: asyncio.Task[None] | None = None  #: a hop's own tick; one at most, however long the disk takes
        self._stopping = False
        self._history_warning: str | None = None
        self._broken = False  #: a task ended that should not: the gate stays closed, however sound the disk is
        self.lag_ms = 0  #: how long after a window's end the newest hop was sent

    # -- life

    async def start(self) -> None:
        """Opens the log, brings the heat back, begins to tick."""
        self.open()
        tasks = self._ticks(), self._hops(), self._trims(), self._digests()
        self._tasks = [asyncio.create_task(task) for task in tasks]
        if self.history is not None:
            self._tasks.append(asyncio.create_task(self._tend(self.history)))
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def open(self) -> None:
        """The first half of `start`: all state is there, and nothing moves yet."""
        data = self.settings.data
        try:
            data.mkdir(parents=True, exist_ok=True)
            self._lock = (data / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"{data} is in use by another Isotherm: stop it, or give this one another folder with --data") from None
        except OSError as error:
            raise StartError(f"can't use the data folder {data}: {error.strerror}; give another with --data") from error
        try:
            self._log = Log(data / "log.sqlite")
            if self.history is not None:
                self.history.open()
            self.gate.first_event_ms = self._first_event.read()
            self._digesting = Digesting(self.settings, self._log, self._group_by, self.catch_up)
            self._replay(self._log, self._digesting)
            self._sticking.counted = self._log.newest_offset
        except (LogError, HistoryError) as error:
            raise StartError(str(error)) from error
        self._advance(self.clock.now_ms())

    async def share(self, keys: Keys, *, first_token: bool) -> None:
        """Nothing: this is the only process."""

    async def stop(self) -> None:
        """What was taken is committed and acknowledged before this returns."""
        self.gate.why_closed = "the server stops"
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.gather(self._tasks[0], return_exceptions=True)
        if self._settling is not None:
            await asyncio.gather(self._settling, return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):  # it was told, and the next start counts what could not be
            self.catch_up()
        await self._sticking.close()
        await self.sight.close()
        if self._digesting is not None:
            await self._digesting.cut(self._thread)
            self._digesting.close()
        if self.history is not None:
            await self.history.close()
        self._thread.shutdown()
        if self._log is not None:
            self._log.close()
            self._lock.close()

    @property
    def visitors(self) -> int:
        return len(self._group_by.presence)

    def why_not_ready(self) -> str | None:
        """None: events are taken."""
        return self.gate.why_closed

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._break("a task of the pipeline ended", error)

    def _break(self, what: str, error: BaseException) -> None:
        if not self._broken:
            logger.critical("%s", what, exc_info=error)
        self._broken = True
        self.gate.why_closed = "an internal error, see the server's output; restart it"

    def _replay(self, log: Log, digesting: Digesting) -> None:
        now_ms = self.clock.now_ms()
        Starting(self.settings, log, digesting, self._group_by, self.history, self.gate, self._merge).replay(now_ms)
        self.source.set_visitors(self._group_by.expire(now_ms))
        self._tell_damage(log)

    def _tell_damage(self, log: Log) -> None:
        """What the log lost is said where an operator looks: in the output, in `/healthz`, in a metric."""
        found = list(log.damage)
        if log.damaged:
            found.append(f"{log.damaged} records of the log are damaged or missing: the heat lacks them")
            self.counters.add("log_damaged", log.damaged)
        for words in found:
            logger.error("%s", words)
        self.gate.warnings += found

    def _merge(self, counts: Counts, now_ms: int, arrived: npt.NDArray[np.float64] | None = None) -> None:
        self.source.merge(counts, now_ms, arrived=arrived)
        if counts.zones is not None:
            self.zones.merge(counts.pages, counts.zones)
        if counts.stretches is not None:
            self.exposures.merge(counts.pages, counts.stretches)
        if counts.spots:
            self._sticking.spots.merge(counts.spots)

    def _advance(self, now_ms: int) -> Hop | None:
        self.catch_up()
        self.zones.advance(now_ms)
        self.exposures.advance(now_ms)
        self.sight.seeing.advance(now_ms)
        self._sticking.spots.advance(now_ms)
        return self.source.advance(now_ms)

    async def exposed(self, page: str, devices: Sequence[int]) -> Exposed:
        """What was in view in the newest window, views that are open among it."""
        exposures = self.exposures
        return exposures.lately(page, devices, lambda: self._group_by.views.open(page, exposures.end_ms))

    def _marks(self, page: str, end_ms: int) -> Marks | None:
        return self.history.marks(page, end_ms) if self.history is not None else None

    # -- the tick

    def _woken(self) -> None:
        """The gate has something, where it had nothing."""
        self._woken_s = monotonic()
        self._wake.set()

    async def _ticks(self) -> None:
        while True:
            await self._wake.wait()
            if not self._stopping:
                await asyncio.sleep(self._woken_s + _TICK_S - monotonic() if self.gate.waited_for else _TICK_S)
                if not self.gate.waited_for:  # classic events are not answered: they may gather for twice as long
                    await asyncio.sleep(_TICK_S)
            self._wake.clear()
            await self._tick()
            if self._stopping:
                if not self.gate.gathered:  # else it came while the last was committed
                    return
                self._wake.set()

    async def _tick(self) -> None:
        async with self._ticking:
            await self._take()

    async def _settle(self) -> None:
        """What came before the window's end is counted in it: no tick waits longer. A slow disk holds its own records up, not the hop."""
        if self._settling is None or self._settling.done():
            if not self._wake.is_set() and not self._ticking.locked():
                return
            self._settling = asyncio.create_task(self._tick())
            self._settling.add_done_callback(self._ended)
        await asyncio.wait({self._settling}, timeout=_SETTLE_S)

    async def _take(self) -> None:
        now_ms = self._together.arrival_ms(self.clock.now_ms())
        drained = self.gate.drain(now_ms)
        if drained is None:
            return
        assert self._log is not None
        value = encode(samples_to_record(drained.samples))
        try:
            offset = await asyncio.get_running_loop().run_in_executor(self._thread, self._log.append, now_ms, value)
        except LogError as error:
            self.counters.add("log_failures")
            self.counters.add("shed_log", len(drained.samples))
            self._close_gate(str(error))
            drained.fail()
            return
        drained.acknowledge()
        self._first_event.keep(self.gate.first_event_ms)
        self._together.add(drained.samples, offset, self._log.newest_checksum)
        clickstream = self.topics[Topics.CLICKSTREAM]
        clickstream.count(1, len(value), now_ms)
        clickstream.publish([Message(clickstream.name, "0", 0, offset, now_ms, value)])
        if self._together.enough or self.topics[Topics.GROUPED].heard:
            self.catch_up()

    def catch_up(self) -> None:
        """What can't be counted ends all counting: the history would be told of later records, and a start not read this one for it."""
        if self._broken:
            return
        try:
            for durable in self._together.take():
                self._count(durable)
        except Exception as error:
            self._break("what is in the log could not be counted; a start counts it", error)
            raise

    def _count(self, durable: Durable) -> None:
        """From here on records are as if they had been read from the log."""
        samples, first, offset, checksum, pages = durable
        now_ms = samples.arrived_ms
        assert self._digesting is not None
        self._digesting.begin()
        counts = self._group_by.group(samples)
        self.sight.seeing.meet(samples)
        self._sticking.counted = offset
        self._merge(counts, now_ms)
        if self.history is not None:
            self.history.add(counts, offset, now_ms)
        self._digesting.add(self._group_by.newest, counts, first, offset, now_ms, checksum)
        self._show_grouped(counts, offset, now_ms, pages + len(counts.pages) - len(samples.pages))
        self.counters.by_name["repeated"], self.counters.by_name["capped"] = self._group_by.repeated, self._group_by.capped
        self.counters.by_name["clicks_forgotten"] = self._group_by.clicks_forgotten

    def _show_grouped(self, counts: Counts, offset: int, now_ms: int, messages: int) -> None:
        """Shows the topic of counts; while somebody reads it, records are counted one by one."""
        grouped, settings, grouped_bytes = self.topics[Topics.GROUPED], self.settings, 0
        if grouped.heard:
            records = counts_to_records(counts, partition=0, offset=offset, pane_ms=settings.hop_ms, grid_size=settings.grid_size)
            for at, (key, record) in enumerate(records):
                encoded = encode(record)
                grouped_bytes += len(encoded)
                grouped.publish([Message(grouped.name, key, 0, grouped.messages + at, now_ms, encoded)])
        grouped.count(messages, grouped_bytes, now_ms)

    # -- the hop

    async def _hops(self) -> None:
        hop_ms = self.settings.hop_ms
        while True:
            await self._hop()
            await asyncio.sleep((hop_ms - self.clock.now_ms() % hop_ms) / 1000)

    async def _hop(self) -> None:
        await self._settle()
        now_ms = self.clock.now_ms()
        hop = self._advance(now_ms)
        if hop is None:
            return
        self._look_around(now_ms)
        if self.on_hop is not None:
            self.on_hop(now_ms)
        await self.groups.broadcast(self._masked.hop(hop.end_ms) if self._masked is not None else hop, now_ms)
        await self.spots.broadcast()
        self.lag_ms = self.clock.now_ms() - hop.end_ms
        for _ in self._showing.hop(hop, now_ms):
            await asyncio.sleep(0)

    def _look_around(self, now_ms: int) -> None:
        self.counters.by_name["late"], self.counters.by_name["ahead"] = self.source.late, self.source.ahead
        zones = self.zones
        for name, number in (("zones_beyond", zones.beyond), ("zones_late", zones.late), ("zones_ahead", zones.ahead)):
            self.counters.by_name[name] = number
        self.counters.by_name["views_beyond"] = self._group_by.views.beyond + self.exposures.beyond
        self.counters.by_name["spots_beyond"] = self._sticking.spots.beyond
        if not 0 <= now_ms - self._presence_ms < _PRESENCE_EVERY_MS:
            self._presence_ms = now_ms
            self.source.set_visitors(self._group_by.expire(now_ms))

    # -- the history

    async def _tend(self, history: History) -> None:
        while True:
            await asyncio.sleep(_TEND_EVERY_S)
            await history.tend(self.clock.now_ms())
            self.counters.by_name["history_old"], self.counters.by_name["history_lost"] = history.too_old, history.lost
            self._warn(f"the history can't be written ({history.why_failed})" if history.why_failed else None)

    def _warn(self, why: str | None) -> None:
        if why == self._history_warning:
            return
        if self._history_warning is not None:
            self.gate.warnings.remove(self._history_warning)
        if why is not None:
            logger.error("%s; heat is live, and what is not stored waits", why)
            self.gate.warnings.append(why)
        self._history_warning = why

    # -- the disk

    def _close_gate(self, why: str) -> None:
        if self.gate.why_closed is None:
            logger.error("the log can't be written, events are refused: %s", why)
            self.gate.why_closed = f"the log can't be written ({why})"

    def _kept_since_ms(self) -> int:
        """What was taken before that time is needed no more."""
        before_ms = self.clock.now_ms() - max(self.settings.window_ms + ARRIVED_TOGETHER_MS, REPEATS_MS) - 2 * self.settings.skew_ms
        if self.history is not None and self.history.oldest_ms is not None:  # it is read again from there, with the repeats before it
            before_ms = max(before_ms - _HELD_FOR_HISTORY_MS, min(before_ms, self.history.oldest_ms - REPEATS_MS))
        return before_ms

    async def _digests(self) -> None:
        assert self._digesting is not None
        while True:
            await asyncio.sleep(_TEND_EVERY_S)
            if self._digesting.due(self.clock.now_ms()):
                await self._digesting.cut(self._thread)

    async def _trims(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._log is not None
        assert self._digesting is not None
        while True:
            await asyncio.sleep(_PROBE_EVERY_S if self.gate.why_closed else _TRIM_EVERY_S)
            before_ms = self._kept_since_ms()
            try:
                if self.gate.why_closed is not None and not self._broken and not self._stopping:
                    await loop.run_in_executor(self._thread, self._log.probe, self.clock.now_ms())
                    logger.warning("the log can be written again, events are taken")
                    self.gate.why_closed = None
                while await loop.run_in_executor(self._thread, self._log.trim, before_ms):
                    pass
                await self._digesting.trim(before_ms)
            except LogError as error:
                self._close_gate(str(error))

"""The whole engine as a state machine: gate, log, counting, windows, zones, viewers and history, whatever happens to them, in any order.

Only the clock is pretended, and nothing moves but by a rule: no test knows the engine better. What must be shown after each hop is
written in `books`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from isotherm.core.erase import Erasure
from isotherm.core.heat import View
from isotherm.core.layers import layers_of
from isotherm.core.sites import Site, Sites
from isotherm.gateway.gate import EVERY_UNWATCHED_MS
from isotherm.history import Retention
from isotherm.live.groups import Format, _one_by_one
from isotherm.runtimes import embedded
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.erasing import erase_from_log
from isotherm.runtimes.pipeline import PipelineSettings
from tests.oracle import Sample
from tests.runtimes.books import Books, Message, Note, Zone
from tests.serving import apply, batch, decode_frame, event

EXAMPLES = int(os.environ.get("ISOTHERM_EXAMPLES", "3000"))  #: of the nightly run
GRID, SKEW_MS, START_MS = 3, 1000, 1_700_000_000_000
REMEMBERED_MS = 600_000
EXTENT = 1000  #: of every document, both ways
RULES = {
    "none": Site("default"),
    "joined": Site("default", patterns=("/p/:id",)),
    "left out": Site("default", left_out=("/p/2",)),
}
PATHS = ("/", "/p/1", "/p/2")
PAGES = ("default/", "default/p/1", "default/p/2", "default/p/:id")
WIDTHS = (320.0, 1280.0)

paths, sessions, kinds, widths = st.sampled_from(PATHS), st.sampled_from("ab"), st.sampled_from(["move", "click"]), st.sampled_from(WIDTHS)
places = st.integers(-100, 1100)
visits = st.lists(st.tuples(places, places, st.integers(0, 5000), st.sampled_from(["", "buy", "#main"])), min_size=1, max_size=4)
views = st.builds(View, st.sampled_from(PAGES), kinds, st.sampled_from(["all", "mobile", "desktop"]))


@dataclass
class Sent:
    """A batch as its tracker keeps it: told again, it is the same but for the ages."""

    session: str
    load: str
    seq: int
    path: str
    kind: str
    width: float
    visits: list[tuple[int, int, int, str]]
    made_ms: int  #: by the tracker's clock, which never leaps

    @property
    def name(self) -> tuple[str, str, int]:
        return self.session, self.load, self.seq


class Waiter:
    """A tracker's socket."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def durable(self, *seqs: int) -> None:
        self.told += seqs

    def failed(self, seq: int) -> None:
        raise AssertionError(f"batch {seq} was not stored")


class Viewer:
    """Takes frames while it reads, and draws."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.reads = True
        self.behind = False  #: it read nothing for a while, and gets what it missed at the next hop that moves the window
        self.picture: dict[int, int] = {}

    def push(self, data: str | bytes) -> bool:
        if self.reads:
            assert isinstance(data, bytes)
            self.picture = apply(self.picture, decode_frame(data))
        return self.reads

    def abort(self) -> None:
        """A viewer that took nothing for a minute."""


class Engine(RuleBasedStateMachine):
    """Each rule is one thing that happens."""

    @initialize(hop_ms=st.sampled_from([250, 1000]), panes=st.sampled_from([1, 3, 8, 20]), history=st.booleans())
    def begin(self, hop_ms: int, panes: int, history: bool) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="isotherm-engine-"))
        self.settings = PipelineSettings(
            self.folder,
            window_ms=hop_ms * panes,
            hop_ms=hop_ms,
            grid_size=GRID,
            skew_ms=SKEW_MS,
            retention=Retention() if history else None,
        )
        self.books = Books(GRID, hop_ms * panes, hop_ms, SKEW_MS)
        self.sites = Sites()
        self.gone_ms, self.ahead_ms = 0, 0  # by a clock that never leaps; by how much this one did
        self.seqs: dict[tuple[str, str], int] = {}
        self.remembered: list[tuple[int, Sent]] = []  # batches that are told from repeats, and when they were last sent
        self.waiting: list[tuple[Waiter, int]] = []
        self.viewers: list[Viewer] = []
        self.erased = False
        self.open()

    # -- what is said

    @rule(path=paths, session=sessions, kind=kinds, x=places, y=places, width=widths, ahead_ms=st.none() | st.integers(-9000, 4000))
    def say_event(self, path: str, session: str, kind: str, x: int, y: int, width: float, ahead_ms: int | None) -> None:
        """A classic event, with a time of its own or none."""
        more = {} if ahead_ms is None else {"timestamp": self.now_ms + ahead_ms}
        type_ = {"move": "mousemove", "click": "click"}[kind]
        said = event(x, y, path, session_id=session, type=type_, window={"width": width, "height": EXTENT}, **more)
        self.pipeline.gate.take(json.dumps(said).encode(), self.sites.by_key["default"], None, None, self.now_ms, Waiter())
        page = self.page_of(path)
        if page is not None:
            time_ms = self.now_ms + (ahead_ms if ahead_ms is not None and ahead_ms <= SKEW_MS else 0)
            self.books.taken.append(Message(None, (Note(Sample(page, kind, width, time_ms, x, y, width, EXTENT), session, ""),)))

    @rule(
        path=paths,
        session=sessions,
        load=st.sampled_from("xy"),
        gap=st.sampled_from([0, 0, 0, 1, 7]),
        kind=kinds,
        width=widths,
        said=visits,
    )
    def say_batch(
        self, path: str, session: str, load: str, gap: int, kind: str, width: float, said: list[tuple[int, int, int, str]]
    ) -> None:
        """The next batch of a load, or one after a gap."""
        seq = self.seqs.get((session, load), 0) + gap
        self.seqs[session, load] = seq + 1
        self.send(Sent(session, load, seq, path, kind, width, said, self.gone_ms))

    @precondition(lambda self: self.remembered)
    @rule(data=st.data())
    def say_again(self, data: st.DataObject) -> None:
        """A batch of the last ten minutes comes once more."""
        self.send(data.draw(st.sampled_from([sent for _, sent in self.remembered])))

    def send(self, sent: Sent) -> None:
        waited_ms = self.gone_ms - sent.made_ms
        ages = [age_ms + waited_ms for _, _, age_ms, _ in sent.visits]
        said = batch(
            sent.seq, [x for x, *_ in sent.visits], [y for _, y, *_ in sent.visits], sent.path, sent.load, session=sent.session,
            kind=sent.kind, vw=sent.width, age=ages, anchors=["", "buy", "#main"], anchor=[["", "buy", "#main"].index(zone) for *_, zone in sent.visits],
        )  # fmt: skip
        waiter = Waiter()
        taken = self.pipeline.gate.take(json.dumps(said).encode(), self.sites.by_key["default"], None, None, self.now_ms, waiter)
        page = self.page_of(sent.path)
        if page is None:
            assert waiter.told == [sent.seq], "what is left out is acknowledged at once"
            return
        assert taken == (sent.session, page)
        notes = [
            Note(Sample(page, sent.kind, sent.width, self.now_ms - age_ms, x, y, EXTENT, EXTENT), sent.session, zone)
            for age_ms, (x, y, _, zone) in zip(ages, sent.visits, strict=True)
        ]
        self.books.taken.append(Message(sent.name, tuple(notes)))
        self.waiting.append((waiter, sent.seq))
        self.remembered = [(at_ms, one) for at_ms, one in self.remembered if one.name != sent.name] + [(self.now_ms, sent)]

    # -- what happens

    @rule()
    def tick(self) -> None:
        """What was taken is made durable, then acknowledged."""
        assert not any(waiter.told for waiter, _ in self.waiting), "nothing is acknowledged before"
        self.run(self.pipeline._tick())
        self.committed()

    @rule(ms=st.sampled_from([1, 40, 250, 1000, 3000, 61_000, 300_000]))
    def wait(self, ms: int) -> None:
        """Time goes on."""
        self.tick_repeats()
        self.gone_ms += ms
        self.time_went_on()

    @rule(ms=st.sampled_from([-3_600_000, -60_000, -4000, -2500, -1500, 1500, 2500, 5000, 60_000, 3_600_000]))
    def leap(self, ms: int) -> None:
        """The machine's clock is set anew."""
        self.tick_repeats()
        self.ahead_ms += ms
        self.time_went_on()

    @rule()
    def hop(self) -> None:
        """What was taken before is in it, as no hop waits for a tick's time."""
        end_ms = self.books.end_ms
        self.run(self.pipeline._hop())
        self.committed()
        self.books.hop(self.now_ms)
        for viewer in self.viewers if self.books.end_ms != end_ms else ():
            viewer.behind = not viewer.reads
        self.look()

    @rule(killed=st.booleans())
    def restart(self, killed: bool) -> None:
        """By the operator: all that was taken is durable; or by a kill: what was not acknowledged is gone."""
        pipeline = self.pipeline
        if killed:
            self.waiting = []
        else:
            self.run(pipeline._tick())
            self.committed()
            if pipeline.history is not None:
                self.run(pipeline.history._flush())
        self.close()
        self.viewers = []
        self.open()
        self.books.restart(self.now_ms)
        self.look()

    @rule()
    def tend(self) -> None:
        """What is done beside: history is stored, and what no one needs is taken from the log."""
        pipeline = self.pipeline
        if pipeline.history is not None:
            self.run(pipeline.history.tend(self.now_ms))
        before_ms = pipeline._kept_since_ms()
        assert pipeline._log is not None
        pipeline._log.trim(before_ms)
        assert pipeline._digesting is not None
        self.run(pipeline._digesting.trim(before_ms))
        self.books.trim(before_ms)

    @rule()
    def digest(self) -> None:
        """What the newest records came to is put beside the log: a start finds the same."""
        assert self.pipeline._digesting is not None
        self.run(self.pipeline._digesting.cut(self.pipeline._thread))

    @rule(session=st.none() | sessions, page=st.none() | st.sampled_from(PAGES), before_ms=st.none() | st.integers(-5000, 0))
    def erase(self, session: str | None, page: str | None, before_ms: int | None) -> None:
        """From the log; what is shown cools by itself."""
        if session is None and page is None and before_ms is None:
            return
        before_ms = before_ms if before_ms is None else self.now_ms + before_ms
        erase_from_log(self.folder / "log.sqlite", Erasure(session, page, before_ms))
        self.books.erase(
            lambda note: (
                session in (None, note.session)
                and page in (None, note.sample.page)
                and (before_ms is None or note.sample.time_ms < before_ms)
            )
        )
        self.erased = True

    @rule(rules=st.sampled_from(list(RULES)))
    def change_rules(self, rules: str) -> None:
        """Addresses are joined to pages in another way from now on."""
        self.sites.replace([RULES[rules]])

    @rule(view=views)
    def join(self, view: View) -> None:
        viewer = Viewer(view)
        self.pipeline.groups.join(view, viewer, Format.BINARY, self.now_ms)
        self.viewers.append(viewer)

    @precondition(lambda self: self.viewers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        viewer = data.draw(st.sampled_from(self.viewers))
        self.viewers.remove(viewer)
        self.pipeline.groups.leave(viewer.view, viewer)

    @precondition(lambda self: self.viewers)
    @rule(data=st.data())
    def stop_or_go_on_reading(self, data: st.DataObject) -> None:
        viewer = data.draw(st.sampled_from(self.viewers))
        viewer.reads = not viewer.reads
        viewer.behind = True

    @precondition(lambda self: self.settings.retention is not None and not self.erased)
    @rule()
    def look_back(self) -> None:
        """All that ever was acknowledged is in the history, once."""
        history = self.pipeline.history
        assert history is not None
        self.pipeline.catch_up()  # as the server does for whoever asks
        for page in PAGES:
            past = self.run(history.range(page, None, self.now_ms + 2 * 3_600_000 + abs(self.ahead_ms)))
            for kind in ("move", "click"):
                found = past.contents.by_tile(layers_of(kind, "all"), GRID * GRID).tolist()
                assert _by_place(dict(enumerate(found))) == self.books.total(page, kind), page

    # -- what must be true

    @invariant()
    def pages_that_are_watched_are_heard_often(self) -> None:
        watched = {viewer.view.page for viewer in self.viewers}
        assert {page for page in PAGES if self.pipeline.gate.every_ms(page) < EVERY_UNWATCHED_MS} == watched

    def look(self) -> None:
        """Each view is a brute-force count, and so is what each viewer has drawn, and each zone."""
        pipeline, books = self.pipeline, self.books
        assert pipeline.source.end_ms == books.end_ms
        for page in PAGES:
            for kind in ("move", "click"):
                for device in ("all", "mobile", "desktop"):
                    heat = pipeline.source.whole(View(page, kind, device))
                    found = _by_place(dict(zip(heat.cells.tolist(), heat.counts.tolist(), strict=True)))
                    assert found == books.window(page, kind, device), (page, kind, device)
            league = {zone.name: Zone(zone.samples, zone.people, zone.clicks) for zone in pipeline.zones.league(page)}
            assert league == books.league(page), page
        for viewer in self.viewers:
            view = viewer.view
            if viewer.reads and not viewer.behind:
                assert _by_place(viewer.picture) == books.window(view.page, view.kind, view.device), view

    # -- how

    @property
    def now_ms(self) -> int:
        return self.pipeline.clock.now_ms()

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(doing)

    def page_of(self, path: str) -> str | None:
        """By the rules that hold now, as a person reads them."""
        site = self.sites.by_key["default"]
        if path.startswith("/p/") and site is RULES["joined"]:
            return "default/p/:id"
        return None if path == "/p/2" and site is RULES["left out"] else f"default{path}"

    def committed(self) -> None:
        assert self.pipeline._log is not None
        self.books.commit(self.pipeline._log.newest_ms)
        assert all(waiter.told == [seq] for waiter, seq in self.waiting), "each is acknowledged, once"
        self.waiting = []

    def tick_repeats(self) -> None:
        """A repeat is told from the batch before it by the times of their records. One that is in no record yet gets one now, as it would
        within 20 ms, so that no more than ten minutes come between the two."""
        names = [message.name for message in self.books.taken if message.name is not None]
        if len(set(names)) < len(names) or any(name in self.books.counted for name in names):
            self.tick()

    def time_went_on(self) -> None:
        """What was sent more than ten minutes ago, by any clock that was read since, may be forgotten."""
        now_ms = self.now_ms
        self.remembered = [
            (at_ms, sent)
            for at_ms, sent in self.remembered
            if now_ms - at_ms < REMEMBERED_MS and self.gone_ms - sent.made_ms < REMEMBERED_MS - 5000
        ]

    def open(self) -> None:
        self.pipeline = Embedded(self.settings, self.sites)
        self.pipeline.groups._push_each = _one_by_one  # its viewers are no sockets
        self.pipeline.clock = Clock(
            SKEW_MS, wall_s=lambda: (START_MS + self.gone_ms + self.ahead_ms) / 1000, monotonic_s=lambda: self.gone_ms / 1000
        )
        self.pipeline.open()
        if not self.books.end_ms:
            self.books.hop(self.now_ms)

    def close(self) -> None:
        """As a kill leaves it: nothing is stored."""
        pipeline, history = self.pipeline, self.pipeline.history
        pipeline._thread.shutdown()
        assert pipeline._digesting is not None
        pipeline._digesting.close()
        assert pipeline._log is not None
        pipeline._log.close()
        pipeline._lock.close()
        if history is not None:
            assert history._store is not None
            assert history._reader is not None
            history._thread.shutdown()
            history._reader.close()
            history._store.close()

    def teardown(self) -> None:
        self.close()
        self.loop.close()
        shutil.rmtree(self.folder)


def _by_place(cells: dict[int, int]) -> dict[tuple[int, int], int]:
    return {(cell % GRID, cell // GRID): count for cell, count in cells.items() if count}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is."""
    monkeypatch.setattr(embedded, "_SETTLE_S", 60)


def test_the_engine_is_a_brute_force_count() -> None:
    """Events, batches, repeats, ticks, hops, a clock that leaps, stops and kills, erasing, rules and viewers in any order: all that is
    acknowledged counts once, in every window, picture, zone and in the history."""
    run_state_machine_as_test(
        Engine,
        settings=settings(  # a failure is told as it was found: to shrink it takes minutes
            max_examples=40, stateful_step_count=40, deadline=None, derandomize=True, database=None, phases=[Phase.generate]
        ),
    )  # fmt: skip


def test_a_start_shows_what_a_clock_that_leapt_back_put_too_far_ahead() -> None:
    """A sample is taken, the clock leaps back by more than the skew before it is stored: it lies too far ahead, until the clock has passed it
    and a start reads it again."""
    engine = Engine()
    engine.begin(hop_ms=250, panes=20, history=False)
    try:
        engine.send(Sent("a", "x", 0, "/", "move", 320.0, [(0, 0, 0, "")], 0))
        engine.leap(-4000)
        engine.hop()
        engine.wait(6500)
        engine.hop()
        assert engine.books.window("default/", "move", "all") == {}
        engine.restart(killed=False)
        assert engine.books.window("default/", "move", "all") == {(0, 0): 1}
    finally:
        engine.teardown()


@pytest.mark.nightly
@pytest.mark.timeout(0)
def test_the_engine_is_a_brute_force_count_for_long() -> None:
    """The same, other ways each night (`ISOTHERM_EXAMPLES`: how many)."""
    run_state_machine_as_test(Engine, settings=settings(max_examples=EXAMPLES, stateful_step_count=80, deadline=None))

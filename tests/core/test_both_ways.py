"""The whole core, compiled and in numpy, side by side: whatever happens, in whatever order, both say the same."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from isotherm.core import counting
from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.heat import View
from isotherm.core.limits import PRESENT_MS, REPEAT_MEMORY_MS
from isotherm.core.records import encode
from isotherm.core.sample_records import samples_to_record
from isotherm.core.visits import visits_of
from isotherm.gateway.intake import Intake
from isotherm.gateway.numbers import Numbers, Speaker
from tests.core.test_windows import PAGES, batches, to_samples

pytestmark = pytest.mark.skipif(counting.compiled is None, reason="there was no C compiler when Isotherm was installed")

COMPILED = counting.compiled
VIEWS = [View(page, kind, device) for page in PAGES for kind in ("move", "click") for device in ("all", "mobile", "desktop")]
waits_ms = st.one_of(st.integers(0, 900), st.sampled_from([PRESENT_MS, REPEAT_MEMORY_MS, 2 * REPEAT_MEMORY_MS, -700]))


class BothWays(RuleBasedStateMachine):
    """Two cores, fed alike; `each` runs the same with the compiled loops and without."""

    @initialize(grid_size=st.integers(2, 7), hop_ms=st.sampled_from([50, 250]), panes=st.integers(1, 12), dense=st.sampled_from([1, 10**6]))
    def begin(self, grid_size: int, hop_ms: int, panes: int, dense: int) -> None:
        self.now_ms = 1_700_000_000_000
        self.seqs: dict[tuple[str, str], int] = {}
        self.cores = []
        self.intake = Intake(numbers=Numbers(5))  # a table is soon full
        self.speakers = [Speaker() for _ in range(4)]

        def make() -> None:
            self.cores.append((
                GroupBy(grid_size=grid_size, hop_ms=hop_ms),
                Aggregator(grid_size=grid_size, window_ms=panes * hop_ms, hop_ms=hop_ms, skew_ms=2000, cells_dense_max=dense),
            ))  # fmt: skip

        self.each(make)
        self.both(lambda _, aggregator: aggregator.advance(self.now_ms) is not None)

    def each(self, do: Any) -> None:
        for way in (COMPILED, None):
            counting.compiled = way  # type: ignore[assignment]
            do()

    def both(self, do: Any) -> Any:
        """What both answered."""
        answers: list[Any] = []
        cores = iter(self.cores)
        self.each(lambda: answers.append(do(*next(cores))))
        assert answers[0] == answers[1]
        return answers[0]

    def teardown(self) -> None:
        counting.compiled = COMPILED

    @rule(made=st.lists(batches(), min_size=1, max_size=6), usual=st.booleans(), sockets=st.lists(st.integers(0, 4), max_size=6))
    def arrive(self, made: list[dict[str, Any]], usual: bool, sockets: list[int]) -> None:
        """Batches come: with any numbers, or each the next of its load, as trackers send them; on sockets, and on none."""
        for one in made if usual else ():
            one["age"] = [abs(age) for age in one["age"]]
            name = (one["session"], one["load"])
            one["seq"] = self.seqs[name] = self.seqs.get(name, -1) + 1
        speakers = [self.speakers[socket] if socket < len(self.speakers) else None for socket in sockets[: len(made)]]
        samples = to_samples(made, self.now_ms, self.intake, speakers)

        def take(group_by: GroupBy, aggregator: Aggregator) -> Any:
            counts = group_by.group(samples)
            aggregator.merge(counts, self.now_ms)
            return dict(zip(counts.pages, zip(counts.visitors, counts.newest_ms, strict=True), strict=True)), int(counts.count.sum())

        self.both(take)

    @rule(made=st.lists(batches(), min_size=1, max_size=3))
    def relive(self, made: list[dict[str, Any]]) -> None:
        """What was counted before is met again, without its samples."""
        value = encode(samples_to_record(to_samples(made, self.now_ms)))
        self.both(lambda group_by, _: group_by.relive(*visits_of(value)))

    @rule(wait_ms=waits_ms)
    def advance(self, wait_ms: int) -> None:
        """Time goes on, or leaps."""
        self.now_ms += wait_ms

        def hop(_: GroupBy, aggregator: Aggregator) -> Any:
            found = aggregator.advance(self.now_ms)
            if found is None:
                return None
            changes = [found.changes(view) for view in VIEWS if view.page in aggregator._watched]
            told = [(one.cells.tolist(), one.counts.tolist()) if one else None for one in changes]
            return found.end_ms, sorted(found.changed_pages()), told

        self.both(hop)

    @rule()
    def expire(self) -> None:
        """Silent sessions go."""
        self.both(lambda group_by, aggregator: aggregator.set_visitors(group_by.expire(self.now_ms)))

    @rule()
    def recollect(self) -> None:
        """What is remembered is written down, in the midst of it."""
        self.both(lambda group_by, _: group_by.recollection())

    @rule(page=st.sampled_from(PAGES))
    def watch(self, page: str) -> None:
        """Somebody watches a page."""
        self.both(lambda _, aggregator: aggregator.watch(page))

    @rule(page=st.sampled_from(PAGES))
    def unwatch(self, page: str) -> None:
        """Nobody does any more."""
        self.both(lambda _, aggregator: aggregator.unwatch(page) if page in aggregator._watched else None)

    @invariant()
    def windows_agree(self) -> None:
        """Every view, who is where, and what is known of each page (a rate may differ in its last digit)."""
        if not hasattr(self, "cores"):
            return

        def seen(group_by: GroupBy, aggregator: Aggregator) -> Any:
            heats = [(heat.end_ms, heat.cells.tolist(), heat.counts.tolist()) for heat in (aggregator.whole(view) for view in VIEWS)]
            pages = [page._replace(rate=0.0) for page in sorted(aggregator.pages(self.now_ms))]
            left_out = (group_by.repeated, aggregator.late, aggregator.ahead)
            return (
                heats,
                pages,
                left_out,
                [group_by.presence.on(page) for page in PAGES],
                len(group_by.repeats),
                sorted(aggregator.take_restless()),
            )

        self.both(seen)
        rates = [[page.rate for page in sorted(aggregator.pages(self.now_ms), key=lambda page: page.key)] for _, aggregator in self.cores]
        assert np.allclose(*rates)


BothWays.TestCase.settings = settings(deadline=None, max_examples=40, stateful_step_count=30)
TestBothWays = BothWays.TestCase

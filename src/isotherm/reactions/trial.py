"""A dry run: when a rule would have fired over samples that are kept, without anybody being told.

The same stages as live, at a clock that runs through the past: each record is taken at its arrival, and the rule looks at each hop.
Over hours it goes by the minutes of the history: at each minute's end the rule looks at the window of those that end there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from isotherm.core.exposure import Exposures
from isotherm.core.group_by import GroupBy
from isotherm.core.rules import Metric, Moment, Reaction, Rule, Watch, peak
from isotherm.core.samples import Samples
from isotherm.core.seeing import EVERY_ZONE, Seeing
from isotherm.core.tiers import MINUTE_MS
from isotherm.core.watching import moment_of
from isotherm.core.zone_rollup import ZoneContents
from isotherm.core.zones import ZoneNow, Zones

__all__ = ["STEPS", "Trial", "Trying", "dry_run", "dry_run_minutes"]

STEPS: Final = 120  #: in which the values of a trial are told, at most
_STEP_MS: Final = 1000  #: so long is one at least, so that a hop lies in each


class Trial(NamedTuple):
    """What came of a dry run."""

    since_ms: int
    until_ms: int
    fired: list[Reaction]
    every_ms: int  #: so often the rule looked
    values: list[float | None]  #: in equal parts of the time: the value nearest to firing, of all that the rule looks at; None: nothing


class Trying:
    """One rule that is fed with the past, moment by moment, in order; `trial` is what came of it."""

    def __init__(self, rule: Rule, since_ms: int, until_ms: int, every_ms: int) -> None:
        self._rule = rule
        self._every_ms = every_ms
        self._watch = Watch(rule)
        self._since_ms, self._until_ms = since_ms, max(until_ms, since_ms + 1)
        self._fired: list[Reaction] = []
        self._values: list[float | None] = [None] * min(STEPS, max(1, (until_ms - since_ms) // _STEP_MS))

    def feed(self, now_ms: int, page: Moment, zones: dict[str, Moment]) -> None:
        self._fired += self._watch.feed(now_ms, page, zones)
        steps = len(self._values)
        at = min((now_ms - self._since_ms) * steps // (self._until_ms - self._since_ms), steps - 1)
        value = peak(self._rule, page, zones)
        if value is not None and at >= 0:
            before = self._values[at]
            nearest = min if self._rule.metric == Metric.UNSEEN else max
            self._values[at] = value if before is None else nearest(before, value)

    @property
    def trial(self) -> Trial:
        return Trial(self._since_ms, self._until_ms, self._fired, self._every_ms, self._values)


def dry_run(
    rule: Rule, records: Iterable[Samples], *, window_ms: int, hop_ms: int, skew_ms: int, until_ms: int, bands: int = 0
) -> Trial:
    """What the rule would have told, from the first record until that time.

    `bands`: of a page, so that `unseen` goes by what people have in view; 0: it goes by who points at it.
    """
    group_by = GroupBy(grid_size=max(bands, 1), hop_ms=hop_ms)
    zones = Zones(window_ms=window_ms, hop_ms=hop_ms, skew_ms=skew_ms)
    exposures = Exposures(grid_size=max(bands, 1), window_ms=window_ms, hop_ms=hop_ms)
    sight = Seeing(exposures, group_by.views, hop_ms=hop_ms) if bands and rule.metric == Metric.UNSEEN else None
    if sight is not None:
        sight.ready(rule.page_key, rule.zone or EVERY_ZONE)
    trying: Trying | None = None
    now_ms = 0

    def walk(trying: Trying, to_ms: int) -> None:
        nonlocal now_ms
        now_ms = now_ms or to_ms // hop_ms * hop_ms
        while now_ms <= to_ms:
            zones.advance(now_ms)
            exposures.advance(now_ms)
            trying.feed(now_ms, *moment_of(zones, rule.page_key, sight))
            now_ms += hop_ms

    for samples in records:
        trying = trying or Trying(rule, samples.arrived_ms, until_ms, hop_ms)
        walk(trying, samples.arrived_ms)
        counts = group_by.group(samples)
        wanted = [key == rule.page_key for key in counts.pages]
        if any(wanted):
            if counts.zones is not None:
                zones.merge([rule.page_key], counts.zones.only(wanted))
            if counts.stretches is not None:
                exposures.merge([rule.page_key], counts.stretches.only(wanted))
        if sight is not None:
            sight.meet(samples)
    if trying is None:
        return Trial(until_ms, until_ms, [], hop_ms, [])
    walk(trying, until_ms)
    return trying.trial


class _Span:
    """Some minutes of one page together, as a source of heat."""

    def __init__(self, minutes: list[ZoneContents]) -> None:
        self._together = ZoneContents.added(minutes)

    def league(self, page: str) -> list[ZoneNow]:
        return self._together.now()

    def people(self, page: str) -> int:
        return self._together.people


def dry_run_minutes(
    rule: Rule, minutes: Iterable[tuple[int, ZoneContents]], *, window_ms: int, since_ms: int, until_ms: int
) -> Trial:
    """What the rule would have told, looking at each minute's end. `minutes`: (number, what lay on zones), several of one perhaps.

    A hold is rounded down to whole minutes: one that is shorter is over by the time the rule looks again.
    """
    by_number: dict[int, list[ZoneContents]] = defaultdict(list)
    for number, contents in minutes:
        by_number[number].append(contents)
    looking = replace(rule, hold_ms=rule.hold_ms // MINUTE_MS * MINUTE_MS)
    trying = Trying(looking, since_ms, until_ms, MINUTE_MS)
    window = max(1, window_ms // MINUTE_MS)
    for end in range(since_ms // MINUTE_MS + 1, until_ms // MINUTE_MS + 1):
        inside = [contents for number in range(end - window, end) for contents in by_number.get(number, ())]
        trying.feed(end * MINUTE_MS, *moment_of(_Span(inside), rule.page_key))
    return trying.trial

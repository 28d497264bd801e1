"""A dry run: when a rule would have fired over samples that are kept, without anybody being told.

The same stages as live, at a clock that runs through the past: each record is taken at its arrival, and the rule looks at each hop.
"""

from __future__ import annotations

from collections.abc import Iterable

from isotherm.core.group_by import GroupBy
from isotherm.core.rules import Reaction, Rule, Watch
from isotherm.core.samples import Samples
from isotherm.core.watching import moment_of
from isotherm.core.zones import Zones

__all__ = ["dry_run"]


def dry_run(rule: Rule, records: Iterable[Samples], *, window_ms: int, hop_ms: int, skew_ms: int, until_ms: int) -> list[Reaction]:
    """What the rule would have told, from the first record until that time."""
    group_by = GroupBy(grid_size=1, hop_ms=hop_ms)
    zones = Zones(window_ms=window_ms, hop_ms=hop_ms, skew_ms=skew_ms)
    watch, fired, now_ms = Watch(rule), [], 0

    def walk(to_ms: int) -> None:
        nonlocal now_ms
        now_ms = now_ms or to_ms // hop_ms * hop_ms
        while now_ms <= to_ms:
            zones.advance(now_ms)
            fired.extend(watch.feed(now_ms, *moment_of(zones, rule.page_key)))
            now_ms += hop_ms

    for samples in records:
        walk(samples.arrived_ms)
        counts = group_by.group(samples)
        if counts.zones is not None:
            wanted = [key == rule.page_key for key in counts.pages]
            if any(wanted):
                zones.merge([key for key in counts.pages if key == rule.page_key], counts.zones.only(wanted))
    if now_ms:
        walk(until_ms)
    return fired

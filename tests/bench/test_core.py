"""The bare core does the same work as ours, so that the two can be held against each other."""

from __future__ import annotations

from itertools import islice

import pytest
from bench.core import Core
from bench.traces import HOP_MS, hops, page_keys
from bench.twins.core import BarePanes


@pytest.mark.parametrize(("visitors", "pages", "gathered"), [(40, 1, 1), (60, 20, 1), (60, 20, 5)])
def test_both_tell_the_same_changes(visitors: int, pages: int, gathered: int) -> None:
    """At each hop, of each page, until panes have left the window for a while."""
    panes = 12
    ours = Core(pages, watched=True, window_panes=panes)
    bare = BarePanes(page_keys(pages), grid_size=50, window_panes=panes, hop_ms=HOP_MS, watched=True)
    for samples in islice(hops(visitors, pages, samples_a_batch=gathered), 3 * panes):
        told = {place: changes for place, changes in enumerate(ours.hop(samples)) if changes is not None}
        others = bare.hop(samples)
        assert {place: (one.cells.tolist(), one.counts.tolist()) for place, one in told.items() if len(one.cells)} == {
            place: (one.tiles.tolist(), one.counts.tolist()) for place, one in others.items() if len(one.tiles)
        }


@pytest.mark.parametrize(("panes", "gathered"), [(40, 1), (1200, 1), (1200, 20), (12_000, 1)])
def test_a_full_window_goes_on_changing(panes: int, gathered: int) -> None:
    """The trace comes round and round: what leaves the window must not be what comes."""
    ours = Core(1, watched=True, window_panes=panes)
    told = [ours.hop(samples)[0] for samples in islice(hops(40, 1, samples_a_batch=gathered), panes + 20)]
    assert all(changes is not None and len(changes.cells) for changes in told[panes:])

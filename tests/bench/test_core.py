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

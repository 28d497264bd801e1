"""What stands beside the core against the grid does the core's job, so that the two can be held against each other."""

from __future__ import annotations

from itertools import islice

import pytest
from bench.rows.flat import _Core
from bench.traces import hops
from bench.twins.window import BareWindow, can_be_made


@pytest.mark.skipif(not can_be_made(), reason="there is no C compiler")
@pytest.mark.parametrize("grid_size", [1, 8, 10, 50, 400])
def test_the_least_program_tells_the_same_changes(grid_size: int) -> None:
    """At each hop, until panes have left the window for a while."""
    panes, visitors = 12, 300
    ours = _Core(panes=panes, grid_size=grid_size, watched=True, alive=0)
    bare = BareWindow(grid_size, panes, visitors)
    for samples in islice(hops(visitors, 1), 3 * panes):
        (changes,) = ours.hop(samples)
        tiles, counts = bare.hop(samples)
        assert (tiles.tolist(), counts.tolist()) == ((changes.cells.tolist(), changes.counts.tolist()) if changes else ([], []))

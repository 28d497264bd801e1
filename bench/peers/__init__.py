"""The same job done by others: counts of 50×50 tiles a page over a hopping window of five minutes, every 250 ms.

`python -m bench.peers` runs each on the same trace, first holds its windows to a brute-force count, then tells events a CPU second. What
others need is installed into a venv of this folder's own, by this command alone.

    ours          the core: columns in, changed tiles out, a hop at a time
    duckdb        a table in memory, the window as a query at every hop
    bytewax       its sliding window, folded into a dict of tiles
    quix_hopping  the tutorial's aggregator (examples/tutorial) on a real broker
    quix_tumbling Quix Streams' tumbling window of one pane on a real broker: the sum of 1,200 panes is still to be done
    flink         Flink SQL's hopping window on a real broker, a row a page (needs Maven and a JDK, else it is left out)
    flink_tiles   the same, a row a tile, as one would write it first
"""

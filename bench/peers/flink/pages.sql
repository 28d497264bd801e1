-- A row a page, its tiles a multiset: at each hop Flink joins the 1,200 panes of every page, of which few hold much.
SELECT window_end, page, COLLECT(tile_y * ${GRID} + tile_x)
FROM HOP(TABLE moves, DESCRIPTOR(event_time), INTERVAL '0.250' SECOND, INTERVAL '5' MINUTES)
GROUP BY window_start, window_end, page;

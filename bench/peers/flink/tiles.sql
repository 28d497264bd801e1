-- A row a tile: the query one would write first. At each hop Flink looks up all 1,200 panes of every tile.
SELECT window_end, page, tile_y * ${GRID} + tile_x, COUNT(*)
FROM HOP(TABLE moves, DESCRIPTOR(event_time), INTERVAL '0.250' SECOND, INTERVAL '5' MINUTES)
GROUP BY window_start, window_end, page, tile_x, tile_y;

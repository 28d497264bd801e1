"""Quix Streams' tumbling window of one pane: what is left of the job without the window itself. The sum is still to be done."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from quixstreams import Application


def _count(tiles: dict[str, int], event: dict[str, Any]) -> dict[str, int]:
    tile = f"{event['tile_x']}/{event['tile_y']}"
    tiles[tile] = tiles.get(tile, 0) + 1
    return tiles


def main() -> None:
    environment = os.environ
    app = Application(
        broker_address=environment["KAFKA"],
        consumer_group="tumbling",
        auto_offset_reset="earliest",
        state_dir=environment["STATE_DIR"],
    )
    moves = app.dataframe(app.topic(environment["GROUPED"], value_deserializer="json"))
    panes = (
        moves.tumbling_window(duration_ms=timedelta(milliseconds=int(environment["STEP_MS"])))
        .reduce(reducer=_count, initializer=lambda event: _count({}, event))
        .final()
    )
    panes.to_topic(app.topic(environment["HEATMAP"], value_serializer="json"))
    app.run()


if __name__ == "__main__":
    main()

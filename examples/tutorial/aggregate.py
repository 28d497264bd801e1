"""The aggregator: a hopping window a page, which counts the moves of each tile."""

from datetime import timedelta

from quixstreams import Application
from settings import GRID_SIZE, GROUPED, HEATMAP, KAFKA, STATE_DIR, STEP_MS, WINDOW_MS


def first(event: dict) -> dict:
    return count({}, event)


def count(tiles: dict, event: dict) -> dict:
    x, y = str(event["tile_x"]), str(event["tile_y"])
    column = tiles.setdefault(x, {})
    column[y] = column.get(y, 0) + 1
    return tiles


app = Application(broker_address=KAFKA, consumer_group="tutorial-aggregate", auto_offset_reset="earliest", state_dir=STATE_DIR)

moves = app.dataframe(app.topic(GROUPED, value_deserializer="json"))
windows = (
    moves.hopping_window(duration_ms=timedelta(milliseconds=WINDOW_MS), step_ms=timedelta(milliseconds=STEP_MS))
    .reduce(reducer=count, initializer=first)
    .final()
)
windows = windows.apply(lambda window: {**window, "grid-size": GRID_SIZE})
windows.to_topic(app.topic(HEATMAP, value_serializer="json"))

if __name__ == "__main__":
    app.run()

"""Group By: every mouse move gets its tile, and the page that it was on as its key."""

from quixstreams import Application
from settings import CLICKSTREAM, GRID_SIZE, GROUPED, KAFKA, STATE_DIR


def add_tile(event: dict) -> None:
    size, at = event["window"], event["mouse-coordinates"]
    for axis, extent in (("x", size["width"]), ("y", size["height"])):
        event[f"tile_{axis}"] = min(max(int(GRID_SIZE * at[axis] / extent), 0), GRID_SIZE - 1)


app = Application(broker_address=KAFKA, consumer_group="tutorial-group-by", auto_offset_reset="earliest", state_dir=STATE_DIR)

events = app.dataframe(app.topic(CLICKSTREAM, value_deserializer="json"))
events = events.filter(lambda event: event.get("type") == "mousemove")
events = events.update(add_tile)
events.to_topic(app.topic(GROUPED, value_serializer="json"), key=lambda event: event["relative_path"])

if __name__ == "__main__":
    app.run()

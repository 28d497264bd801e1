"""Where Kafka is, how the topics are called, and how large window and grid are: from the environment."""

import os

KAFKA = os.environ.get("KAFKA", "127.0.0.1:9092")
CLICKSTREAM = os.environ.get("CLICKSTREAM", "clickstream")
GROUPED = os.environ.get("GROUPED", "clickstream-group-by-page")
HEATMAP = os.environ.get("HEATMAP", "heatmap")
STATE_DIR = os.environ.get("STATE_DIR", "state")
WINDOW_MS = int(os.environ.get("WINDOW_MS", "300000"))
STEP_MS = int(os.environ.get("STEP_MS", "250"))
GRID_SIZE = int(os.environ.get("GRID_SIZE", "50"))

"""The rows of the table, in its order. Each module has `run(progress)`, which returns its figures."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = ("core", "flat", "classic_in", "batch_in", "fanout", "latency", "memory", "start", "tracker", "overlay", "kafka")

"""`/metrics`: the counters and gauges in Prometheus' text format, collected when asked."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from isotherm.core.counters import NAMES
from isotherm.runtimes.pipeline import Pipeline

__all__ = ["Metrics"]


class Metrics:
    """One server's registry."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What the registry asks at each scrape."""
        pipeline = self._pipeline
        for name, meaning in NAMES.items():
            yield CounterMetricFamily(f"isotherm_{name}", meaning.capitalize(), value=pipeline.counters.by_name[name])
        yield CounterMetricFamily("isotherm_clock_steps", "Steps of the wall clock beyond the skew", value=pipeline.clock.steps)
        gauges = {
            "connections": ("Open sockets of trackers", pipeline.gate.connections),
            "viewers": ("Open sockets of viewers", pipeline.groups.viewers),
            "visitors": ("Sessions on any page now", pipeline.visitors),
            "pages": ("Live pages", len(pipeline.source.keys)),
            "ready": ("1: events are taken", int(pipeline.why_not_ready() is None)),
        }
        for name, (meaning, value) in gauges.items():
            yield GaugeMetricFamily(f"isotherm_{name}", meaning, value=value)
        yield GaugeMetricFamily("isotherm_lag_seconds", "From a window's end until it was sent", value=pipeline.lag_ms / 1000)

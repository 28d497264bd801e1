"""The same stages on Apache Kafka: each a process of its own, in consumer groups, with topics between them.

The only place that knows Quix Streams.

    gateway     the server's pipeline: events into `clickstream`, heat out of `heatmap`; any number of them
    group_by    a StreamingDataFrame: `clickstream` -> `clickstream-group-by-page`
    aggregate   our own loop, since it lives by the clock: `clickstream-group-by-page` -> `heatmap`

    history     `clickstream` -> SQLite or PostgreSQL
    webhooks    `isotherm-reactions` -> whoever is to be told

What one process must know of another is a record: interest (`interest`), settings (`agreement`), the time (ticks).
"""

import warnings

# A library of a library says at its import that it will have to change one day. An operator can do nothing about it.
with warnings.catch_warnings(record=True):
    import quixstreams  # noqa: F401

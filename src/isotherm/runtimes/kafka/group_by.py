"""Group By on Kafka: a StreamingDataFrame from `clickstream` to `clickstream-group-by-page`, with the core's stage inside.

One record of `clickstream` becomes one record a page, which carries that record's partition and offset: the aggregator
merges it once, however often it is written. So at-least-once is enough here, and cheap: checkpoints of a second, no transactions.

The stage's state is read again by whoever begins in the midst of a partition (`stages`). What must hold: of one page and partition,
records are written in the order of their offsets and without a gap. Hence one producer, idempotent, that gives nothing up; and whoever
finds that offsets do not follow on each other begins anew.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from quixstreams import Application, message_context
from quixstreams.exceptions import QuixException
from quixstreams.models import Serializer, Topic

from isotherm.core.records import RecordError, counts_to_records, dead_letter, encode
from isotherm.core.sites import Sites
from isotherm.runtimes.kafka.connection import GROUP_BY_GROUP, Cluster
from isotherm.runtimes.kafka.ruled import Ruled
from isotherm.runtimes.kafka.stages import Stages
from isotherm.runtimes.topics import Topics

__all__ = ["GroupByWorker", "group_by_application"]

logger = logging.getLogger(__name__)


class Out(NamedTuple):
    """A record that is to be written."""

    key: str | None  #: None: it is a dead letter
    value: bytes


class _Value(Serializer):
    def __call__(self, value: Out, ctx: Any = None) -> bytes:
        return value.value


class GroupByWorker:
    """One worker's stages, a partition each. `outputs` is what the StreamingDataFrame applies."""

    def __init__(self, cluster: Cluster, sites: Sites, ruled: Ruled) -> None:
        self._cluster = cluster
        self._ruled = ruled
        self._stages = Stages(cluster, sites, "isotherm-group-by-memory")

    def outputs(self, value: bytes, key: bytes | None, timestamp_ms: int, _headers: object) -> list[Out]:
        """The records that follow from one record."""
        context = message_context()
        partition, offset = context.partition, context.offset
        try:
            counts = self._stages.counts(partition, offset, value, key, timestamp_ms)
        except (KafkaException, QuixException):
            raise  # what came before could not be read again: nothing was processed
        except RecordError as error:
            return [self._dead(str(error), partition, offset, value)]
        except Exception as error:  # one record never stops a stage; what it was is kept
            logger.exception("record %d of partition %d could not be processed", offset, partition)
            return [self._dead(f"{type(error).__name__}: {error}", partition, offset, value)]
        if counts is None:
            return []
        pipeline = self._cluster.pipeline
        records = counts_to_records(
            counts,
            partition=partition,
            offset=offset,
            pane_ms=pipeline.hop_ms,
            grid_size=pipeline.grid_size,
            zones_of=self._ruled.pages,
        )
        return [Out(page, encode(record)) for page, record in records]

    def _dead(self, error: str, partition: int, offset: int, value: bytes) -> Out:
        topic = self._cluster.name(Topics.CLICKSTREAM)
        logger.warning("record %d of %s[%d] goes to the dead letters: %s", offset, topic, partition, error)
        return Out(None, encode(dead_letter(error, "group-by", topic, partition, offset, value)))


def group_by_application(cluster: Cluster, sites: Sites, ruled: Ruled) -> Application:
    """The worker, ready to `run`. `sites` and the pages that are `ruled` may change while it does."""
    app = cluster.application(GROUP_BY_GROUP)

    def topic(name: str) -> Topic:
        return app.topic(
            cluster.name(name), key_deserializer="bytes", value_deserializer="bytes", key_serializer="str", value_serializer=_Value()
        )

    clickstream, grouped, dead = topic(Topics.CLICKSTREAM), topic(Topics.GROUPED), topic(Topics.DEAD_LETTER)
    worker = GroupByWorker(cluster, sites, ruled)
    stream = app.dataframe(clickstream).apply(worker.outputs, expand=True, metadata=True)
    stream.to_topic(lambda out, *_: grouped if out.key is not None else dead, key=lambda out: out.key)
    return app

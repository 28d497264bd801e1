"""Group By on Kafka: a StreamingDataFrame from `clickstream` to `clickstream-group-by-page`, with the core's stage inside.

One record of `clickstream` becomes one record a page, which carries that record's partition and offset: the aggregator
merges it once, however often it is written. So at-least-once is enough here, and cheap: checkpoints of a second, no transactions.

The stage's state is read again by whoever begins in the midst of a partition (`stages`). What must hold: of one page and partition,
records are written in the order of their offsets and without a gap. Hence one producer, idempotent, that gives nothing up; and whoever
finds that offsets do not follow on each other begins anew.

What lay on zones and elements of pages that somebody asks for, and what of them was in view, goes to `isotherm-parts`, for the gateways
that asked.
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from confluent_kafka import KafkaException
from quixstreams import Application, message_context
from quixstreams.exceptions import QuixException

from isotherm.core.count_records import counts_to_records
from isotherm.core.part_records import counts_to_parts
from isotherm.core.records import RecordError, dead_letter, encode
from isotherm.core.sites import Sites
from isotherm.runtimes.kafka.connection import GROUP_BY_GROUP, PARTS, Cluster
from isotherm.runtimes.kafka.lines import lines
from isotherm.runtimes.kafka.ruled import Ruled
from isotherm.runtimes.kafka.stages import Stages
from isotherm.runtimes.kafka.wishes import Wishes
from isotherm.runtimes.topics import Topics

__all__ = ["GroupByWorker", "group_by_application"]

logger = logging.getLogger(__name__)


class Out(NamedTuple):
    """A record that is to be written."""

    topic: str
    key: str | None
    value: bytes


class GroupByWorker:
    """One worker's stages, a partition each. `outputs` of each record are written."""

    def __init__(self, cluster: Cluster, sites: Sites, ruled: Ruled, wishes: Wishes) -> None:
        self._cluster = cluster
        self._ruled = ruled
        self._wishes = wishes
        self._stages = Stages(cluster, sites, "isotherm-group-by-memory")

    def outputs(self, value: bytes, key: bytes | None, timestamp_ms: int, _headers: object) -> list[Out]:
        """The records that follow from one record."""
        lines.reached(logger)
        context = message_context()
        partition, offset = context.partition, context.offset
        zones_of, spots_of, exposure_of = self._wishes.zones, self._wishes.spots, self._wishes.exposure
        self._stages.spots_of = spots_of
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
        out = [Out(Topics.GROUPED, page, encode(record)) for page, record in records]
        if (counts.zones is not None and (zones_of or spots_of)) or (counts.stretches is not None and exposure_of):
            parts = counts_to_parts(
                counts,
                partition=partition,
                offset=offset,
                pane_ms=pipeline.hop_ms,
                zones_of=zones_of,
                spots_of=spots_of,
                exposure_of=exposure_of,
            )
            out += [Out(PARTS, page, encode(part)) for page, part in parts]
        return out

    def _dead(self, error: str, partition: int, offset: int, value: bytes) -> Out:
        topic = self._cluster.name(Topics.CLICKSTREAM)
        logger.warning("record %d of %s[%d] goes to the dead letters: %s", offset, topic, partition, error)
        return Out(Topics.DEAD_LETTER, None, encode(dead_letter(error, "group-by", topic, partition, offset, value)))


def group_by_application(cluster: Cluster, sites: Sites, ruled: Ruled, wishes: Wishes) -> Application:
    """The worker, ready to `run`. `sites`, and the pages that are `ruled` or whose parts are asked for, may change while it does."""
    app = cluster.application(GROUP_BY_GROUP)
    worker = GroupByWorker(cluster, sites, ruled, wishes)
    stream = app.dataframe(app.topic(cluster.name(Topics.CLICKSTREAM), key_deserializer="bytes", value_deserializer="bytes"))
    # Not `to_topic`: what it does for each message costs as much as the counting of a page. This producer is the very one that a checkpoint
    # flushes before it commits.
    producer = stream.processing_context.producer
    names = {name: cluster.name(name) for name in (Topics.GROUPED, PARTS, Topics.DEAD_LETTER)}

    def write(value: bytes, key: bytes | None, timestamp_ms: int, headers: object) -> None:
        for out in worker.outputs(value, key, timestamp_ms, headers):
            producer.produce(names[out.topic], value=out.value, key=out.key, timestamp=timestamp_ms)

    stream.update(write, metadata=True)
    return app

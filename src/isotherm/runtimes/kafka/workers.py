"""Workers: how a stage is started, and what happens when Kafka goes away under it: it begins anew when Kafka is back."""

from __future__ import annotations

import logging
import time
from typing import Final

from confluent_kafka import KafkaException
from quixstreams.exceptions import QuixException

from isotherm.core.sites import Sites
from isotherm.runtimes.kafka.aggregate import AggregateWorker
from isotherm.runtimes.kafka.agreement import agree
from isotherm.runtimes.kafka.connection import Cluster, KafkaSettings
from isotherm.runtimes.kafka.follower import Follower
from isotherm.runtimes.kafka.group_by import group_by_application
from isotherm.runtimes.pipeline import PipelineSettings

__all__ = ["run_worker"]

_AGAIN_S: Final = 1.0

logger = logging.getLogger(__name__)


def run_worker(stage: str, kafka: KafkaSettings, pipeline: PipelineSettings, *, publish_all: bool) -> None:
    """Runs until SIGTERM. Raises `StartError`."""
    cluster = Cluster(kafka, pipeline)
    cluster.prepare()
    agree(cluster)
    if stage == "aggregate":
        AggregateWorker(cluster, publish_all=publish_all).run()
    else:
        _run_group_by(cluster)


def _run_group_by(cluster: Cluster) -> None:
    sites = Sites()
    following = Follower(cluster, lambda shared: sites.replace(shared.sites))
    following.wait()
    while True:
        app = group_by_application(cluster, sites)
        try:
            app.run()  # until SIGTERM
        except (KafkaException, QuixException) as error:
            logger.warning("will begin anew: %s", error)
            time.sleep(_AGAIN_S)
        else:
            break
    following.close()

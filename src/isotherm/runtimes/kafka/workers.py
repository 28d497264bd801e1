"""Workers: how a stage is started, and what happens when Kafka goes away under it: it begins anew when Kafka is back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from quixstreams import Application

from isotherm.core.sites import Sites
from isotherm.core.webhooks import Webhook
from isotherm.history import HistoryError
from isotherm.history.places import open_store
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.kafka.aggregate import AggregateWorker
from isotherm.runtimes.kafka.agreement import agree
from isotherm.runtimes.kafka.connection import Cluster, KafkaSettings
from isotherm.runtimes.kafka.follower import Follower
from isotherm.runtimes.kafka.group_by import group_by_application
from isotherm.runtimes.kafka.history import HistoryWorker
from isotherm.runtimes.kafka.life import Life
from isotherm.runtimes.kafka.ruled import Ruled
from isotherm.runtimes.kafka.shared import Shared
from isotherm.runtimes.kafka.webhooks import WebhooksWorker
from isotherm.runtimes.kafka.wishes import Wishes, WishFollower
from isotherm.runtimes.pipeline import PipelineSettings, StartError

__all__ = ["run_worker"]

logger = logging.getLogger(__name__)


def run_worker(
    stage: str,
    kafka: KafkaSettings,
    pipeline: PipelineSettings,
    *,
    publish_all: bool,
    store: str | None,
    store_every_ms: int,
    webhooks: Sequence[Webhook] = (),
    webhooks_allowed: Sequence[str] = (),
) -> None:
    """Runs until SIGTERM. `store`: where the history goes; None: a file under `--data`. Raises `StartError`."""
    cluster = Cluster(kafka, pipeline)
    cluster.prepare()
    agree(cluster)
    if stage == "aggregate":
        ruled = Ruled(cluster.partitions)
        with _following(cluster, lambda shared: ruled.replace(shared.rules)):
            AggregateWorker(cluster, ruled, publish_all=publish_all).run()
    elif stage == "webhooks":
        WebhooksWorker(cluster, webhooks, webhooks_allowed).run()
    elif stage == "history":
        _run_history(cluster, store or str(pipeline.data / "history.sqlite"), store_every_ms)
    else:
        _run_group_by(cluster)


def _run_history(cluster: Cluster, place: str, every_ms: int) -> None:
    try:
        open_store(place, cluster.pipeline.grid_size).close()  # what can't be opened now is the operator's mistake
        sites = Sites()
        with _following(cluster, lambda shared: sites.replace(shared.sites)):
            HistoryWorker(cluster, sites, place, every_ms=every_ms).run()
    except HistoryError as error:
        raise StartError(str(error)) from error


def _run_group_by(cluster: Cluster) -> None:
    sites, ruled = Sites(), Ruled(cluster.partitions)

    def changed(shared: Shared) -> None:
        sites.replace(shared.sites)
        ruled.replace(shared.rules)

    wishes = Wishes()
    life = Life(logger)

    def work() -> None:
        app = group_by_application(cluster, sites, ruled, wishes)
        _heeding(app, life)
        if life.running:
            app.run()

    with _following(cluster, changed), _asked(cluster, wishes):
        life.live(work)


def _heeding(app: Application, life: Life) -> None:
    """Signals that the application takes, as it does from its run on, end the life as well: one that comes while it fails, or before
    it has begun anew, is not forgotten. One that comes before it takes them ends it too (`Life`)."""
    stop = life.end_work = app.stop

    def heed(fail: bool = False) -> None:
        if not fail:
            life.stop()
        stop(fail)

    app.stop = heed  # type: ignore[method-assign]


@contextmanager
def _following(cluster: Cluster, changed: Callable[[Shared], None]) -> Iterator[None]:
    """What all processes share is known, and followed."""
    following = Follower(cluster, changed)
    try:
        following.wait()
        yield
    finally:
        following.close()


@contextmanager
def _asked(cluster: Cluster, wishes: Wishes) -> Iterator[None]:
    """Which pages' parts are asked for is known, and followed."""
    following = WishFollower(cluster, wishes, Clock(cluster.pipeline.skew_ms).now_ms)
    try:
        following.wait()
        yield
    finally:
        following.close()

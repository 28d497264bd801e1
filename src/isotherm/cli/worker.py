"""`isotherm worker`: one stage of the pipeline on Kafka. Start as many as there are partitions."""

from __future__ import annotations

from typing import Any

import click

from isotherm.cli.history_options import history_options, store_option
from isotherm.cli.kafka_options import kafka_of, kafka_options
from isotherm.cli.logs import begin_logging, tell_how_it_counts
from isotherm.cli.options import Duration, data_option, option, pipeline_options, webhook_option
from isotherm.cli.serve import check_networks, pipeline_of, webhooks_of

__all__ = ["worker"]


@click.command()
@click.argument("stage", type=click.Choice(["group-by", "aggregate", "history", "webhooks"]))
@kafka_options
@pipeline_options
@option(
    "--publish",
    type=click.Choice(["all", "watched"]),
    default="all",
    help="`aggregate`: heat of all pages, or only of those that somebody watches.",
)
@store_option("`history`: where it is kept: a file of SQLite, or postgresql://USER@HOST/DATABASE. Left out: history.sqlite under --data.")
@option("--store-every", "store_every_ms", type=Duration(), default="1m", help="`history`: how often what came in is stored.")
@history_options
@webhook_option
@data_option("isotherm-data")
def worker(stage: str, publish: str, store: str | None, store_every_ms: int, webhooks_allowed: tuple[str, ...], **options: Any) -> None:
    """One stage as a member of a consumer group: group-by, aggregate, history or webhooks."""
    pipeline = pipeline_of(options)
    if stage == "history" and (pipeline.retention is None or store_every_ms <= 0):
        raise click.UsageError("a worker that keeps history does so: leave out --no-history, and give --store-every above 0")
    kafka = kafka_of(options)
    if kafka is None:
        raise click.UsageError("a worker runs on Kafka: give its brokers with --kafka")
    webhooks = webhooks_of(click.get_current_context())
    if stage == "webhooks":
        if not webhooks:
            raise click.UsageError("no webhook stands in the settings file: name one as [[webhooks]] in isotherm.toml (docs/reactions.md)")
        check_networks(webhooks_allowed)
    begin_logging()
    tell_how_it_counts()
    from isotherm.runtimes.kafka.workers import run_worker

    run_worker(
        stage,
        kafka,
        pipeline,
        publish_all=publish == "all",
        store=store,
        store_every_ms=store_every_ms,
        webhooks=webhooks,
        webhooks_allowed=webhooks_allowed,
    )

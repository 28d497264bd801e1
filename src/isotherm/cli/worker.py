"""`isotherm worker`: one stage of the pipeline on Kafka. Start as many as there are partitions."""

from __future__ import annotations

from typing import Any

import click

from isotherm.cli.kafka_options import kafka_of, kafka_options
from isotherm.cli.logs import begin_logging, tell_how_it_counts
from isotherm.cli.options import CliError, data_option, option, pipeline_options
from isotherm.cli.serve import pipeline_of

__all__ = ["worker"]


@click.command()
@click.argument("stage", type=click.Choice(["group-by", "aggregate", "history"]))
@kafka_options
@pipeline_options
@option(
    "--publish",
    type=click.Choice(["all", "watched"]),
    default="all",
    help="`aggregate`: heat of all pages, or only of those that somebody watches.",
)
@data_option("isotherm-data")
def worker(stage: str, publish: str, **options: Any) -> None:
    """One stage as a member of a consumer group: group-by or aggregate."""
    if stage == "history":
        raise CliError("this release keeps no history: start the workers group-by and aggregate")
    pipeline = pipeline_of(options)
    kafka = kafka_of(options)
    if kafka is None:
        raise click.UsageError("a worker runs on Kafka: give its brokers with --kafka")
    begin_logging()
    tell_how_it_counts()
    from isotherm.runtimes.kafka.workers import run_worker

    run_worker(stage, kafka, pipeline, publish_all=publish == "all")

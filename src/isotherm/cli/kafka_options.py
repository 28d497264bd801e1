"""The options of the Kafka runtime, and the settings made from them. Its libraries are loaded only where it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from isotherm.cli.options import CliError, option

if TYPE_CHECKING:
    from isotherm.runtimes.kafka.connection import KafkaSettings

__all__ = ["kafka_of", "kafka_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:,/]+):\d{1,5}")


def kafka_options(command: Command) -> Command:
    """Where Kafka is and how the pipeline lies on it."""
    for add in (
        option("--partitions", type=click.IntRange(1, 10_000), default=8, help="With --kafka: partitions of the topics."),
        option(
            "--kafka-config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="With --kafka: file of librdkafka properties, name=value a line (SASL, TLS).",
        ),
        option("--kafka", metavar="HOST:PORT,…", help="Run on Apache Kafka: these are its brokers."),
    ):
        command = add(command)
    return command


def kafka_of(options: dict[str, Any]) -> KafkaSettings | None:
    """The settings; None: without Kafka. Raises `click.UsageError`, `CliError`, `StartError`."""
    servers = options["kafka"]
    if not servers:
        if options["kafka_config"] is not None:
            raise click.UsageError("--kafka-config says how to talk to Kafka: give its brokers with --kafka")
        return None
    for server in servers.split(","):
        if not _SERVER.fullmatch(server.strip()):
            raise click.UsageError(f"expected --kafka as HOST:PORT, several with commas between, got {servers!r}")
    try:
        from isotherm.runtimes.kafka.connection import KafkaSettings, read_properties
    except ImportError as error:
        raise CliError(f"Kafka's client libraries are missing ({error.name}): install isotherm[kafka]") from error
    file = options["kafka_config"]
    return KafkaSettings(servers, options["partitions"], read_properties(file) if file is not None else {})

"""The options of the Kafka runtime, and the settings made from them. Its libraries are loaded only where it is asked for."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from isotherm.cli.options import CliError, option

if TYPE_CHECKING:
    from isotherm.runtimes.kafka.connection import KafkaSettings

__all__ = ["kafka_of", "kafka_options", "kafka_place_options", "with_workers"]

Command = TypeVar("Command", bound=Callable[..., Any])

_WHERE: Final = (
    option(
        "--kafka-config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="With --kafka: file of librdkafka properties, name=value a line (SASL, TLS).",
    ),
    option("--kafka", metavar="HOST:PORT,…", help="Run on Apache Kafka: these are its brokers."),
)
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:,/]+):\d{1,5}")


def kafka_options(command: Command) -> Command:
    """Where Kafka is and how the pipeline lies on it."""
    partitions = option("--partitions", type=click.IntRange(1, 10_000), default=8, help="With --kafka: partitions of the topics.")
    return kafka_place_options(partitions(command))


def kafka_place_options(command: Command) -> Command:
    """Where Kafka is."""
    for add in _WHERE:
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
    return KafkaSettings(servers, options.get("partitions", 8), read_properties(file) if file is not None else {})


async def with_workers(options: dict[str, Any], beside: Coroutine[Any, Any, None] | None) -> None:
    """Runs one worker of each stage, as processes of their own with the same options, as long as `beside` runs (None: until cancelled)."""
    same = [
        "--kafka", options["kafka"], "--partitions", str(options["partitions"]), "--topic-prefix", options["topic_prefix"],
        "--window", f"{options['window_ms']}ms", "--hop", f"{options['hop_ms']}ms", "--grid-size", str(options["grid_size"]),
        "--max-skew", f"{options['skew_ms']}ms", "--samples-a-tile", str(options["samples_a_tile_max"]),
    ]  # fmt: skip
    if options["kafka_config"] is not None:
        same += ["--kafka-config", str(options["kafka_config"])]
    workers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "isotherm", "worker", stage, *same, "--data", str(options["data"] / stage), start_new_session=True
        )
        for stage in ("group-by", "aggregate")
    ]
    try:
        await (beside if beside is not None else asyncio.Event().wait())
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.terminate()
        await asyncio.gather(*(worker.wait() for worker in workers))

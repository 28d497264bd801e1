"""Which book a command changes: that of a data folder, or that of servers on Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from isotherm.access.book import Book, FolderBook
from isotherm.cli.kafka_options import kafka_of, kafka_place_options
from isotherm.cli.options import CliError, data_option, option

__all__ = ["book_of", "book_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def book_options(command: Command) -> Command:
    """Where the book is."""
    prefix = option("--topic-prefix", default="", help="With --kafka: what stands before all topics' names.")
    return data_option("isotherm-data")(kafka_place_options(prefix(command)))


def book_of(options: dict[str, Any]) -> Book:
    """Raises `CliError`, `StartError`, `click.UsageError`."""
    kafka = kafka_of(options)
    if kafka is None:
        data: Path = options["data"]
        _must_be_embedded(data)
        return FolderBook(data)
    from isotherm.runtimes.kafka.book import KafkaBook

    return KafkaBook(kafka, options["topic_prefix"])


def _must_be_embedded(data: Path) -> None:
    """What is changed in the folder of a gateway on Kafka would have no effect."""
    try:
        servers = json.loads((data / "server.json").read_text()).get("kafka")
    except (OSError, ValueError, AttributeError):
        return
    if servers:
        raise CliError(f"the server of {data} runs on Kafka, where all gateways share these settings: give --kafka {servers}")

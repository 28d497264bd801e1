"""The options of the history: how long it is kept, how large it may be, and how many people a tile must have to be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from isotherm.cli.limit_options import Size
from isotherm.cli.options import Duration, option
from isotherm.history import Retention

__all__ = ["history_options", "people_option", "retention_of", "store_option"]

Command = TypeVar("Command", bound=Callable[..., Any])


def history_options(command: Command) -> Command:
    """What is kept of the past."""
    for add in reversed(
        (
            option("--history/--no-history", default=True, help="Keep past heat."),
            option("--history-minutes", "history_minutes_ms", type=Duration(), default="2d", help="How long minutes are kept."),
            option("--history-hours", "history_hours_ms", type=Duration(), default="31d", help="How long hours are kept."),
            option("--history-days", "history_days_ms", type=Duration(), default="400d", help="How long days are kept."),
            option(
                "--history-size",
                "history_bytes_max",
                type=Size(),
                default="4GiB",
                help="Bytes of the history; beyond it the oldest minutes go, then hours, then days.",
            ),
        )
    ):
        command = add(command)
    return command


def people_option(command: Command) -> Command:
    return option(
        "--min-people",
        "people_min",
        type=click.IntRange(0, 1000),
        default=0,
        help="A tile with fewer people is not shown and not exported; 0: all are.",
    )(command)


def store_option(help_: str) -> Callable[[Command], Command]:
    """Where a history on Kafka lies."""
    return option("--store", metavar="FILE|URL", help=help_)


def retention_of(options: dict[str, Any]) -> Retention | None:
    """None: no history is kept. Raises `click.UsageError`."""
    if not options.get("history", False):
        return None
    if not options["history_minutes_ms"] <= options["history_hours_ms"] <= options["history_days_ms"]:
        raise click.UsageError("expected --history-minutes to be at most --history-hours, and that at most --history-days")
    return Retention(*(options[name] for name in ("history_minutes_ms", "history_hours_ms", "history_days_ms", "history_bytes_max")))

"""The options, each declared once: name, environment variable, default, one line of help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import uvloop

from isotherm.config import ConfigError, parse_duration_ms

__all__ = [
    "RULES",
    "WEBHOOKS",
    "CliError",
    "Duration",
    "data_option",
    "option",
    "pipeline_options",
    "run",
    "server_options",
    "url_options",
    "webhook_option",
]

RULES: Final = "isotherm.rules"  #: where the command line keeps the rules of the settings file
WEBHOOKS: Final = "isotherm.webhooks"  #: and the webhooks

Command = TypeVar("Command", bound=Callable[..., Any])


class CliError(Exception):
    """A command can't do what it was asked; the message says why and what to do, in one line."""


class Duration(click.ParamType[int]):
    """A duration such as 250ms, 10s or 5m; ms inside."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_duration_ms(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """A click option that is also read from ``ISOTHERM_<OPTION>``."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    settings.setdefault("envvar", "ISOTHERM_" + long.removeprefix("--").replace("-", "_").upper())
    settings.setdefault("show_default", True)
    return click.option(*names, **settings)


class Folder(click.Path):
    """A folder that is there or can be made: nothing above it is a file."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        folder = Path(value)
        in_the_way = next((above for above in folder.parents if above.is_file()), None)
        if in_the_way is not None:
            self.fail(f"no folder can be in '{in_the_way}', which is a file; name another", param, ctx)
        return super().convert(value, param, ctx)


def data_option(default: str) -> Callable[[Command], Command]:
    return option("--data", type=Folder(), default=default, help="Folder of all state. Nothing is written elsewhere.")


_PIPELINE: Final = (
    option("--window", "window_ms", type=Duration(), default="5m", help="Size of the hopping window."),
    option("--hop", "hop_ms", type=Duration(), default="250ms", help="Time between windows; the window is a multiple of it."),
    option("--grid-size", type=click.IntRange(2, 400), default=50, help="Tiles a side, 2 to 400."),
    option("--max-skew", "skew_ms", type=Duration(), default="10s", help="How far a timestamp may lie ahead of the clock."),
    option(
        "--samples-a-tile",
        "samples_a_tile_max",
        type=click.IntRange(0),
        default=0,
        help="Samples of a session counted on one tile in one hop; 0: all.",
    ),
    option("--topic-prefix", default="", help="Put before all topics' names."),
)

webhook_option = option(
    "--webhook-allow",
    "webhooks_allowed",
    multiple=True,
    help="Address or network that is not public, or has no https, to which webhooks may go all the same; repeatable.",
)

_SERVER: Final = (
    option("--host", default="127.0.0.1", help="Address to listen on."),
    option("--port", type=click.IntRange(0, 65535), default=8000, help="Port to listen on; 0: any that is free."),
    option("--viewer-token", help="The viewers' token. Left out: one is made at the first start."),
    option("--open-heat/--no-open-heat", default=False, help="Let everyone see the heat, without a token."),
    option("--origin", "origins", multiple=True, help="Origin that may send, such as https://shop.example; repeatable. None: any."),
    option(
        "--classic-hosts",
        is_flag=False,
        flag_value="",
        default=None,
        metavar="[DIR]",
        help="Take clickstream.* and heatmap-ws.* as the tutorial's sockets; serve DIR/webshop and DIR/heatmap on such hosts.",
    ),
    option("--trust-senders/--no-trust-senders", default=False, help="No rate limits, nobody judged a bot: for tests and replays."),
    option("--count-bots/--no-count-bots", default=False, help="Count crawlers and automated browsers like people."),
    option("--trusted-proxy", "trusted_proxies", multiple=True, help="Address or network whose X-Forwarded-* is believed; repeatable."),
    webhook_option,
    option("--tracker-name", default="tracker.js", help="Serve the tracker under this name as well."),
    option("--ingest-path", default="/clickstream", help="Take events under this path as well."),
)

_URL: Final = (
    option("--url", default="http://127.0.0.1:8000", help="Address of the server."),
)


def _all(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for add in reversed(options):
            command = add(command)
        return command

    return decorate


def pipeline_options(command: Command) -> Command:
    """What all processes of one pipeline must agree on."""
    return _all(_PIPELINE)(command)


def server_options(command: Command) -> Command:
    """How the server shows itself, and who may send and look."""
    return _all(_SERVER)(command)


def url_options(command: Command) -> Command:
    """Which server a client talks to."""
    return _all(_URL)(command)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a command's coroutine on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)

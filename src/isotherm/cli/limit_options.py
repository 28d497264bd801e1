"""One option for each of `Limits`, made from its fields, so that a limit is declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final, TypeVar

import click

from isotherm.cli.options import Duration, option
from isotherm.config import ConfigError, parse_size_bytes
from isotherm.core.limits import Limits

__all__ = ["limit_options", "limits_of"]

Command = TypeVar("Command", bound=Callable[..., Any])
_AT_MOST: Final = {"batch_samples_max": 1000, "path_bytes_max": 2048}  #: what the wire format allows


class Size(click.ParamType[int]):
    """A size such as 64KiB or 1MiB; bytes inside."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_size_bytes(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)


def limit_options(command: Command) -> Command:
    """What the server bears."""
    for limit in reversed(fields(Limits)):
        unit, default = limit.metadata["unit"], limit.default
        type_: click.ParamType[Any] = click.IntRange(1, _AT_MOST.get(limit.name))
        if unit == "size":
            type_, default = Size(), _written(default, (("MiB", 1024**2), ("KiB", 1024), ("B", 1)))
        elif unit == "duration":
            type_, default = Duration(), _written(default, (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)))
        command = option(limit.metadata["option"], limit.name, type=type_, default=default, help=limit.metadata["help"])(command)
    return command


def limits_of(options: dict[str, Any]) -> Limits:
    """The limits of a command's options; those of a command that has none are the defaults."""
    return Limits(**{limit.name: options[limit.name] for limit in fields(Limits) if limit.name in options})


def _written(value: int, units: tuple[tuple[str, int], ...]) -> str:
    unit, size = next((unit, size) for unit, size in units if value % size == 0)
    return f"{value // size}{unit}"

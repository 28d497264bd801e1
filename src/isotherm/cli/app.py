"""The command group: which commands there are, and where their defaults come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

import isotherm
from isotherm import certificates
from isotherm.cli.options import RULES, WEBHOOKS
from isotherm.config import ConfigError, read_config, read_rules, read_webhooks

__all__ = ["app"]

COMMANDS: Final = ("backup", "demo", "erase", "login", "replay", "serve", "simulate", "site", "token", "topics", "worker")


class Commands(click.Group):
    """One file a command, which is imported when it is asked for: who makes a login link waits for no server's modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with certificates.unread():
            command: click.Command = getattr(import_module(f"isotherm.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.version_option(isotherm.__version__, package_name="isotherm")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="ISOTHERM_CONFIG",
    help="Settings file. Without it, isotherm.toml in this folder is read if there is one.",
)
@click.pass_context
def app(context: click.Context, config: Path | None) -> None:
    """A real-time heat map of how people use a website.

    Every option can also be set in isotherm.toml, or in the environment as ISOTHERM_OPTION.
    """
    apply_config(context, config)


def apply_config(context: click.Context, config: Path | None) -> None:
    """Makes the file's settings the defaults of all commands. Raises `ConfigError` for an option that no command has."""
    path = config or Path("isotherm.toml")
    if config is None and not path.is_file():
        return
    commands = {name: command for name in COMMANDS if (command := app.get_command(context, name)) is not None}
    settings = read_config(path, set(commands))
    context.meta[RULES] = read_rules(path)
    context.meta[WEBHOOKS] = read_webhooks(path)
    known = set().union(*(_parameter_of_option(command) for command in _all_commands(commands.values())))
    for table, values in settings.items():
        for name in values.keys() - known:
            raise ConfigError(_unknown(path, table, name, values[name]))
    common = settings.pop("")
    context.default_map = {name: _defaults(commands[name], common | values) for name, values in settings.items()}


def _unknown(path: Path, table: str, name: str, value: object) -> str:
    """What to say of a key that is no command's option, by where it stands (`table` ``""``: at the top of the file)."""
    key = name.replace("_", "-")
    if isinstance(value, dict) and not table:
        return f"unknown table [{key}] in {path}; a table has the name of a command, `isotherm --help` lists them"
    if isinstance(value, dict):
        return f"unknown table [{table}.{key}] in {path}; options of `isotherm {table}` stand in [{table}] itself"
    where = f"in [{table}]" if table else "at the top"
    return f"unknown option {key!r} {where} of {path}; `isotherm {table or 'serve'} --help` lists what there is"


def _defaults(command: click.Command, values: dict[str, Any]) -> dict[str, Any]:
    """A command's defaults; those of a group's commands lie within its own, as click wants them."""
    options = _parameter_of_option(command)
    defaults = {options[name]: value for name, value in values.items() if name in options}
    if isinstance(command, click.Group):
        defaults |= {name: _defaults(inner, values) for name, inner in command.commands.items()}
    return defaults


def _all_commands(commands: Iterable[click.Command]) -> Iterator[click.Command]:
    for command in commands:
        yield command
        if isinstance(command, click.Group):
            yield from _all_commands(command.commands.values())


def _parameter_of_option(command: click.Command) -> dict[str, str]:
    """The names of a command's options, as a file has them, and the parameters that they set."""
    return {
        long.removeprefix("--").replace("-", "_"): str(option.name)
        for option in command.params
        for long in option.opts
        if long.startswith("--")
    }

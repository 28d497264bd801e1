"""The command group: which commands there are, and where their defaults come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import isotherm
from isotherm.cli.backup import backup
from isotherm.cli.demo import demo
from isotherm.cli.erase import erase
from isotherm.cli.login import login
from isotherm.cli.replay import replay
from isotherm.cli.serve import RULES, WEBHOOKS, serve
from isotherm.cli.simulate import simulate
from isotherm.cli.site import site
from isotherm.cli.token import token
from isotherm.cli.topics import topics
from isotherm.cli.worker import worker
from isotherm.config import ConfigError, read_config, read_rules, read_webhooks

__all__ = ["app"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
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
    settings = read_config(path, set(app.commands))
    context.meta[RULES] = read_rules(path)
    context.meta[WEBHOOKS] = read_webhooks(path)
    known = set().union(*(_parameter_of_option(command) for command in _all_commands(app)))
    for command, values in settings.items():
        for name in values.keys() - known:
            raise ConfigError(f"unknown option {name.replace('_', '-')!r} in {path}; `isotherm {command} --help` lists what there is")
    context.default_map = {command: _defaults(app.commands[command], values) for command, values in settings.items()}


def _defaults(command: click.Command, values: dict[str, Any]) -> dict[str, Any]:
    """A command's defaults; those of a group's commands lie within its own, as click wants them."""
    options = _parameter_of_option(command)
    defaults = {options[name]: value for name, value in values.items() if name in options}
    if isinstance(command, click.Group):
        defaults |= {name: _defaults(inner, values) for name, inner in command.commands.items()}
    return defaults


def _all_commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from _all_commands(command)


def _parameter_of_option(command: click.Command) -> dict[str, str]:
    """The names of a command's options, as a file has them, and the parameters that they set."""
    return {
        long.removeprefix("--").replace("-", "_"): str(option.name)
        for option in command.params
        for long in option.opts
        if long.startswith("--")
    }


for command in (demo, serve, login, simulate, replay, topics, worker, site, token, backup, erase):
    app.add_command(command)

"""The documents and the program: each option, command, topic and file stands in them, and nothing that there is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import click

from isotherm.cli.app import app
from isotherm.runtimes.kafka.connection import DELIVERIES, INTEREST, SETTINGS
from isotherm.runtimes.topics import Topics
from tests.end_to_end.conftest import Serve, serve
from tests.serving import batch

__all__ = ["serve"]

ROOT = Path(__file__).parents[1]
DOCS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "SECURITY.md"]
TEXT = "\n".join(path.read_text() for path in DOCS)
PRIVACY = (ROOT / "docs" / "privacy.md").read_text()
OF_OTHERS = {"--help", "--minutes", "--offline"}  #: click's, the soak's, docker's; a test of deploy.md runs what it gives


def commands(command: click.Command = app, *names: str) -> Iterator[tuple[str, click.Command]]:
    """All of them, with their names."""
    if names:
        yield " ".join(names), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            assert one is not None
            yield from commands(one, *names, name)


def options() -> set[str]:
    """Each option once; of a pair that switches, the one that is no `--no-` stands for both, unless only that is written about."""
    found = {"--version"}
    for command in (app, *(one for _, one in commands())):
        found |= {opt for parameter in command.params for opt in parameter.opts if opt.startswith("--")}
    return found


def opposites() -> dict[str, str]:
    return {
        parameter.opts[0]: parameter.secondary_opts[0]
        for _, command in commands()
        for parameter in command.params
        if parameter.secondary_opts and parameter.opts
    }


def test_each_option_stands_in_a_document() -> None:
    """By its name, or as what switches it off; and no document names one that there is not."""
    said, opposite = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![\w*-])", TEXT)), opposites()
    missing = {one for one in options() if one not in said and opposite.get(one) not in said}
    assert not missing
    assert said - options() - set(opposite.values()) == OF_OTHERS


def test_each_command_stands_in_a_document() -> None:
    """As one would type it."""
    assert not [name for name, command in commands() if not isinstance(command, click.Group) and f"isotherm {name}" not in TEXT]


def test_what_stands_on_kafka_is_told() -> None:
    """Each topic, in what is written of privacy."""
    topics = {Topics.CLICKSTREAM, Topics.GROUPED, Topics.HEATMAP, Topics.DEAD_LETTER, Topics.REACTIONS, DELIVERIES, INTEREST, SETTINGS}
    assert not [topic for topic in topics if f"`{topic}`" not in PRIVACY]


async def test_what_stands_on_the_disk_is_told(serve: Serve, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Each file and folder that a server makes, in what is written of privacy."""
    served = await serve("--open-heat")
    async with http.ws_connect(f"{served.ws}/clickstream/s") as socket:
        await socket.send_json(batch(1, [1]))
        while await socket.receive_json(timeout=20) != {"ack": 1}:
            pass
    during = {path.name for path in (tmp_path / "data").iterdir()}
    assert await served.stop() == 0
    made = during | {path.name for path in (tmp_path / "data").iterdir()}
    kept = {re.sub(r"-(wal|shm|journal)$", "", name) for name in made} - {"lock"}
    assert "log.sqlite" in kept
    assert not [name for name in kept if f"`{name}" not in PRIVACY]

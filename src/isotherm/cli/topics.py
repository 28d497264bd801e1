"""`isotherm topics`, `isotherm topics tail`: the topics with their rates; live messages as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import aiohttp
import click

from isotherm.certificates import verified
from isotherm.cli.kafka_options import kafka_of, kafka_options
from isotherm.cli.options import CliError, option, run, url_options
from isotherm.runtimes.topics import Message

__all__ = ["topics"]


def _token_option(command: Any) -> Any:
    return option("--viewer-token", help="The viewers' token; not needed where the heat is open.")(command)


@click.group(invoke_without_command=True)
@url_options
@_token_option
@kafka_options
@option("--topic-prefix", default="", help="With --kafka: what stands before all topics' names.")
@click.pass_context
def topics(context: click.Context, /, url: str, viewer_token: str | None, topic_prefix: str, **options: Any) -> None:
    """The topics with their rates, as a server shows them or, with --kafka, as the brokers have them."""
    kafka = kafka_of(options)
    context.obj = (url, viewer_token, kafka, topic_prefix)
    if context.invoked_subcommand is not None:
        return
    if kafka is not None:
        from isotherm.runtimes.kafka.observer import watch_figures

        _show(watch_figures(kafka, topic_prefix))
    else:
        run(_list(url, viewer_token))


@topics.command()
@click.argument("name")
@option("--key", default=None, help="Only messages of this key, such as default/p/1.")
@option("--messages", "most", type=click.IntRange(1), default=None, help="End after so many.")
@option("--url", default=None, help="Address of the server.", show_default=False)
@option("--viewer-token", default=None, help="The viewers' token.")
@click.pass_context
def tail(context: click.Context, name: str, key: str | None, most: int | None, url: str | None, viewer_token: str | None) -> None:
    """Live messages of one topic as JSON lines."""
    given_url, given_token, kafka, prefix = context.obj
    if kafka is not None:
        from isotherm.runtimes.kafka.observer import watch_messages

        _print(watch_messages(kafka, prefix, name), key, most)
        return
    run(_tail(url or given_url, viewer_token or given_token, name, key, most))


def _session(url: str, token: str | None) -> aiohttp.ClientSession:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return aiohttp.ClientSession(url.rstrip("/") + "/", headers=headers, connector=aiohttp.TCPConnector(ssl=verified()))


async def _list(url: str, token: str | None) -> None:
    async with _session(url, token) as session:
        try:
            async with session.get("api/topics") as answer:
                _check(answer.status, url)
                found = (await answer.json())["topics"]
        except aiohttp.ClientError as error:
            raise CliError(f"can't reach {url}: {error}") from None
    _show(found)


def _print(messages: Iterable[Message], key: str | None, most: int | None) -> None:
    shown = 0
    for message in messages:
        if key is None or message.key == key:
            click.echo(message.as_json())
            shown += 1
            if shown == most:
                return


def _show(found: list[dict[str, Any]]) -> None:
    click.echo(f"{'TOPIC':<28} {'PARTITIONS':>10} {'MESSAGES':>12} {'MESSAGES/S':>11} {'BYTES/S':>11} {'LAG':>7}")
    for topic in found:
        size = "–" if topic["bytes_per_second"] is None else f"{topic['bytes_per_second']:,.0f}"
        lag = "–" if topic["lag"] is None else str(topic["lag"])
        rate = f"{topic['messages_per_second']:,.1f}"
        click.echo(f"{topic['name']:<28} {topic['partitions']:>10} {topic['messages']:>12,} {rate:>11} {size:>11} {lag:>7}")


async def _tail(url: str, token: str | None, name: str, key: str | None, most: int | None) -> None:
    async with _session(url, token) as session:
        try:
            async with session.ws_connect(f"api/topics/{name}", params={"key": key} if key else {}, max_msg_size=0) as socket:
                shown = 0
                async for message in socket:
                    sys.stdout.write(message.data + "\n")
                    sys.stdout.flush()
                    shown += 1
                    if shown == most:
                        return
        except aiohttp.WSServerHandshakeError as error:
            _check(error.status, url, name)
        except aiohttp.ClientError as error:
            raise CliError(f"can't reach {url}: {error}") from None


def _check(status: int, url: str, name: str = "") -> None:
    if status == 401:
        raise CliError(f"{url} wants a viewer token: give it with --viewer-token")
    if status == 404:
        raise CliError(f"{url} has no topic {name!r}; `isotherm topics` lists them")
    if status != 200:
        raise CliError(f"{url} answered {status}")

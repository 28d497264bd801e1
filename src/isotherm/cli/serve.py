"""`isotherm serve`: the server for real sites."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from isotherm.access.keys import Keys
from isotherm.cli.options import data_option, pipeline_options, run, server_options
from isotherm.core.pages import DEFAULT_SITE
from isotherm.core.sites import Site, Sites
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import PipelineSettings, StartError
from isotherm.runtimes.server import Server, ServerSettings

__all__ = ["serve", "serve_until_stopped", "settings_of"]


@click.command()
@server_options
@pipeline_options
@data_option("isotherm-data")
def serve(**options: Any) -> None:
    """The server for real sites: takes events, keeps the heat, shows it to those with a token."""
    run(serve_until_stopped(*settings_of(options), origins=options["origins"], viewer_token=options["viewer_token"], announce=_announce))


def settings_of(options: dict[str, Any]) -> tuple[PipelineSettings, ServerSettings]:
    """The constructors' settings from a command's options. Raises `click.UsageError` where they do not fit together."""
    if options["window_ms"] % options["hop_ms"]:
        raise click.UsageError(f"expected --window ({options['window_ms']}ms) to be a multiple of --hop ({options['hop_ms']}ms)")
    classic = options["classic_hosts"]
    folder = Path(classic) if classic else None
    if folder is not None and not folder.is_dir():
        raise click.UsageError(f"no folder {folder} for --classic-hosts")
    for origin in options["origins"]:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            raise click.UsageError(f"expected --origin as scheme and host, such as https://shop.example, got {origin!r}")
    pipeline = PipelineSettings(
        data=options["data"],
        window_ms=options["window_ms"],
        hop_ms=options["hop_ms"],
        grid_size=options["grid_size"],
        skew_ms=options["skew_ms"],
        topic_prefix=options["topic_prefix"],
    )
    server = ServerSettings(
        host=options["host"],
        port=options["port"],
        open_heat=options["open_heat"],
        tracker_name=options["tracker_name"],
        ingest_path=options["ingest_path"],
        classic=classic is not None,
        classic_hosts=folder,
    )
    return pipeline, server


async def serve_until_stopped(
    pipeline_settings: PipelineSettings,
    server_settings: ServerSettings,
    *,
    origins: tuple[str, ...],
    viewer_token: str | None,
    announce: Callable[[Server, Keys, Embedded], None],
    beside: Callable[[Server], Awaitable[None]] | None = None,
) -> None:
    """Starts, announces, runs `beside` (if any) until SIGTERM or Ctrl-C, and stops so that nothing accepted is lost."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    sites = Sites({DEFAULT_SITE: Site(DEFAULT_SITE, frozenset(origins))})
    pipeline = Embedded(pipeline_settings, sites)
    await pipeline.start()
    try:
        keys = Keys(pipeline_settings.data / "access.sqlite", viewer_token)
        try:
            server = Server(pipeline, keys, server_settings)
        except ValueError as error:  # names that can't be part of a script
            raise StartError(str(error)) from error
        await server.start()
    except BaseException:
        await pipeline.stop()
        raise
    (pipeline_settings.data / "server.json").write_text(json.dumps({"address": server.address}))
    announce(server, keys, pipeline)
    beside_task = asyncio.ensure_future(beside(server)) if beside is not None else None
    try:
        await stopped.wait()
    finally:
        if beside_task is not None:
            beside_task.cancel()
            await asyncio.gather(beside_task, return_exceptions=True)
        await server.stop()
        keys.close()


def _announce(server: Server, keys: Keys, pipeline: Embedded) -> None:
    click.echo(f"Isotherm listens on {server.address}")
    token = keys.first_token()
    if token is not None:
        click.echo(f"Viewer token, shown this once: {token}")
    if sys.stdout.isatty():
        code = keys.new_code(pipeline.clock.now_ms())
        click.echo(f"Dashboard, within ten minutes: {server.address}/login?code={code}")
    sys.stdout.flush()



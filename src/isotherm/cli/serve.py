"""`isotherm serve`: the server for real sites."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isotherm.access.book import Book
from isotherm.access.keys import Keys
from isotherm.access.settings import Settings, SettingsError
from isotherm.addresses import AddressError, Proxies
from isotherm.cli.history_options import history_options, people_option, retention_of, store_option
from isotherm.cli.kafka_options import kafka_of, kafka_options
from isotherm.cli.limit_options import limit_options, limits_of
from isotherm.cli.logs import begin_logging, tell_how_it_counts
from isotherm.cli.options import RULES, WEBHOOKS, data_option, pipeline_options, run, server_options
from isotherm.core.rules import Rule
from isotherm.core.sites import Site, SiteError, Sites, normal_origin, with_origins
from isotherm.core.webhooks import Webhook
from isotherm.runtimes.collecting import Collecting
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import Pipeline, PipelineSettings, Reactions, StartError
from isotherm.runtimes.reacting import Reacting
from isotherm.runtimes.server import Server, ServerSettings

if TYPE_CHECKING:
    from isotherm.runtimes.kafka.connection import KafkaSettings

__all__ = ["check_networks", "pipeline_of", "rules_of", "serve", "serve_until_stopped", "settings_of", "webhooks_of"]

logger = logging.getLogger(__name__)


@click.command()
@server_options
@pipeline_options
@kafka_options
@data_option("isotherm-data")
@store_option("With --kafka: where `worker history` keeps it, a file of SQLite or postgresql://USER@HOST/DATABASE. None: no past is shown.")
@history_options
@people_option
@limit_options
def serve(**options: Any) -> None:
    """The server for real sites: takes events, keeps the heat, shows it to those with a token."""
    pipeline, server = settings_of(options)
    kafka = kafka_of(options)
    if options["store"] is not None and kafka is None:
        raise click.UsageError("--store is where a history on Kafka lies: give the brokers with --kafka")
    context = click.get_current_context()
    rules, webhooks = rules_of(context), webhooks_of(context)
    run(
        serve_until_stopped(
            pipeline,
            server,
            kafka,
            origins=options["origins"],
            viewer_token=options["viewer_token"],
            announce=_announce,
            rules=rules,
            webhooks=webhooks,
            store=options["store"],
        )
    )


def rules_of(context: click.Context) -> list[Rule]:
    """The rules of the settings file."""
    return list(context.find_root().meta.get(RULES, []))


def webhooks_of(context: click.Context) -> list[Webhook]:
    """The webhooks of the settings file."""
    return list(context.find_root().meta.get(WEBHOOKS, []))


def check_networks(*networks: Sequence[str]) -> None:
    """Raises `click.UsageError` for what is no address or network."""
    try:
        for some in networks:
            Proxies(some)
    except AddressError as error:
        raise click.UsageError(str(error)) from None


def pipeline_of(options: dict[str, Any]) -> PipelineSettings:
    """What all processes of a pipeline agree on, from a command's options. Raises `click.UsageError`."""
    if options["window_ms"] % options["hop_ms"]:
        raise click.UsageError(f"expected --window ({options['window_ms']}ms) to be a multiple of --hop ({options['hop_ms']}ms)")
    return PipelineSettings(
        data=options["data"],
        window_ms=options["window_ms"],
        hop_ms=options["hop_ms"],
        grid_size=options["grid_size"],
        skew_ms=options["skew_ms"],
        topic_prefix=options["topic_prefix"],
        samples_a_tile_max=options["samples_a_tile_max"],
        retention=retention_of(options),
        people_min=options.get("people_min", 0),
    )


def settings_of(options: dict[str, Any]) -> tuple[PipelineSettings, ServerSettings]:
    """The constructors' settings from a command's options. Raises `click.UsageError` where they do not fit together."""
    pipeline = pipeline_of(options)
    classic = options["classic_hosts"]
    folder = Path(classic) if classic else None
    if folder is not None and not folder.is_dir():
        raise click.UsageError(f"no folder {folder} for --classic-hosts")
    try:
        for origin in options["origins"]:
            normal_origin(origin)
    except SiteError as error:
        raise click.UsageError(str(error)) from None
    check_networks(options["trusted_proxies"], options["webhooks_allowed"])
    server = ServerSettings(
        host=options["host"],
        port=options["port"],
        open_heat=options["open_heat"],
        tracker_name=options["tracker_name"],
        ingest_path=options["ingest_path"],
        classic=classic is not None,
        classic_hosts=folder,
        limits=limits_of(options),
        trusted_proxies=options["trusted_proxies"],
        trust_senders=options["trust_senders"],
        count_bots=options["count_bots"],
        webhooks_allowed=options["webhooks_allowed"],
    )
    return pipeline, server


async def serve_until_stopped(
    pipeline_settings: PipelineSettings,
    server_settings: ServerSettings,
    kafka: KafkaSettings | None = None,
    *,
    origins: tuple[str, ...],
    viewer_token: str | None,
    announce: Callable[[Server, Keys, Pipeline], None],
    beside: Callable[[Server], Awaitable[None]] | None = None,
    first_token: bool = True,
    rules: Sequence[Rule] = (),
    webhooks: Sequence[Webhook] = (),
    store: str | None = None,
) -> None:
    """Starts, announces, runs `beside` (if any) until SIGTERM or Ctrl-C, and stops so that nothing accepted is lost."""
    begin_logging()
    _allow_files()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    sites, own_origins = Sites(), frozenset(map(normal_origin, origins))
    look_around = None
    if kafka is None:
        watching = _SitesOfFolder(Settings(pipeline_settings.data / "settings.json"), sites, own_origins)
        watching.load()
        look_around = watching.look
    pipeline = _runtime(pipeline_settings, sites, kafka, own_origins, store)
    if not server_settings.trust_senders:
        pipeline.gate.judge_senders(
            server_settings.limits, count_bots=server_settings.count_bots, window_ms=pipeline_settings.window_ms
        )
    await pipeline.start()
    try:
        keys = Keys(pipeline_settings.data / "access.sqlite", viewer_token)
        await pipeline.share(keys, first_token=first_token)
        try:
            reacting = await _reacting(pipeline, rules, webhooks, server_settings.webhooks_allowed)
            book = _book(kafka, pipeline_settings.topic_prefix)
            server = Server(pipeline, keys, replace(server_settings, look_around=look_around), reacting, book)
        except ValueError as error:  # names that can't be part of a script
            raise StartError(str(error)) from error
        await server.start()
    except BaseException:
        await pipeline.stop()
        raise
    about = {"address": server.address, "kafka": kafka.servers if kafka is not None else None}
    (pipeline_settings.data / "server.json").write_text(json.dumps(about))
    collecting = asyncio.create_task(Collecting(lambda: server.connections).run())
    announce(server, keys, pipeline)
    beside_task = asyncio.ensure_future(beside(server)) if beside is not None else None
    try:
        await stopped.wait()
    finally:
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        if beside_task is not None:
            beside_task.cancel()
            await asyncio.gather(beside_task, return_exceptions=True)
        await server.stop()
        await reacting.close()
        keys.close()


def _runtime(
    settings: PipelineSettings, sites: Sites, kafka: KafkaSettings | None, origins: frozenset[str], store: str | None
) -> Pipeline:
    if kafka is None:
        return Embedded(settings, sites)
    from isotherm.runtimes.kafka.gateway import KafkaGateway

    return KafkaGateway(settings, sites, kafka, origins, store=store)


def _book(kafka: KafkaSettings | None, topic_prefix: str) -> Book | None:
    """What gateways share; None: the data folder's."""
    if kafka is None:
        return None
    from isotherm.runtimes.kafka.book import KafkaBook

    return KafkaBook(kafka, topic_prefix)


async def _reacting(pipeline: Pipeline, rules: Sequence[Rule], webhooks: Sequence[Webhook], allowed: Sequence[str]) -> Reactions:
    if isinstance(pipeline, Embedded):
        return Reacting(pipeline, rules, webhooks, allowed)
    from isotherm.runtimes.kafka.gateway import KafkaGateway
    from isotherm.runtimes.kafka.reacting import KafkaReacting

    assert isinstance(pipeline, KafkaGateway)
    reacting = KafkaReacting(pipeline, rules)
    await reacting.start()
    return reacting


class _SitesOfFolder:
    """Keeps the sites as the data folder's settings have them; `--origin` holds for the default site whatever they say."""

    def __init__(self, settings: Settings, sites: Sites, origins: frozenset[str]) -> None:
        self._settings = settings
        self._sites = sites
        self._origins = origins

    def load(self) -> None:
        """Raises `StartError`."""
        try:
            self._take(self._settings.sites())
        except SettingsError as error:
            raise StartError(str(error)) from error

    def look(self) -> None:
        """Takes what another process wrote since; where that can't be read, all stays as it was."""
        if not self._settings.changed():
            return
        try:
            self._take(self._settings.sites())
        except SettingsError as error:
            logger.error("the settings changed and can't be used; the sites stay as they were: %s", error)
            return
        logger.info("the settings changed: %d sites", len(self._sites.by_key))

    def _take(self, found: list[Site]) -> None:
        self._sites.replace(with_origins(found, self._origins))


def _allow_files() -> None:
    """A socket is a file: as many as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _announce(server: Server, keys: Keys, pipeline: Pipeline) -> None:
    click.echo(f"Isotherm listens on {server.address}")
    token = keys.first_token()
    if token is not None:
        click.echo(f"Viewer token, shown this once: {token}")
    if sys.stdout.isatty():
        code = keys.new_code(pipeline.clock.now_ms())
        click.echo(f"Dashboard, within ten minutes: {server.address}/login?code={code}")
    tell_how_it_counts()
    if pipeline.shown is not pipeline.source and (pipeline.zones is None or pipeline.history is None):
        click.echo("--min-people: nobody here knows who is on a page now (--kafka, --no-history), so no live heat is shown")
    sys.stdout.flush()

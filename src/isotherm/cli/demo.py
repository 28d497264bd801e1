"""`isotherm demo`: shop, visitors, pipeline and live overlay in one process."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from dataclasses import replace
from typing import Any

import click

from isotherm.access.keys import Keys
from isotherm.cli.history_options import history_options, people_option
from isotherm.cli.kafka_options import kafka_of, kafka_options, with_workers
from isotherm.cli.options import data_option, option, pipeline_options, run
from isotherm.cli.serve import serve_until_stopped, settings_of
from isotherm.core.rules import Rule
from isotherm.runtimes.pipeline import Pipeline
from isotherm.runtimes.server import Server

__all__ = ["demo"]

_FOREVER_S = 10 * 365 * 86_400.0
#: The shop answers to this one: the product that most people look at rises to the top of its home page.
_POPULAR = Rule(
    "popular now", "/shop/", "share", 0.12, zone="product-*", release=0.08, hold_ms=2000, people=3, cooldown_ms=10_000, in_page=True
)


@click.command()
@option("--host", default="127.0.0.1", help="Address to listen on.")
@option("--port", type=click.IntRange(0, 65535), default=8000, help="Port to listen on; 0: any that is free.")
@option("--visitors", type=click.IntRange(0, 5000), default=40, help="Simulated visitors at a time.")
@option("--seed", type=int, default=1, help="Seed of the simulated visitors.")
@option("--browser/--no-browser", default=True, help="Open the dashboard in a browser.")
@pipeline_options
@kafka_options
@history_options
@people_option
@data_option("isotherm-demo")
def demo(visitors: int, seed: int, browser: bool, **options: Any) -> None:
    """A shop with simulated visitors and its live heat map, all in this process."""
    options |= {
        "open_heat": True, "origins": (), "viewer_token": None, "classic_hosts": None,
        "trust_senders": True, "trusted_proxies": (), "webhooks_allowed": (),
        "count_bots": False, "tracker_name": "tracker.js", "ingest_path": "/clickstream",
    }  # fmt: skip
    from isotherm.runtimes.shop import add_shop

    pipeline, server = settings_of(options)
    kafka = kafka_of(options)

    def announce(running: Server, _keys: Keys, _pipeline: Pipeline) -> None:
        click.echo(f"Dashboard  {running.address}/")
        click.echo(f"Shop       {running.address}/shop/")
        click.echo(f"Topics     {running.address}/topics")
        click.echo(f"{visitors} simulated visitors are on their way. Ctrl-C stops.")
        sys.stdout.flush()
        if browser and _has_screen():
            asyncio.get_running_loop().run_in_executor(None, webbrowser.open, f"{running.address}/")

    async def beside(running: Server) -> None:
        await (visit(running) if kafka is None else with_workers(options, visit(running) if visitors else None))

    async def visit(running: Server) -> None:
        from isotherm.simulate import simulate

        await simulate(running.address, visitors=visitors, seconds=_FOREVER_S, seed=seed)

    run(
        serve_until_stopped(
            pipeline,
            replace(server, extra_pages=add_shop, open_rules=True),
            kafka,
            origins=(),
            viewer_token=None,
            announce=announce,
            first_token=False,  # nobody would be shown it, and the heat is open
            beside=beside if visitors or kafka is not None else None,
            rules=[_POPULAR],
        )
    )


def _has_screen() -> bool:
    """Whether a browser would open a window: without a screen, a text browser would take this terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))

"""What the server needs of a runtime, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from isotherm.access.keys import Keys
from isotherm.core.counters import Counters
from isotherm.core.exposure import Exposed
from isotherm.core.heat import AllPages
from isotherm.core.rules import Rule
from isotherm.core.zones import Zones
from isotherm.gateway.gate import Gate
from isotherm.history import History, Retention
from isotherm.live.groups import Groups
from isotherm.live.spots import SpotGroups
from isotherm.live.zones import Leagues
from isotherm.reactions.courier import AnyCourier
from isotherm.reactions.desk import AnyDesk
from isotherm.reactions.trial import Trial
from isotherm.runtimes.clock import Clock
from isotherm.runtimes.topics import Topics

__all__ = ["Pipeline", "PipelineSettings", "Reactions", "StartError"]


class StartError(Exception):
    """The runtime can't start; the message says why and what to do, in one line."""


@dataclass(slots=True, frozen=True)
class PipelineSettings:
    """What all processes of one pipeline agree on, and where state is kept."""

    data: Path
    window_ms: int = 300_000
    hop_ms: int = 250
    grid_size: int = 50
    skew_ms: int = 10_000
    topic_prefix: str = ""
    samples_a_tile_max: int = 0  #: of a session, in a pane; 0: all count
    retention: Retention | None = None  #: of the history; None: none is kept
    people_min: int = 0  #: a tile with fewer people is not shown; below 2: all are


class Reactions(Protocol):
    """What the server shows of rules and of what fires."""

    @property
    def desk(self) -> AnyDesk: ...
    @property
    def courier(self) -> AnyCourier: ...
    async def dry_run(self, rule: Rule, hours: int | None = None) -> Trial: ...
    async def close(self) -> None: ...


class Pipeline(Protocol):
    """A runtime: `start` it, let the server's endpoints talk to its rooms, `stop` it."""

    name: str
    settings: PipelineSettings
    clock: Clock
    counters: Counters
    gate: Gate
    groups: Groups
    spots: SpotGroups
    topics: Topics
    history: History | None

    @property
    def source(self) -> AllPages: ...
    @property
    def shown(self) -> AllPages: ...  # the source, without tiles that too few people were on
    @property
    def zones(self) -> Zones | None: ...  # of all pages; None: this process knows those that are asked for alone
    @property
    def leagues(self) -> Leagues: ...
    @property
    def visitors(self) -> int: ...
    @property
    def lag_ms(self) -> int: ...
    def why_not_ready(self) -> str | None: ...
    async def exposed(self, page: str, devices: Sequence[int]) -> Exposed:
        """What was in view of a page, as some device classes had it, in the newest window."""
        ...

    def catch_up(self) -> None:
        """What was acknowledged is counted when this returns, as far as this process counts."""
        ...

    async def start(self) -> None: ...
    async def share(self, keys: Keys, *, first_token: bool) -> None:
        """After `start`, before anybody looks: where several servers are one, their keys become one, and the first makes a token."""
        ...

    async def stop(self) -> None: ...

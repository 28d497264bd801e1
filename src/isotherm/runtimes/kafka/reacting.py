"""Reactions at a gateway: the rules of all, what fired wherever it did, and who is told of it here: listeners, and the page's trackers.

What is held against the heat, and written once, is the aggregators' (`holding`, `scribe`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isotherm.core.rules import Reaction, Rule
from isotherm.reactions.store import ReactionError
from isotherm.reactions.trial import Trial, dry_run
from isotherm.reactions.words import greeting, words
from isotherm.runtimes.kafka.again import begun_anew
from isotherm.runtimes.kafka.connection import SETTINGS
from isotherm.runtimes.kafka.courier import SharedCourier
from isotherm.runtimes.kafka.desk import SharedDesk
from isotherm.runtimes.kafka.outbox import Letter, OutboxError
from isotherm.runtimes.kafka.shared import rule_key, rule_value
from isotherm.runtimes.kafka.told import told_by
from isotherm.runtimes.kafka.trial import kept_samples
from isotherm.runtimes.kafka.whole import WholeTopic
from isotherm.runtimes.pipeline import StartError
from isotherm.runtimes.topics import Topics
from isotherm.runtimes.trying import over_hours

if TYPE_CHECKING:
    from isotherm.runtimes.kafka.gateway import KafkaGateway

__all__ = ["KafkaReacting"]

_POLL_S: Final = 0.25
_HOLDS_S: Final = 10.0  #: until a rule that was written stands here too

logger = logging.getLogger(__name__)


class KafkaReacting:
    """`start` once the gateway has started; `close` before it stops."""

    def __init__(self, gateway: KafkaGateway, fixed: Sequence[Rule]) -> None:
        self._gateway = gateway
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._known: Mapping[str, Rule] = {}
        self._begun = False  # the loop has what stood there at the first beginning; on the thread
        self._running = True
        self.desk = SharedDesk(fixed, self._write)
        self.courier = SharedCourier(gateway.cluster, gateway.outbox)
        self.desk.listen(self._to_page)
        gateway.gate.greeting = lambda page: greeting(self.desk.in_page(page))
        gateway.on_rules = self._take_rules
        self._take_rules(gateway.rules)
        self._thread = threading.Thread(target=self._run, name="reactions", daemon=True)

    async def start(self) -> None:
        """The rules of the file hold from now on. Raises `StartError`."""
        self._thread.start()
        try:
            await self.desk.put_fixed()
        except ReactionError as error:
            raise StartError(str(error)) from error

    async def close(self) -> None:
        self._running = False
        await self._loop.run_in_executor(None, self._thread.join)

    async def dry_run(self, rule: Rule, hours: int | None = None) -> Trial:
        """Over what `clickstream` has of the last ten minutes, or of the window; with `hours`, over these as the history has them."""
        if hours is not None:
            source = self._gateway
            return await over_hours(
                source.history, rule, hours, now_ms=source.clock.now_ms(), window_ms=source.settings.window_ms
            )
        return await self._loop.run_in_executor(None, self._dry_run, rule)

    def _dry_run(self, rule: Rule) -> Trial:
        settings, now_ms = self._gateway.settings, self._gateway.clock.now_ms()
        samples = kept_samples(self._gateway.cluster, rule.page_key, now_ms)
        return dry_run(rule, samples, window_ms=settings.window_ms, hop_ms=settings.hop_ms, skew_ms=settings.skew_ms, until_ms=now_ms)

    # -- rules

    def _take_rules(self, rules: Mapping[str, Rule]) -> None:
        self._known = rules
        self.desk.take_rules(rules)
        self._gateway.gate.set_reacting({rule.page_key for rule in rules.values()})
        self._news.set()

    async def _write(self, name: str, rule: Rule | None) -> None:
        gateway = self._gateway
        letter = Letter(gateway.cluster.name(SETTINGS), rule_key(name), rule_value(rule) if rule is not None else None)
        try:
            async with asyncio.timeout(_HOLDS_S):
                await gateway.outbox.send([letter])
                while self._known.get(name) != rule:
                    self._news.clear()
                    await self._news.wait()
        except (OutboxError, TimeoutError) as error:
            raise ReactionError(f"the rule could not be written to Kafka ({str(error) or 'no answer'}): try again") from None

    # -- what fired

    def _to_page(self, _seq: int, reaction: Reaction) -> None:
        if self.desk.may_tell_page(reaction):
            self._gateway.gate.tell(reaction.site + reaction.page, words(reaction))

    def _run(self) -> None:
        """On the thread: follows the topic, and begins anew after an outage."""
        begun_anew(self._follow, lambda: self._running, "read what fired", logger)

    def _follow(self) -> None:
        with WholeTopic(self._gateway.cluster, Topics.REACTIONS) as topic:
            while self._running:
                told = told_by(topic.read(_POLL_S))
                if told:
                    self._hand_over(told, new=self._begun)
                self._begun = self._begun or topic.whole

    def _hand_over(self, told: list[tuple[int, Reaction]], *, new: bool) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
            self._loop.call_soon_threadsafe(lambda: self.desk.take(told, new=new))

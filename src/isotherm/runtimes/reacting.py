"""Reactions strung to the pipeline: rules at each hop, their pages' pace, and where what fired goes.

Whoever reacts must hear in time, so a page that a rule names is watched: its trackers send every 250 ms. What fires goes to the log and
to server-sent events (the desk's), to the topic `isotherm-reactions`, and, where its rule says so, to the trackers of its page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from isotherm.addresses import AddressError, Proxies
from isotherm.core.records import RecordError, decode_clickstream
from isotherm.core.rules import Reaction, Rule, reaction_json
from isotherm.core.sample_records import samples_from_record
from isotherm.core.samples import Samples
from isotherm.core.webhooks import Webhook
from isotherm.log import Log
from isotherm.reactions import Courier, Desk, Outbox, ReactionError, ReactionStore
from isotherm.reactions.trial import Trial, dry_run
from isotherm.reactions.words import greeting, words
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import StartError
from isotherm.runtimes.topics import Message, Topics
from isotherm.runtimes.trying import over_hours

__all__ = ["Reacting"]

logger = logging.getLogger(__name__)


class Reacting:
    """The embedded runtime's reactions. Raises `StartError`."""

    def __init__(self, pipeline: Embedded, fixed: Sequence[Rule], webhooks: Sequence[Webhook] = (), allowed: Sequence[str] = ()) -> None:
        """`webhooks` may go to public addresses and to the networks that are `allowed`."""
        self._pipeline = pipeline
        self._thread = ThreadPoolExecutor(1, "reactions")
        try:
            self._store = ReactionStore(pipeline.settings.data / "reactions.sqlite")
            self.desk = Desk(
                self._store,
                pipeline.zones,
                sight=pipeline.sight.seeing,
                fixed=fixed,
                behind=self._thread.submit,
                on_pages=pipeline.gate.set_reacting,
            )
            self.courier = Courier(
                Outbox(self._store), webhooks, Proxies(allowed), pipeline.counters, pipeline.clock.now_ms, self._thread
            )
        except (ReactionError, AddressError) as error:
            raise StartError(str(error)) from error
        self.desk.listen(self._to_topic)
        self.desk.listen(self._to_page)
        self.desk.listen(self.courier.hear)
        self.courier.start()
        pipeline.gate.greeting = lambda page: greeting(self.desk.in_page(page))
        pipeline.on_hop = self.desk.hop

    async def close(self) -> None:
        """What a webhook has not been told yet waits for the next start."""
        self._pipeline.on_hop = None
        await self.courier.close()
        self._thread.shutdown()
        self._store.close()

    async def dry_run(self, rule: Rule, hours: int | None = None) -> Trial:
        """Over all that the log keeps; with `hours`, over these as the history has them."""
        if hours is not None:
            source = self._pipeline
            return await over_hours(
                source.history, rule, hours, now_ms=source.clock.now_ms(), window_ms=source.settings.window_ms
            )
        return await asyncio.get_running_loop().run_in_executor(None, self._dry_run, rule)

    def _dry_run(self, rule: Rule) -> Trial:
        settings, now_ms = self._pipeline.settings, self._pipeline.clock.now_ms()
        log = Log(settings.data / "log.sqlite", repair=False)
        try:
            records = [record for _, _, value in log.replay(0) if (record := _samples(value)) is not None]
        finally:
            log.close()
        return dry_run(
            rule,
            records,
            window_ms=settings.window_ms,
            hop_ms=settings.hop_ms,
            skew_ms=settings.skew_ms,
            until_ms=now_ms,
            bands=settings.grid_size,
        )

    def _to_topic(self, seq: int, reaction: Reaction) -> None:
        topic, value = self._pipeline.topics[Topics.REACTIONS], msgspec.json.encode(reaction_json(reaction))
        topic.count(1, len(value), reaction.at_ms)
        topic.publish([Message(topic.name, reaction.site + reaction.page, 0, seq, reaction.at_ms, value)])

    def _to_page(self, _seq: int, reaction: Reaction) -> None:
        if self.desk.may_tell_page(reaction):
            self._pipeline.gate.tell(reaction.site + reaction.page, words(reaction))


def _samples(value: bytes) -> Samples | None:
    try:
        return samples_from_record(decode_clickstream(value))
    except RecordError:
        return None

"""The courier as a gateway knows it: how webhooks stand, from `isotherm-deliveries`. Who sends is `worker webhooks`, elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from confluent_kafka import KafkaException

from isotherm.core.records import RecordError
from isotherm.reactions.store import ReactionError
from isotherm.runtimes.kafka.connection import DELIVERIES, Cluster
from isotherm.runtimes.kafka.deliveries import Known
from isotherm.runtimes.kafka.outbox import Letter, Outbox, OutboxError
from isotherm.runtimes.kafka.whole import read_whole

__all__ = ["SharedCourier"]


class SharedCourier:
    """Raises `ReactionError`."""

    def __init__(self, cluster: Cluster, outbox: Outbox) -> None:
        self._cluster = cluster
        self._outbox = outbox

    async def asked(self) -> list[dict[str, Any]]:
        """The webhooks, what waits for them, and what came of the newest try. Nothing secret."""
        return [
            {
                "name": name,
                "host": standing.host,
                "rules": standing.rules,
                "waiting": standing.waiting,
                "disabled": standing.disabled,
                "newest": None if standing.newest is None else {"at": standing.newest.at, "what": standing.newest.what},
            }
            for name, standing in sorted((await self._known()).standings.items())
        ]

    async def enable(self, name: str) -> bool:
        """Asks whoever sends to switch a webhook on again that answered 410; False: there is none that is off."""
        standing = (await self._known()).standings.get(name)
        if standing is None or standing.disabled is None:
            return False
        try:
            await self._outbox.send([Letter(self._cluster.name(DELIVERIES), name, None)])
        except OutboxError as error:
            raise ReactionError(f"Kafka did not take it ({error}): try again") from None
        return True

    async def _known(self) -> Known:
        known = Known()
        try:
            messages = await asyncio.get_running_loop().run_in_executor(None, read_whole, self._cluster, DELIVERIES)
        except KafkaException as error:
            raise ReactionError(f"can't read the topic {self._cluster.name(DELIVERIES)}: {error.args[0].str()}") from error
        for message in messages:
            with contextlib.suppress(RecordError):
                known.take((message.key() or b"").decode("utf-8", "replace"), message.value())
        return known

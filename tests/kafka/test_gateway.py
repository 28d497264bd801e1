"""The gateway's own judgement, without a broker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from isotherm.core.sites import Sites
from isotherm.runtimes.kafka.connection import KafkaSettings
from isotherm.runtimes.kafka.gateway import KafkaGateway
from isotherm.runtimes.kafka.outbox import Outbox
from isotherm.runtimes.pipeline import PipelineSettings


def outbox(waiting_s: float, delivered: int) -> Outbox:
    return cast(Outbox, SimpleNamespace(waiting_s=waiting_s, delivered=delivered, failed=0))


async def test_a_gate_that_a_broken_task_closed_stays_closed(tmp_path: Path) -> None:
    """An outage of Kafka closes the gate, and its end opens it; nothing opens it once a task has ended that should not."""
    gateway = KafkaGateway(PipelineSettings(tmp_path), Sites(), KafkaSettings("127.0.0.1:9"))

    def outage() -> list[bool]:
        closed = []
        for found in (outbox(5.0, 1), outbox(0.0, 2)):
            gateway._look(found)
            closed.append(gateway.gate.why_closed is not None)
        return closed

    assert outage() == [True, False]

    async def fails() -> None:
        raise RuntimeError("a fault of ours")

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    gateway._ended(task)
    assert outage() == [True, True]
    assert "internal error" in str(gateway.gate.why_closed)

"""What is in the log but can't be counted: nothing after it is counted either, and a start counts all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isotherm.core.aggregate import Aggregator
from isotherm.core.group_by import GroupBy
from isotherm.core.sites import Sites
from isotherm.history import History, Retention
from isotherm.runtimes.embedded import Embedded
from isotherm.runtimes.pipeline import PipelineSettings
from tests.serving import batch, eventually


class Answered:
    """What a sender is told."""

    def __init__(self) -> None:
        self.seqs: set[int] = set()

    def durable(self, *seqs: int) -> None:
        self.seqs |= set(seqs)

    def failed(self, seq: int) -> None:
        raise AssertionError(seq)


@pytest.mark.parametrize("step", [(GroupBy, "group"), (Aggregator, "merge"), (History, "add")], ids=["group", "merge", "history"])
async def test_an_error_while_counting_loses_nothing(step: tuple[type, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, no more events are taken, and the history does not go on behind it: its place in the log stays before what failed. Nor
    does what is remembered of batches, though one was counted whose digest was still to come: no start holds what failed for a repeat."""
    sites = Sites()
    settings = PipelineSettings(tmp_path, window_ms=600_000, hop_ms=600_000, grid_size=10, skew_ms=5000, retention=Retention())
    pipeline, told = Embedded(settings, sites), Answered()
    await pipeline.start()

    async def say(seq: int) -> None:
        now_ms = pipeline.clock.now_ms()
        pipeline.gate.take(json.dumps(batch(seq, [10])).encode(), sites.by_key["default"], None, None, now_ms, told)
        await eventually(lambda: has(seq))

    async def has(seq: int) -> bool:
        return seq in told.seqs

    await say(0)
    pipeline.catch_up()
    await say(1)
    await say(2)

    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(*step, fails)
        with pytest.raises(MemoryError):
            pipeline.catch_up()
    assert "internal error" in str(pipeline.why_not_ready())
    pipeline.catch_up()
    await pipeline.stop()

    again = Embedded(settings, sites)
    await again.start()
    assert again.history is not None
    past = await again.history.range("default/p/1", None, again.clock.now_ms() + 1)
    assert past.contents.samples(100) == 3
    assert again._group_by.repeated == 0
    await again.stop()

"""The tutorial's two stages, written anew with Quix Streams' own windows, beside ours on one `clickstream`."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.kafka.test_pipeline import OnKafka, records
from tests.oracle import from_classic
from tests.serving import event, eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "tutorial"
WINDOW_MS = 2000
Windows = dict[int, dict[tuple[int, int], int]]


async def test_the_same_windows(on_kafka: OnKafka, servers: str, tmp_path: Path) -> None:
    """The windows that the tutorial's aggregator emits are ours, tile by tile."""
    pipeline = on_kafka("--window", f"{WINDOW_MS}ms", partitions=1)
    await asyncio.gather(pipeline.worker("group-by"), pipeline.worker("aggregate"))
    theirs = {name: f"{pipeline.prefix}tutorial-{name}" for name in ("clickstream-group-by-page", "heatmap")}
    admin = AdminClient({"bootstrap.servers": servers})
    for made in admin.create_topics([NewTopic(name, 1, 1) for name in theirs.values()]).values():
        await asyncio.wrap_future(made)
    environment = os.environ | {
        "KAFKA": servers, "CLICKSTREAM": pipeline.prefix + "clickstream", "GROUPED": theirs["clickstream-group-by-page"],
        "HEATMAP": theirs["heatmap"], "WINDOW_MS": str(WINDOW_MS), "STATE_DIR": str(tmp_path / "state"),
    }  # fmt: skip
    stages = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", EXAMPLES / file, env=environment, cwd=tmp_path, stderr=asyncio.subprocess.DEVNULL
        )
        for file in ("group_by.py", "aggregate.py")
    ]
    try:
        chance, producer = random.Random(5), Producer({"bootstrap.servers": servers})
        first_ms = (int(time.time() * 1000) + 1500) // 250 * 250
        times = sorted(first_ms + chance.randrange(3000) for _ in range(80))
        for at_ms in [*times, first_ms + 3000 + WINDOW_MS + 250]:  # the last one only makes theirs close
            sent = event(x=chance.choice([10.0, 500.0]), y=chance.uniform(0, 1000))
            producer.produce(pipeline.prefix + "clickstream", json.dumps(sent).encode(), "v1", timestamp=at_ms)
        producer.flush()

        async def closed() -> Windows | None:
            found = {window["end"]: from_classic(window["value"]) for _, window in records(servers, theirs["heatmap"], 1)}
            return found if len(found) == (3000 + WINDOW_MS) // 250 - 1 or first_ms + 3000 + WINDOW_MS - 250 in found else None

        emitted = await eventually(closed, 60)
        newest = max(emitted)

        async def passed() -> list[tuple[str | None, dict[str, Any]]] | None:
            found = records(servers, pipeline.prefix + "heatmap", 1)
            return found if any(record["end"] > newest for _, record in found) else None

        ours = windows_of([record for _, record in await eventually(passed, 60)])
    finally:
        for stage in stages:
            stage.kill()
            await stage.wait()
    both = emitted.keys() & ours.keys()  # one that did not change, or that a busy machine passed over, we do not tell
    assert len(both) > 8
    for end_ms in both:
        assert emitted[end_ms] == ours[end_ms], f"at {end_ms - first_ms}"


def windows_of(heatmap: list[dict[str, Any]]) -> Windows:
    """Our windows by their end, from keyframes and changes."""
    picture: dict[tuple[int, int], int] = {}
    out: Windows = {}
    for record in heatmap:
        found = from_classic(record["value"])
        picture = {tile: count for tile, count in ((picture | found) if record.get("changes") else found).items() if count}
        out[record["end"]] = picture
    return out

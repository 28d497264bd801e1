"""The topic `heatmap` of many pages: taken up some at a hop, each whole first, and right from then on."""

from __future__ import annotations

import json

import numpy as np

from isotherm.core.aggregate import Aggregator
from isotherm.core.counts import Counts
from isotherm.core.heat import View
from isotherm.runtimes.showing import Showing
from isotherm.runtimes.topics import Message, Topic

HOP_MS, START_MS, PAGES, SLICE = 250, 1_700_000_000_000, 2200, 200


def counts(pages: list[str], tile: int, now_ms: int) -> Counts:
    """A move on each page."""
    number, narrow = len(pages), np.full(len(pages), 1, np.int32)
    return Counts(
        pages, [None] * number, [1] * number, [now_ms] * number, np.arange(number), np.zeros(number, np.int64),
        np.full(number, now_ms // HOP_MS), narrow * tile, narrow,
    )  # fmt: skip


def test_pages_come_by_and_by_and_each_is_right() -> None:
    """No hop takes up more than its share; a reader who adds up what he gets has the window of each page, also of those with viewers."""
    source, topic = Aggregator(grid_size=4, window_ms=600_000, hop_ms=HOP_MS, skew_ms=1000), Topic("heatmap")
    showing, heard, now_ms = Showing(topic, source), list[Message](), START_MS
    keys = [f"default/p/{at}" for at in range(PAGES)]
    source.merge(counts(keys, 3, now_ms), now_ms)
    source.watch(keys[-1])
    drawn: dict[str, dict[str, dict[str, int]]] = {}
    firsts: list[int] = []
    topic.listen(heard.extend)
    for hop_at in range(60):
        now_ms += HOP_MS
        source.merge(counts([keys[-1], keys[0]], hop_at % 16, now_ms - HOP_MS), now_ms)
        hop = source.advance(now_ms)
        assert hop is not None
        before = len(drawn)
        assert all(len(heard) <= SLICE * (at + 1) for at, _ in enumerate(showing.hop(hop, now_ms)))
        assert [message.offset for message in heard] == list(range(topic.messages - len(heard), topic.messages))
        for message in heard:
            record = json.loads(message.value)
            assert message.as_json() == message._replace(plain=False).as_json()
            assert message.key is not None
            assert message.key in drawn or not record.get("changes"), "whole first"
            picture = drawn.setdefault(message.key, {}) if record.get("changes") else drawn.__setitem__(message.key, {}) or drawn[message.key]
            for x, column in record["value"].items():
                picture.setdefault(x, {}).update(column)
        heard.clear()
        firsts.append(len(drawn) - before)
    assert max(firsts) <= PAGES // 40
    assert len(drawn) == PAGES
    for key in (keys[0], keys[7], keys[-1]):
        heat = source.whole(View(key, "move", "all"))
        expected = dict(zip(heat.cells.tolist(), heat.counts.tolist(), strict=True))
        assert {int(y) * 4 + int(x): count for x, column in drawn[key].items() for y, count in column.items() if count} == expected
    topic.unlisten(heard.extend)
    assert not list(showing.hop(hop, now_ms))
    source.merge(counts([keys[0], keys[-1]], 5, now_ms), now_ms)
    told = source.advance(now_ms + HOP_MS)
    assert told is not None
    assert told.changed_pages() == [keys[-1]], "its viewer still watches, and nobody else"
    assert told.number_changed == 1
    before = topic.messages
    assert not list(showing.hop(told, now_ms + HOP_MS))
    assert not heard
    assert topic.messages == before + 1, "it is counted, though nobody reads it"

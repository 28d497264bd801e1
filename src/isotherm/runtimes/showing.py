"""Showing: the topic `heatmap`, as long as somebody reads it.

Who begins to read wants every page. To watch one means that what it has is summed, and it is written whole first; of ten thousand that is
seconds of work. So each hop takes up some of them, and the last is there within `_HOPS` hops; until its turn nothing is told of a page.
What a hop tells of ten thousand pages is a good part of it, so it is told in slices: others have their turn between.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from isotherm.core.aggregate import Aggregator, Hop
from isotherm.core.publish import Publisher
from isotherm.core.records import encode
from isotherm.runtimes.topics import Message, Topic

__all__ = ["Showing"]

_HOPS: Final = 40  #: ten seconds, as a rule: a keyframe's time is fifteen
_AT_ONCE: Final = 50  #: pages that are taken up in a hop at least: some milliseconds
_SLICE: Final = 200  #: messages: some milliseconds


class Showing:
    """Tell it of each `hop`."""

    def __init__(self, topic: Topic, source: Aggregator) -> None:
        self._topic, self._source = topic, source
        self._publisher = Publisher(source)
        self._shown: dict[str, None] = {}  # pages that are watched for whoever reads

    def hop(self, hop: Hop, now_ms: int) -> Iterator[None]:
        """Shows what there is to show, and stops after each slice of it. To be gone through before the next hop."""
        if not self._topic.heard:
            self._end()
            changed = hop.number_changed  # pages that are watched; their values are not built
            if changed:
                self._topic.count(changed, 0, now_ms)
            return
        records = self._publisher.records(hop, self._taken_up(), now_ms)
        while some := list(islice(records, _SLICE)):
            # Other pages are watched by viewers, and were not written whole yet.
            self._show([(key, encode(record)) for key, record in some if key in self._shown], now_ms)
            yield

    def _show(self, records: list[tuple[str, bytes]], now_ms: int) -> None:
        topic = self._topic
        name, first = topic.name, topic.messages
        topic.publish([Message(name, key, 0, first + at, now_ms, value, plain=True) for at, (key, value) in enumerate(records)])
        topic.count(len(records), sum(len(value) for _, value in records), now_ms)

    def _taken_up(self) -> list[str]:
        """The pages that are shown, some more than at the last hop; without those that are no more."""
        source, live = self._source, self._source.keys
        for page in [page for page in self._shown if page not in live]:
            source.unwatch(page)
            del self._shown[page]
        most = max(_AT_ONCE, len(live) // _HOPS)
        for page in list(islice((page for page in live if page not in self._shown), most)):
            source.watch(page)
            self._shown[page] = None
        return list(self._shown)

    def _end(self) -> None:
        for page in self._shown:
            self._source.unwatch(page)
        self._shown = {}
        self._publisher.reset()

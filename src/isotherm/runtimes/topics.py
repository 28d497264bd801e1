"""The topics as one sees them: counts, rates, the newest messages and whoever listens, a topic at a time.

The embedded runtime has no broker, so it shows here what it would have written there. A value that nobody listens to is not built.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from isotherm.core.records import readable

__all__ = ["Message", "Topic", "Topics"]

_NEWEST_KEPT: Final = 20
_RATE_SPAN_MS: Final = 5_000
_SLOT_MS: Final = 500


class Message(NamedTuple):
    """One message of a topic, as it would be read back."""

    topic: str
    key: str | None
    partition: int
    offset: int
    time_ms: int
    value: bytes
    plain: bool = False  #: it is JSON of ours, without packed columns

    def as_json(self) -> str:
        """With packed columns unpacked, one line; what is no JSON as text: others may write to a topic as well."""
        if self.plain:
            return self._told(msgspec.Raw(self.value))
        try:
            return self._told(readable(msgspec.json.decode(self.value)))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._told(self.value.decode("utf-8", "replace"))

    def _told(self, value: Any) -> str:
        return msgspec.json.encode(
            {
                "topic": self.topic,
                "key": self.key,
                "partition": self.partition,
                "offset": self.offset,
                "time": self.time_ms,
                "value": value,
            }
        ).decode()


class Topic:
    """One topic's figures and listeners."""

    def __init__(self, name: str, partitions: int = 1) -> None:
        self.name = name
        self.partitions = partitions
        self.messages = 0
        self.newest_ms: int | None = None
        self.lag: int | None = None
        self.newest: deque[Message] = deque(maxlen=_NEWEST_KEPT)
        self._listeners: dict[Callable[[Sequence[Message]], None], None] = {}
        self._slots: deque[tuple[int, int, int]] = deque()  # slot number, messages, bytes
        self._weighed_since_ms: int | None = None

    @property
    def heard(self) -> bool:
        """Somebody listens: values are wanted."""
        return bool(self._listeners)

    def count(self, messages: int, size_bytes: int, now_ms: int) -> None:
        """Messages went by, whether or not their values were built (then `size_bytes` is 0)."""
        self.messages += messages
        self.newest_ms = now_ms
        slot = now_ms // _SLOT_MS
        if self._slots and self._slots[-1][0] == slot:
            _, before, bytes_before = self._slots.pop()
            messages, size_bytes = before + messages, bytes_before + size_bytes
        self._slots.append((slot, messages, size_bytes))
        self._forget(now_ms)

    def publish(self, messages: Sequence[Message]) -> None:
        """Shows messages to whoever listens, and keeps them among the newest."""
        self.newest.extend(messages)
        for listener in list(self._listeners):
            listener(messages)

    def listen(self, listener: Callable[[Sequence[Message]], None]) -> None:
        self._listeners[listener] = None

    def unlisten(self, listener: Callable[[Sequence[Message]], None]) -> None:
        self._listeners.pop(listener, None)

    def figures(self, now_ms: int) -> dict[str, Any]:
        """As `/api/topics` has it. Bytes are null where values are not built."""
        self._forget(now_ms)
        seconds = _RATE_SPAN_MS / 1000
        size = sum(size for _, _, size in self._slots)
        messages = sum(number for _, number, _ in self._slots)
        return {
            "name": self.name,
            "partitions": self.partitions,
            "messages": self.messages,
            "messages_per_second": round(messages / seconds, 2),
            "bytes_per_second": round(size / seconds, 1) if size or not messages else None,
            "newest_ms": self.newest_ms,
            "lag": self.lag,
        }

    def _forget(self, now_ms: int) -> None:
        oldest = (now_ms - _RATE_SPAN_MS) // _SLOT_MS
        while self._slots and not oldest < self._slots[0][0] <= now_ms // _SLOT_MS:
            self._slots.popleft()


class Topics:
    """All topics by name, in the order of the data's way."""

    CLICKSTREAM: Final = "clickstream"
    GROUPED: Final = "clickstream-group-by-page"
    HEATMAP: Final = "heatmap"
    DEAD_LETTER: Final = "clickstream-dead-letter"
    REACTIONS: Final = "isotherm-reactions"

    def __init__(self, prefix: str = "") -> None:
        names = (self.CLICKSTREAM, self.GROUPED, self.HEATMAP, self.DEAD_LETTER, self.REACTIONS)
        self.by_name = {prefix + name: Topic(prefix + name) for name in names}
        self._prefix = prefix

    def __getitem__(self, name: str) -> Topic:
        """A topic by its name without the prefix."""
        return self.by_name[self._prefix + name]

    def get(self, name: str) -> Topic | None:
        """A topic by its name, with or without the prefix."""
        return self.by_name.get(name) or self.by_name.get(self._prefix + name)

"""A memory in two generations: what was not asked for in a whole generation is forgotten, all at once and cheaply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["Generations"]

K = TypeVar("K")
V = TypeVar("V")


class Generations(Generic[K, V]):
    """`get` keeps what it finds; `turn` returns what was forgotten: values for which nobody asked for `memory_ms` to twice as long."""

    def __init__(self, memory_ms: int) -> None:
        self._memory_ms = memory_ms
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._turned_ms: int | None = None
        self.turned = 0  #: times that something was forgotten, or came to be the next to be

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: K) -> V | None:
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self._young[key] = value
        return value

    def put(self, key: K, value: V) -> None:
        self._old.pop(key, None)
        self._young[key] = value

    def values(self) -> Iterator[V]:
        """All that is remembered."""
        yield from self._young.values()
        yield from self._old.values()

    def turn(self, now_ms: int) -> Iterable[V]:
        if self._turned_ms is None or now_ms < self._turned_ms:  # a clock set back only keeps things longer
            self._turned_ms = now_ms
        elif now_ms - self._turned_ms >= self._memory_ms:
            self._turned_ms = now_ms
            self.turned += 1
            forgotten, self._old, self._young = self._old, self._young, {}
            return forgotten.values()
        return ()

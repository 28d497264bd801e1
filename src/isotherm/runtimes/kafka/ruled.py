"""Ruled: the rules that stand in `isotherm-settings`, as a worker has them while they change on another thread."""

from __future__ import annotations

from collections.abc import Mapping

from isotherm.core.keyed import partition_of
from isotherm.core.rules import Rule

__all__ = ["Ruled"]


class Ruled:
    """What is read is whole: either the rules before a change, or those after it."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._by_partition: Mapping[int, Mapping[str, Rule]] = {}
        self.pages: frozenset[str] = frozenset()

    def replace(self, rules: Mapping[str, Rule]) -> None:
        found: dict[int, dict[str, Rule]] = {}
        for name, rule in rules.items():
            found.setdefault(partition_of(rule.page_key, self._partitions), {})[name] = rule
        self.pages = frozenset(rule.page_key for rule in rules.values())
        self._by_partition = found

    def of_partition(self, partition: int) -> Mapping[str, Rule]:
        """The rules of pages whose records lie in that partition."""
        return self._by_partition.get(partition, {})

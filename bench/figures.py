"""A figure: what was measured, the bare twin's beside it, and the target that one of the two is held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Figure", "Target", "at_least", "at_most", "spread"]


@dataclass(slots=True, frozen=True)
class Target:
    """`bound` is the most (or the least) that the figure, or its ratio to the bare twin, may be."""

    bound: float
    most: bool = True
    of_ratio: bool = False

    def __str__(self) -> str:
        return f"{'≤' if self.most else '≥'} {self.bound:,g}{' ×' if self.of_ratio else ''}"


def at_most(bound: float, *, of_ratio: bool = False) -> Target:
    return Target(bound, True, of_ratio)


def at_least(bound: float) -> Target:
    return Target(bound, False)


@dataclass(slots=True)
class Figure:
    """One line of the table."""

    what: str
    this: float | None  #: None: there was nothing to measure, so no target is met
    unit: str
    bare: float | None = None
    target: Target | None = None
    about: dict[str, Any] = field(default_factory=dict)  #: what else was measured: the spread, how busy the load was, the wall

    @property
    def ratio(self) -> float | None:
        return self.this / self.bare if self.bare and self.this is not None else None

    @property
    def met(self) -> bool | None:
        """None: nothing is asked of this figure."""
        if self.target is None:
            return None
        if self.this is None:
            return False
        value = self.ratio if self.target.of_ratio else self.this
        if value is None:
            return None
        return value <= self.target.bound if self.target.most else value >= self.target.bound

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "this": self.this,
            "unit": self.unit,
            "bare": self.bare,
            "ratio": self.ratio,
            "target": str(self.target) if self.target else None,
            "met": self.met,
            "about": self.about,
        }


def spread(values: list[float]) -> list[float]:
    """Least, middle and most of some repetitions."""
    ordered = sorted(values)
    return [ordered[0], ordered[len(ordered) // 2], ordered[-1]]

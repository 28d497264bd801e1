"""How a hand moves: aimed movements, reading along lines, scrolling in bursts. Pure geometry; chance is handed in.

An aimed movement takes the time of Fitts's law, ``a + b · log2(distance / size + 1)`` (Fitts 1954, in MacKenzie's form),
and has the speed of a minimum-jerk movement, ``10 u³ - 15 u⁴ + 6 u⁵`` (Flash and Hogan 1985): it starts and ends at rest and
is fastest midway. It bends a little to one side, trembles a little, and far targets are often missed first and then
corrected by a second, short movement, as Meyer et al. (1988) describe it.
"""

from __future__ import annotations

from math import hypot, log2, pi, sin
from random import Random
from typing import Final, NamedTuple

__all__ = ["Point", "Stroke", "aim", "bursts", "drift", "fitts_ms", "read_line", "rise"]

_FITTS_A_MS: Final = 140.0  #: to begin at all
_FITTS_B_MS: Final = 145.0  #: for each bit of difficulty; mice measure between 100 and 200
_MISS_FROM_PX: Final = 260.0  #: shorter ways are hit at once
_MISS_CHANCE: Final = 0.45
_TREMOR_PX: Final = 1.1
_TREMOR_PERIOD_MS: Final = 110.0  #: a hand trembles at 8 to 12 Hz
_READ_PX_PER_MS: Final = 0.22  #: a line of 60 letters in about two seconds


class Point(NamedTuple):
    x: float
    y: float


class Stroke(NamedTuple):
    """One movement from rest to rest."""

    start: Point
    end: Point
    duration_ms: float
    bend_px: float = 0.0  #: how far the middle of the way lies beside the straight line
    tremor_px: float = 0.0

    def at(self, since_ms: float) -> Point:
        """Where the pointer is, so long after the start."""
        if since_ms >= self.duration_ms:
            return self.end
        done = rise(since_ms / self.duration_ms)
        (x0, y0), (x1, y1) = self.start, self.end
        length = hypot(x1 - x0, y1 - y0) or 1.0
        aside = 4 * done * (1 - done) * self.bend_px + self.tremor_px * sin(2 * pi * since_ms / _TREMOR_PERIOD_MS)
        return Point(
            x0 + done * (x1 - x0) - aside * (y1 - y0) / length,
            y0 + done * (y1 - y0) + aside * (x1 - x0) / length,
        )


def rise(u: float) -> float:
    """The part of a minimum-jerk movement's way that is done when the part ``u`` of its time is over."""
    u = min(max(u, 0.0), 1.0)
    return u * u * u * (10 + u * (6 * u - 15))


def fitts_ms(distance_px: float, size_px: float) -> float:
    """How long a hand takes to a target of that size, that far away."""
    return _FITTS_A_MS + _FITTS_B_MS * log2(distance_px / max(size_px, 1.0) + 1)


def aim(chance: Random, start: Point, target: Point, size_px: float, pace: float = 1.0) -> list[Stroke]:
    """The movements that bring the pointer to the target: one, or one that misses and one that corrects.

    ``pace`` is 1 for most people, more for the slow.
    """
    distance = hypot(target.x - start.x, target.y - start.y)
    if distance < 1:
        return []
    first = target
    if distance > _MISS_FROM_PX and chance.random() < _MISS_CHANCE:
        along = chance.gauss(1.03, 0.05)  # more overshoot than fall short
        aside = chance.gauss(0.0, 0.02) * distance
        first = Point(
            start.x + along * (target.x - start.x) - aside * (target.y - start.y) / distance,
            start.y + along * (target.y - start.y) + aside * (target.x - start.x) / distance,
        )
    return [_stroke(chance, a, b, size_px, pace) for a, b in zip((start, first), (first, target), strict=True) if a != b]


def _stroke(chance: Random, start: Point, end: Point, size_px: float, pace: float) -> Stroke:
    distance = hypot(end.x - start.x, end.y - start.y)
    return Stroke(
        start,
        end,
        duration_ms=fitts_ms(distance, size_px) * pace * chance.uniform(0.85, 1.25),
        bend_px=distance * chance.gauss(0.0, 0.07),
        tremor_px=_TREMOR_PX * chance.random(),
    )


def drift(chance: Random, at: Point, reach_px: float = 14.0) -> Stroke:
    """The small movement of a hand that rests while its owner looks."""
    end = Point(chance.gauss(at.x, reach_px / 2), chance.gauss(at.y, reach_px / 2))
    return Stroke(at, end, duration_ms=chance.uniform(180, 420))


def read_line(chance: Random, start: Point, width_px: float) -> Stroke:
    """A pointer that follows the line that is read, as some people's do."""
    end = Point(start.x + width_px * chance.uniform(0.7, 1.0), start.y + chance.gauss(0, 3))
    return Stroke(start, end, duration_ms=width_px / _READ_PX_PER_MS * chance.uniform(0.8, 1.3), tremor_px=_TREMOR_PX)


def bursts(chance: Random, distance_px: float) -> list[tuple[float, float]]:
    """Scrolling so far (up where below zero): turns of the wheel as (pixels, milliseconds until the next one).

    A finger turns the wheel some notches at once, looks, and turns again.
    """
    turns = []
    left = abs(distance_px)
    sign = 1.0 if distance_px > 0 else -1.0
    while left > 0:
        notches = chance.choice((1, 2, 2, 3, 3, 4))
        turn = min(left, notches * chance.uniform(90, 130))
        left -= turn
        turns.append((sign * turn, chance.uniform(220, 420) if chance.random() < 0.75 else chance.uniform(500, 1100)))
    return turns

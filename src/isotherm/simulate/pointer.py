"""What a tracker sees of a visitor's pointer: a sample at each beat at which it has moved, one more where it came to rest, clicks.

The machine knows a window (its size, how far it is scrolled) over a document, and the place of the pointer in the window.
Its methods move time on and yield what a tracker would have taken meanwhile, as our tracker does: 250 ms apart, in document
pixels, also where the page scrolls under a pointer that rests. On a touch screen there is only a pointer while a finger is down.
What of the page is in view is told once it is there and when it was scrolled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from isotherm.simulate.layout import NOWHERE, Anchor, Plan
from isotherm.simulate.paths import Point, Stroke
from isotherm.simulate.people import Device

__all__ = ["BEAT_MS", "CLICK", "DEAD", "LEAVE", "MOVE", "VIEW", "Entered", "Pointer", "Sample", "Step"]

BEAT_MS: Final = 250.0
MOVE: Final = 0
CLICK: Final = 1
DEAD: Final = 2
VIEW: Final = 3
LEAVE: Final = 4  #: places in the table of kinds that a batch has where it brings none


class Entered(NamedTuple):
    """A page was opened; all samples until the next one are on it."""

    at_ms: float
    path: str
    width_px: float  #: of the document
    height_px: float
    viewport_px: int
    viewport_high_px: int = 0  #: 0: nothing is told of what is in view


class Sample(NamedTuple):
    at_ms: float
    kind: int
    x: float
    y: float
    anchor: Anchor = NOWHERE  #: what lies there


Step = Entered | Sample


class Pointer:
    def __init__(self, device: Device, start: Point, now_ms: float) -> None:
        self.now_ms = now_ms
        self.at = start  #: in the window
        self.scrolled_px = 0.0
        self._path = ""
        self._device = device
        self._plan = Plan(device.width_px, device.height_px, [])
        self._beat_ms = now_ms  #: no sample before
        self._owed = False  #: it moved since the last sample
        self._viewed_ms = now_ms  #: no view before
        self._view_owed = False  #: the page was scrolled since the last view

    def enter(self, path: str, plan: Plan) -> Iterator[Step]:
        yield from self._settle()
        if self._path:
            yield self._view(LEAVE)
        self._path, self._plan = path, plan
        self.scrolled_px = 0.0
        yield Entered(self.now_ms, path, plan.width, plan.height, self._device.width_px, self._device.height_px)
        yield self._view(VIEW)

    def leave(self) -> Iterator[Step]:
        """The visit is over: nothing of the page is in view any more."""
        yield from self._settle()
        if self._path:
            yield self._view(LEAVE)

    def _view(self, kind: int) -> Sample:
        self._view_owed = False
        self._viewed_ms = self.now_ms + BEAT_MS
        return Sample(self.now_ms, kind, 0.0, self.scrolled_px)

    def in_document(self, place: Point) -> Point:
        return Point(place.x, place.y + self.scrolled_px)

    @property
    def scroll_max_px(self) -> float:
        return max(0.0, self._plan.height - self._device.height_px)

    def wait(self, duration_ms: float) -> Iterator[Step]:
        """Nothing moves."""
        until_ms = self.now_ms + duration_ms
        if self._owed and self._beat_ms <= until_ms:
            self.now_ms = max(self.now_ms, self._beat_ms)
            yield self._take()
        if self._view_owed and self.now_ms <= self._viewed_ms <= until_ms:
            self.now_ms = self._viewed_ms
        yield from self._seen()
        self.now_ms = until_ms

    def _seen(self) -> Iterator[Step]:
        """What is in view, if it is another part than was told, and time to tell it."""
        if self._view_owed and self._viewed_ms <= self.now_ms:
            yield self._view(VIEW)

    def move(self, stroke: Stroke) -> Iterator[Step]:
        """The pointer goes along a stroke, in the window, within its edges."""
        start_ms = self.now_ms
        end_ms = start_ms + stroke.duration_ms
        while (beat_ms := max(self._beat_ms, start_ms)) < end_ms:
            self.now_ms = beat_ms
            self.at = self._inside(stroke.at(beat_ms - start_ms))
            yield self._take()
        self.now_ms = end_ms
        self.at = self._inside(stroke.end)
        self._owed = True

    def scroll(self, turn_px: float) -> Iterator[Step]:
        """The page moves under the pointer that rests."""
        before = self.scrolled_px
        self.scrolled_px = min(max(0.0, before + turn_px), self.scroll_max_px)
        if self.scrolled_px != before:
            self._view_owed = True
            yield from self._seen()
        if self.scrolled_px != before and not self._device.touch:
            self._owed = True
            yield from self.wait(0)

    def click(self, *, dead: bool = False) -> Iterator[Step]:
        """`dead`: nothing on the page will change or scroll within the second, so that a tracker would tell of it once more."""
        yield from self._settle()
        yield self._sample(CLICK)
        if dead:
            yield self._sample(DEAD)

    def touch(self, place: Point) -> Iterator[Step]:
        """A finger comes down, and goes up again or draws the page along: one sample."""
        self.at = self._inside(place)
        self._owed = True
        yield from self._settle()

    def _settle(self) -> Iterator[Step]:
        if self._owed:
            yield self._take()

    def _take(self) -> Sample:
        self._owed = False
        self._beat_ms = self.now_ms + BEAT_MS
        return self._sample(MOVE)

    def _sample(self, kind: int) -> Sample:
        x, y = self.in_document(self.at)
        anchor = self._plan.anchor_at(self._path, x, y, self.scrolled_px)
        return Sample(self.now_ms, kind, round(x, 1), round(y, 1), anchor)

    def _inside(self, place: Point) -> Point:
        return Point(min(max(place.x, 0.0), self._device.width_px - 1.0), min(max(place.y, 0.0), self._device.height_px - 1.0))

"""Zones that an operator drew: names for elements that the site's markup has none for, kept with the site.

A drawn zone is a list of anchors, as trackers send them. The gateway puts its name before those of them that come in, with a separator
between: `Hero`, 0x1F, `#main>0>1`. So what is logged says both: the part before is what zones count, the part behind is the element.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from isotherm.core.pages import PATH_BYTES_MAX

__all__ = ["ZONES_DRAWN_MAX", "Drawing", "DrawnZone", "DrawnZoneError", "drawn_from_json", "drawn_to_json", "element_of", "zones_of"]

ZONES_DRAWN_MAX: Final = 100  #: of a site
_ANCHORS_MAX: Final = 100  #: of a zone
_ANCHOR_BYTES_MAX: Final = 256  #: as the wire has it
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,64}")
_BETWEEN: Final = "\x1f"


class DrawnZoneError(ValueError):
    """A zone that can't be; the message says what was expected."""


@dataclass(slots=True, frozen=True)
class DrawnZone:
    """`page`: the path of the page that it is on, after the site's rules; empty: every page that has these elements."""

    name: str
    page: str
    anchors: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises `DrawnZoneError`."""
        if not _NAME.fullmatch(self.name):
            raise DrawnZoneError(f"expected a zone's name of 1 to 64 characters, none of them a control character, got {self.name[:80]!r}")
        if self.page and (not self.page.startswith("/") or len(self.page.encode()) > PATH_BYTES_MAX):
            raise DrawnZoneError(f"expected the page of a zone to be a path such as /p/1, got {self.page[:80]!r}")
        if not 1 <= len(self.anchors) <= _ANCHORS_MAX:
            raise DrawnZoneError(f"expected 1 to {_ANCHORS_MAX} anchors of a zone, got {len(self.anchors)}")
        for anchor in self.anchors:
            if not anchor or len(anchor.encode()) > _ANCHOR_BYTES_MAX or _BETWEEN in anchor:
                raise DrawnZoneError(f"expected an anchor of 1 to {_ANCHOR_BYTES_MAX} bytes, as trackers send them, got {anchor[:80]!r}")


@dataclass(slots=True, frozen=True)
class Drawing:
    """A site's drawn zones, ready to be looked up. What lies on two of them is counted on the newer one."""

    zones: tuple[DrawnZone, ...] = ()
    _names: dict[str, dict[str, str]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raises `DrawnZoneError`."""
        if len(self.zones) > ZONES_DRAWN_MAX:
            raise DrawnZoneError(f"expected at most {ZONES_DRAWN_MAX} zones of a site, got {len(self.zones)}: take one away first")
        for zone in self.zones:
            self._names.setdefault(zone.page, {}).update(dict.fromkeys(zone.anchors, f"{zone.name}{_BETWEEN}"))

    def __bool__(self) -> bool:
        return bool(self.zones)

    def named(self, page: str, anchors: list[str]) -> list[str]:
        """Anchors that came in from a page, those of a drawn zone with its name before them. Its own zones go before every page's."""
        own, every = self._names.get(page, {}), self._names.get("", {})
        return [own.get(anchor, every.get(anchor, "")) + anchor for anchor in anchors]

    def with_zone(self, zone: DrawnZone) -> Drawing:
        """The zone that has this name and page is replaced. Raises `DrawnZoneError`."""
        return Drawing((*self.without(zone.name, zone.page).zones, zone))

    def without(self, name: str, page: str) -> Drawing:
        return Drawing(tuple(zone for zone in self.zones if (zone.name, zone.page) != (name, page)))


def zones_of(anchors: Sequence[str]) -> list[str] | None:
    """The zone that each anchor counts for; None: each for itself."""
    if _BETWEEN not in "".join(anchors):
        return None
    return [anchor.partition(_BETWEEN)[0] for anchor in anchors]


def element_of(anchor: str) -> str:
    """The element's own name, as its tracker sent it."""
    return anchor.rpartition(_BETWEEN)[2]


def drawn_to_json(zone: DrawnZone) -> dict[str, Any]:
    return {"name": zone.name, "page": zone.page, "anchors": list(zone.anchors)}


def drawn_from_json(value: Any) -> DrawnZone:
    """Raises `DrawnZoneError`."""
    if not isinstance(value, dict):
        raise DrawnZoneError(f"expected a zone with a name and anchors, got {value!r}")
    name, page, anchors = value.get("name"), value.get("page", ""), value.get("anchors")
    if not isinstance(name, str) or not isinstance(page, str):
        raise DrawnZoneError("expected the name and the page of a zone to be strings")
    if not isinstance(anchors, list) or not all(isinstance(anchor, str) for anchor in anchors):
        raise DrawnZoneError("expected the anchors of a zone to be a list of strings")
    return DrawnZone(name, page, tuple(dict.fromkeys(anchors)))

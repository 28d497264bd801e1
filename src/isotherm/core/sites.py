"""Sites: who may send, and from where."""

from __future__ import annotations

from dataclasses import dataclass, field

from isotherm.core.pages import DEFAULT_SITE

__all__ = ["Site", "Sites"]


@dataclass(slots=True, frozen=True)
class Site:
    """A site's key and the origins that its pages are served from; none: any."""

    key: str
    origins: frozenset[str] = frozenset()

    def admits(self, origin: str | None) -> bool:
        """Whether a request of this origin may send. A request without one is no browser's and is taken."""
        return origin is None or not self.origins or origin in self.origins


@dataclass(slots=True)
class Sites:
    """All sites by key."""

    by_key: dict[str, Site] = field(default_factory=lambda: {DEFAULT_SITE: Site(DEFAULT_SITE)})

    def get(self, key: str | None) -> Site | None:
        """The site; left out, the default one. None: unknown."""
        return self.by_key.get(key or DEFAULT_SITE)

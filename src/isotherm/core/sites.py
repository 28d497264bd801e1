"""Sites: who may send, from where, and which of their addresses are one page.

A site's URL rules are applied to a path that is canonical already (`pages`), wherever a path comes in: events, sockets, `page=`. In
order: query parameters that make a page are kept, all others dropped; a path that is left out has no page; the first pattern that fits
joins pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from isotherm.core.drawn import Drawing, DrawnZoneError, drawn_from_json, drawn_to_json
from isotherm.core.pages import DEFAULT_SITE, canonical_path

__all__ = ["Site", "SiteError", "Sites", "site_from_json", "site_to_json", "with_origins"]

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PARAMETER: Final = re.compile(r"[A-Za-z0-9_.~\[\]-]{1,64}")
_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
_PATHS_KEPT_MAX: Final = 4096


class SiteError(ValueError):
    """A site that can't be; the message says what was expected."""


@dataclass(slots=True, frozen=True)
class Site:
    """A site's key, the origins that its pages are served from (none: any), and its URL rules."""

    key: str
    origins: frozenset[str] = frozenset()
    query: tuple[str, ...] = ()  #: names of query parameters that make a page, in the order in which they are written
    patterns: tuple[str, ...] = ()  #: such as ``/p/:id``: addresses that fit are that one page
    left_out: tuple[str, ...] = ()  #: patterns of addresses that are no pages
    drawing: Drawing = field(default_factory=Drawing)  #: zones that an operator drew
    _paths: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)
    _compiled: tuple[list[tuple[re.Pattern[str], str]], list[re.Pattern[str]]] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Raises `SiteError`."""
        if not _KEY.fullmatch(self.key):
            raise SiteError(f"expected a site's key of 1 to 64 letters, digits, `-`, `_` and `.`, got {self.key!r}")
        for origin in self.origins:
            if normal_origin(origin) != origin:
                raise SiteError(f"expected an origin such as https://shop.example, got {origin!r}")
        for name in self.query:
            if not _PARAMETER.fullmatch(name):
                raise SiteError(f"expected the name of a query parameter, got {name!r}")
        joined = [(_compiled(pattern), pattern) for pattern in self.patterns]
        object.__setattr__(self, "_compiled", (joined, [_compiled(pattern) for pattern in self.left_out]))

    def admits(self, origin: str | None) -> bool:
        """Whether a request of this origin may send. A request without one is no browser's and is taken."""
        return origin is None or not self.origins or origin in self.origins

    @property
    def has_rules(self) -> bool:
        return bool(self.query or self.patterns or self.left_out)

    def page_path(self, path: str, query: str | None = None) -> str | None:
        """The page's path for a path as it came in, its query in it or beside it. None: it is left out."""
        if not self.has_rules:
            return canonical_path(path.partition("?")[0])
        address = f"{path}?{query.removeprefix('?')}" if query else path
        if address in self._paths:
            return self._paths[address]
        page = self._resolved(address)
        if len(self._paths) >= _PATHS_KEPT_MAX:
            self._paths.clear()
        self._paths[address] = page
        return page

    def _resolved(self, address: str) -> str | None:
        raw, _, query = address.partition("?")
        path = canonical_path(raw)
        joined, left_out = self._compiled
        if any(pattern.fullmatch(path) for pattern in left_out):
            return None
        path = next((name for pattern, name in joined if pattern.fullmatch(path)), path)
        given = dict(pair.partition("=")[::2] for pair in reversed(query.split("&"))) if query and self.query else {}
        kept = "&".join(f"{name}={canonical_path(given[name])}" for name in self.query if name in given)
        return f"{path}?{kept}" if kept else path


@dataclass(slots=True)
class Sites:
    """All sites by key. `replace` takes what another process, or a record, says they are now."""

    by_key: dict[str, Site] = field(default_factory=lambda: {DEFAULT_SITE: Site(DEFAULT_SITE)})

    def get(self, key: str | None) -> Site | None:
        """The site; left out, the default one. None: unknown."""
        return self.by_key.get(key or DEFAULT_SITE)

    def replace(self, sites: list[Site]) -> None:
        self.by_key = {site.key: site for site in sites}

    def page_key(self, site: str, path: str) -> str:
        """The key of the page that a viewer asks for. What is left out, or of an unknown site, is a page that never gets samples."""
        known = self.by_key.get(site)
        return site + ((known.page_path(path) if known else None) or canonical_path(path))


def with_origins(sites: list[Site], origins: frozenset[str]) -> list[Site]:
    """The sites, the default one with these origins in place of its own; none: as they are."""
    if not origins:
        return sites
    default = next((site for site in sites if site.key == DEFAULT_SITE), Site(DEFAULT_SITE))
    mended = Site(DEFAULT_SITE, origins, default.query, default.patterns, default.left_out, default.drawing)
    return [*(site for site in sites if site.key != DEFAULT_SITE), mended]


def normal_origin(text: str) -> str:
    """An origin as browsers write it: lower case, `xn--` for letters that are none of ASCII, without the scheme's own port.

    Raises `SiteError`."""
    try:
        parts = urlsplit(text.strip())
        port, host = parts.port, parts.hostname or ""
        host = f"[{host}]" if ":" in host else host.encode("idna").decode()
    except ValueError:
        parts, port, host = urlsplit(""), None, ""
    beside = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or beside:
        raise SiteError(f"expected an origin as scheme and host, such as https://shop.example, got {text!r}")
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, _PORTS[parts.scheme]) else "")


def _compiled(pattern: str) -> re.Pattern[str]:
    """``:name`` stands for one segment, ``*`` at the end for whatever follows."""
    if not pattern.startswith("/") or "*" in pattern[:-1] or "?" in pattern:
        raise SiteError(f"expected a pattern such as /p/:id or /account/*, got {pattern!r}")
    open_end = pattern.endswith("*")
    segments = pattern.removesuffix("*").split("/")
    fixed = "/".join("[^/]+" if segment.startswith(":") else re.escape(segment) for segment in segments)
    return re.compile(fixed + (".*" if open_end else ""), re.DOTALL)


def site_to_json(site: Site) -> dict[str, Any]:
    """A site as the settings keep it; also the value of a settings record."""
    zones = {"zones": [drawn_to_json(zone) for zone in site.drawing.zones]} if site.drawing else {}
    return zones | {
        "key": site.key,
        "origins": sorted(site.origins),
        "query": list(site.query),
        "patterns": list(site.patterns),
        "left_out": list(site.left_out),
    }


def site_from_json(value: Any) -> Site:
    """Raises `SiteError`."""
    if not isinstance(value, dict) or not isinstance(value.get("key"), str):
        raise SiteError(f"expected a site with a key, got {value!r}")
    lists = {name: value.get(name, []) for name in ("origins", "query", "patterns", "left_out")}
    for name, items in lists.items():
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise SiteError(f"expected {name} of site {value['key']!r} to be a list of strings, got {items!r}")
    rules = (tuple(lists["query"]), tuple(lists["patterns"]), tuple(lists["left_out"]))
    return Site(value["key"], frozenset(lists["origins"]), *rules, _drawing_from_json(value["key"], value.get("zones", [])))


def _drawing_from_json(key: str, zones: Any) -> Drawing:
    if not isinstance(zones, list):
        raise SiteError(f"expected zones of site {key!r} to be a list, got {zones!r}")
    try:
        return Drawing(tuple(drawn_from_json(zone) for zone in zones))
    except DrawnZoneError as error:
        raise SiteError(f"site {key!r}: {error}") from None

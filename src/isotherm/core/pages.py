"""Pages: a site and a path. How a path is written is decided here, once, for every way in and out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = ["DEFAULT_SITE", "PATH_BYTES_MAX", "Page", "canonical_path", "keys_of", "page_and_key"]

DEFAULT_SITE: Final = "default"
PATH_BYTES_MAX: Final = 2048  #: as UTF-8, as it came in; browsers and servers cut longer addresses themselves

_KEYS_MAX: Final = 16_384
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_KEPT: Final = frozenset(b"%/?#")  #: decoded, these would change what the path means


class Page(NamedTuple):
    """One page. Its key (``default/p/1``) is what topics are keyed by; a site's name holds no slash."""

    site: str
    path: str

    @property
    def key(self) -> str:
        return self.site + self.path

    @staticmethod
    def from_key(key: str) -> Page:
        """The page of a key; raises `ValueError` where the key has no path."""
        return _from_key(key)


@lru_cache(maxsize=16_384)
def _from_key(key: str) -> Page:
    site, slash, rest = key.partition("/")
    if not slash:
        raise ValueError(f"expected a page key such as default/p/1, got {key!r}")
    return Page(site, slash + rest)


@lru_cache(maxsize=16_384)
def page_and_key(site: str, path: str) -> tuple[Page, str]:
    """The page of a canonical path, and its key: made once for what comes again and again."""
    page = Page(site, path)
    return page, page.key


class _Keys(dict[Page, str]):
    """Keys by page. Begun anew when there are too many: a look at each page of a record costs less than to know which was used last."""

    def __missing__(self, page: Page) -> str:
        if len(self) >= _KEYS_MAX:
            self.clear()
        key = self[page] = page_and_key(*page)[1]
        return key


_KEYS: Final = _Keys()


def keys_of(pages: Iterable[Page]) -> list[str]:
    """The keys of pages: for what comes again and again mostly the very strings of before, which are told apart at a look."""
    return list(map(_KEYS.__getitem__, pages))


@lru_cache(maxsize=16_384)
def _decoded(path: str) -> str:
    return _ESCAPES.sub(lambda found: _decode_run(found.group()), path)


def canonical_path(path: str) -> str:
    """The path percent-decoded as UTF-8, but for ``%2F %3F %23 %25`` and what is not valid UTF-8.

    Nothing else changes. Doing it twice changes nothing more: an escaped percent sign stays escaped.
    """
    while "%" in path and (decoded := _decoded(path)) != path:
        path = decoded  # in what was badly escaped (``%0%30``) another escape may come to light
    return path


def _decode_run(escapes: str) -> str:
    """Decodes one unbroken run of ``%XX``; what can't be decoded is left as it was written."""
    raw = bytes.fromhex(escapes.replace("%", ""))
    out: list[str] = []
    at = 0
    while at < len(raw):
        length = _sequence_length(raw, at)
        if length == 0 or (length == 1 and raw[at] in _KEPT):
            out.append(escapes[3 * at : 3 * at + 3])
            at += 1
        else:
            out.append(raw[at : at + length].decode("utf-8"))
            at += length
    return "".join(out)


def _sequence_length(raw: bytes, at: int) -> int:
    """How many bytes the valid UTF-8 sequence at ``at`` has; 0 if there is none."""
    first = raw[at]
    length = 1 if first < 0x80 else 2 if 0xC2 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF5 else 0
    try:
        return length if raw[at : at + length].decode("utf-8") and at + length <= len(raw) else 0
    except UnicodeDecodeError:
        return 0

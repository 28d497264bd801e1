"""The book: what an operator changes while servers run, as the commands `site` and `token` have it. Here: of one data folder.

A running server takes changes of the folder within a second, and tokens at once. The other book is that of servers on Kafka, which
share a topic.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from isotherm.access.keys import Keys, KeysError, Token
from isotherm.access.settings import Settings, SettingsError
from isotherm.core.sites import Site

__all__ = ["Book", "BookError", "FolderBook"]


class BookError(Exception):
    """A change that can't be made; the message says why and what to do, in one line."""


class Book(Protocol):
    """Sites and viewers' tokens. All raise `BookError`."""

    def sites(self) -> list[Site]: ...
    def put_site(self, site: Site) -> None:
        """The site that has this key is replaced."""
        ...

    def remove_site(self, key: str) -> None: ...
    def tokens(self) -> list[Token]: ...
    def add_token(self, name: str, site: str | None, days: int | None) -> str:
        """Returns the token, this once; only its hash is kept."""
        ...

    def revoke_token(self, name: str) -> bool:
        """False: there is none of that name."""
        ...


class FolderBook:
    """The book of one data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._settings = Settings(data / "settings.json")

    def sites(self) -> list[Site]:
        try:
            return self._settings.sites()
        except SettingsError as error:
            raise BookError(str(error)) from None

    def put_site(self, site: Site) -> None:
        self._save([known for known in self.sites() if known.key != site.key] + [site])

    def remove_site(self, key: str) -> None:
        self._save([known for known in self.sites() if known.key != key])

    def _save(self, sites: list[Site]) -> None:
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            self._settings.save(sites)
        except (SettingsError, OSError) as error:
            raise BookError(str(error)) from None

    def tokens(self) -> list[Token]:
        with self._keys() as keys:
            return keys.tokens()

    def add_token(self, name: str, site: str | None, days: int | None) -> str:
        now_ms = time.time_ns() // 1_000_000
        try:
            with self._keys() as keys:
                return keys.new_token(name, site, now_ms, end_ms(now_ms, days))
        except KeysError as error:
            raise BookError(str(error)) from None

    def revoke_token(self, name: str) -> bool:
        with self._keys() as keys:
            return keys.revoke(name)

    def _keys(self) -> Keys:
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            return Keys(self._data / "access.sqlite")
        except (KeysError, OSError) as error:
            raise BookError(str(error)) from None


def end_ms(now_ms: int, days: int | None) -> int | None:
    """When a token ends that is made now; None: when it is revoked."""
    return now_ms + days * 86_400_000 if days is not None else None

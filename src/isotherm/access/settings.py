"""The settings that change while a server runs: the sites. One small file in the data folder, replaced as a whole.

`isotherm site` writes it from another process; the server looks once a second whether it is another file than before. Where several
processes must agree (Kafka), the same JSON of a site is the value of a settings record (`core.sites.site_to_json`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from isotherm.core.pages import DEFAULT_SITE
from isotherm.core.sites import Site, SiteError, site_from_json, site_to_json

__all__ = ["Settings", "SettingsError"]

_FORMAT: Final = 1


class SettingsError(Exception):
    """The settings can't be read or written; the message says why."""


class Settings:
    """One data folder's settings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None

    def sites(self) -> list[Site]:
        """All sites; without a file, the default one. Raises `SettingsError`."""
        self._seen = self._stamp()
        try:
            content = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return [Site(DEFAULT_SITE)]
        except (OSError, ValueError) as error:
            raise SettingsError(f"can't read {self.path}: {error}") from error
        if not isinstance(content, dict) or not isinstance(content.get("sites"), list):
            raise SettingsError(f"{self.path} is no settings file: expected an object with `sites`")
        if content.get("format") != _FORMAT:
            raise SettingsError(f"{self.path} is of format {content.get('format')}, this release knows {_FORMAT}: update Isotherm")
        try:
            return [site_from_json(site) for site in content["sites"]]
        except SiteError as error:
            raise SettingsError(f"{self.path}: {error}") from error

    def save(self, sites: list[Site]) -> None:
        """Raises `SettingsError`."""
        content: dict[str, Any] = {"format": _FORMAT, "sites": [site_to_json(site) for site in sites]}
        draft = self.path.with_name(self.path.name + ".new")
        try:
            with draft.open("w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            raise SettingsError(f"can't write {self.path}: {error.strerror}") from error

    def changed(self) -> bool:
        """Whether the file is another than was read last; a look at the folder's entry, nothing more."""
        return self._stamp() != self._seen

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
